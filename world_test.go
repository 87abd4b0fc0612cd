package rota_test

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rota-go/rota"
)

// world drives plans in virtual time: an event heap, replicas with faults, and a check after every step.
type world struct {
	*rand.Rand
	cl    *rota.Cluster
	start time.Time
	now   time.Time
	heap  events
	seq   int
	// respond draws what a replica does with an attempt: how long it takes, and how it ends.
	respond func(*rota.Attempt) (time.Duration, rota.Outcome)

	calls, sent, succeeded int
	wrong                  []string // broken promises
	log                    []byte   // everything that happened
	open                   int      // attempts under way
	recorded, reported     int      // what the observer was told
	failures               []error
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(seed uint64, policy rota.Policy, nodes int, bal rota.Balancer) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), start: epoch, now: epoch}
	core := rand.New(rand.NewPCG(seed, 2))
	w.cl = rota.NewCluster(rota.ClusterParams{
		Service: "users", Policy: policy, Balancer: bal, Rand: core.Uint64, Now: epoch,
		Observer: rota.Observer{
			AttemptEnded: func(rota.AttemptEvent) { w.recorded++ },
			CallEnded:    func(rota.CallEvent) { w.reported++ },
		},
	})
	w.cl.Update(epoch, instances(nodes))
	return w
}

// flight is one call under way.
type flight struct {
	w        *world
	plan     *rota.Plan
	call     rota.Call
	deadline time.Time
	tried    map[*rota.Node]int
	unsafe   int // attempts that may have reached a replica
	sent     int
	cancel   map[int]bool
	done     bool
	at       time.Time
}

func (w *world) begin(call rota.Call, deadline time.Time) *flight {
	w.calls++
	f := &flight{w: w, call: call, deadline: deadline, tried: map[*rota.Node]int{}, cancel: map[int]bool{}, at: w.now}
	f.plan = w.cl.Plan(w.now, deadline, call)
	f.drive()
	return f
}

func (f *flight) drive() {
	for !f.done {
		switch s := f.plan.Next(f.w.now); s.Kind {
		case rota.StepSend:
			f.send(s.Attempt)
		case rota.StepCancel:
			f.cancel[s.Attempt.Number()] = true
			a := s.Attempt
			f.w.after(time.Microsecond, func() { f.ended(a, rota.Outcome{Verdict: rota.Failure, Err: errCanceled}) })
		case rota.StepWait:
			if !s.At.IsZero() {
				if s.At.Before(f.w.now) {
					f.w.broken("the plan wants to wake up in the past: %v", f.w.now.Sub(s.At))
				}
				f.w.after(s.At.Sub(f.w.now), f.drive)
			}
			return
		case rota.StepDone:
			f.finish()
		}
	}
}

var (
	errCanceled = errors.New("canceled")
	errBroken   = errors.New("broken")
	errRefused  = errors.New("refused")
	errFull     = errors.New("full")
)

func (f *flight) send(a *rota.Attempt) {
	w := f.w
	w.sent++
	w.open++
	f.sent++
	n := a.Instance().Addr
	w.logf("%v send %d to %s hedge=%t", w.now.Sub(w.start), a.Number(), n, a.Hedge())
	if f.unsafe > 0 && !f.call.Idempotent {
		w.broken("a call that may not be repeated was sent twice")
	}
	f.checkFresh(a)
	took, o := w.respond(a)
	if !o.Unsent {
		f.unsafe++
	}
	number := a.Number()
	w.after(took, func() {
		if !f.cancel[number] {
			f.ended(a, o)
		}
	})
}

// checkFresh is promise 2: no node is tried twice while another admits attempts.
func (f *flight) checkFresh(a *rota.Attempt) {
	var node *rota.Node
	others := 0
	for _, n := range f.w.cl.Nodes() {
		if n.Instance() == a.Instance() {
			node = n
		} else if f.tried[n] == 0 && f.w.cl.Admits(n, f.w.now) {
			others++
		}
	}
	if f.tried[node] > 0 && others > 0 {
		f.w.broken("attempt %d went to a tried node while %d fresh ones were usable", a.Number(), others)
	}
	f.tried[node]++
}

func (f *flight) ended(a *rota.Attempt, o rota.Outcome) {
	f.w.open--
	f.plan.Ended(f.w.now, a, o)
	f.drive()
}

func (f *flight) finish() {
	w := f.w
	f.done = true
	if !f.deadline.IsZero() && w.now.After(f.deadline) {
		w.broken("a call ended %v after its deadline", w.now.Sub(f.deadline))
	}
	err := f.plan.Err()
	w.logf("%v done %v", w.now.Sub(w.start), err)
	if err == nil {
		w.succeeded++
	} else {
		w.failures = append(w.failures, err)
		var ce *rota.CallError
		if !errors.As(err, &ce) {
			w.broken("the error is a %T", err)
		} else if len(ce.Attempts) != f.sent {
			w.broken("the error lists %d attempts of %d: %v", len(ce.Attempts), f.sent, err)
		}
	}
	f.plan.Close()
}

// leave is the caller's cancel.
func (f *flight) leave(cause error) {
	if !f.done {
		f.plan.Cancel(f.w.now, cause)
		f.drive()
	}
}

func (w *world) broken(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}
func (w *world) logf(format string, args ...any) { w.log = fmt.Appendf(w.log, format+"\n", args...) }

func (w *world) after(d time.Duration, f func()) {
	w.seq++
	heap.Push(&w.heap, event{w.now.Add(max(d, 0)), w.seq, f})
}

// run lets time pass until nothing is left to happen.
func (w *world) run() {
	for len(w.heap) > 0 {
		e := heap.Pop(&w.heap).(event)
		w.now = e.at
		e.do()
	}
	w.checkBooks()
}

// checkBooks is promise 3: in flight is zero again, and every attempt was recorded once.
func (w *world) checkBooks() {
	s := w.cl.Stats(w.now)
	for _, n := range s.Nodes {
		if n.InFlight != 0 {
			w.broken("%s has %d in flight at the end", n.Instance.Addr, n.InFlight)
		}
	}
	if w.recorded != w.sent || w.open != 0 {
		w.broken("%d attempts sent, %d recorded, %d open", w.sent, w.recorded, w.open)
	}
	c := s.Calls
	counted := c.Succeeded + c.Failed + c.Overloaded + c.Unplaced + c.Throttled + c.Ignored
	if counted != uint64(w.calls) || w.reported != w.calls || c.InFlight != 0 {
		w.broken("%d calls begun, %d counted as ended, %d reported", w.calls, counted, w.reported)
	}
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
