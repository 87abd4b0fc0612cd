package limit_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

// world is a server in virtual time behind a Limiter: requests arrive at random, wait for a place, and are served by so
// many workers, first come, first served, or by processors that all requests share.
type world struct {
	limiter *limit.Limiter
	rand    *rand.Rand
	workers int
	shared  bool                 // processor sharing, with workers processors
	service func() time.Duration // how long the next request takes alone
	timeout time.Duration        // of the callers, whose requests are worked on all the same; 0 = none

	now     time.Duration
	events  events
	backlog []*request // admitted, and waiting for a worker
	busy    int
	sharing []*request // under way, if shared
	touched time.Duration
	version int // of sharing

	done      []time.Duration // from arrival to end
	good      int             // of these, within the timeout
	offered   int
	rejected  int
	mostTaken int
}

type request struct {
	arrived, began time.Duration
	place          limit.Place
	need           time.Duration // left, if shared
}

type event struct {
	at time.Duration
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newWorld(seed uint64, c limit.Config, workers int, mean time.Duration) *world {
	w := &world{limiter: limit.New(c), workers: workers, rand: rand.New(rand.NewPCG(seed, 1))}
	w.service = func() time.Duration { return w.exp(mean) }
	return w
}

func (w *world) exp(mean time.Duration) time.Duration {
	return time.Duration(w.rand.ExpFloat64() * float64(mean))
}

func (w *world) at(t time.Duration, do func()) { heap.Push(&w.events, event{max(t, w.now), do}) }

// run offers perSec requests a second for d, and forgets what was counted before.
func (w *world) run(perSec float64, d time.Duration) {
	w.done, w.good, w.offered, w.rejected, w.mostTaken = nil, 0, 0, 0, 0
	end := w.now + d
	over := false
	var arrive func()
	arrive = func() {
		if over {
			return
		}
		w.at(w.now+w.exp(time.Duration(float64(time.Second)/perSec)), arrive)
		w.arrive()
	}
	w.at(w.now+w.exp(time.Duration(float64(time.Second)/perSec)), arrive)
	w.at(end, func() { over = true })
	for !over {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
}

func (w *world) arrive() {
	w.offered++
	r := &request{arrived: w.now, need: w.service()}
	place, verdict := w.limiter.Enter(w.now)
	if verdict == limit.Waiting {
		waiter := &limit.Waiter{Owner: r}
		if verdict = w.limiter.Wait(w.now, waiter); verdict == limit.Waiting {
			until := waiter.Until
			if w.timeout > 0 {
				until = min(until, w.now+w.timeout)
			}
			w.at(until, func() {
				if w.limiter.Cancel(w.now, waiter) {
					w.rejected++
				}
			})
			return
		}
		place = waiter.Place
	}
	if verdict == limit.Rejected {
		w.rejected++
		return
	}
	w.admit(r, place)
}

func (w *world) admit(r *request, place limit.Place) {
	r.place, r.began = place, w.now
	taken, _ := w.limiter.Taken()
	w.mostTaken = max(w.mostTaken, taken)
	if w.shared {
		w.share()
		w.sharing = append(w.sharing, r)
		w.nextShared()
		return
	}
	if w.busy == w.workers {
		w.backlog = append(w.backlog, r)
		return
	}
	w.busy++
	w.serve(r)
}

func (w *world) serve(r *request) {
	w.at(w.now+r.need, func() {
		if len(w.backlog) > 0 {
			next := w.backlog[0]
			w.backlog = w.backlog[1:]
			w.serve(next)
		} else {
			w.busy--
		}
		w.leave(r)
	})
}

func (w *world) leave(r *request) {
	w.done = append(w.done, w.now-r.arrived)
	inTime := w.timeout == 0 || w.now-r.arrived <= w.timeout
	if inTime {
		w.good++
	}
	w.limiter.Leave(w.now, r.place, w.now-r.began, inTime)
	for next := w.limiter.Next(w.now); next != nil; next = w.limiter.Next(w.now) {
		w.admit(next.Owner.(*request), next.Place)
	}
}

// share takes from every request what was done for it since the last time.
func (w *world) share() {
	if n := len(w.sharing); n > 0 {
		did := time.Duration(float64(w.now-w.touched) * min(1, float64(w.workers)/float64(n)))
		for _, r := range w.sharing {
			r.need -= did
		}
	}
	w.touched = w.now
}

// nextShared sets the time of the next end.
func (w *world) nextShared() {
	if len(w.sharing) == 0 {
		return
	}
	first := slices.MinFunc(w.sharing, func(a, b *request) int { return int(a.need - b.need) })
	n := float64(len(w.sharing))
	w.version++
	version := w.version
	w.at(w.now+time.Duration(float64(max(first.need, 0))*max(1, n/float64(w.workers))), func() {
		if w.version != version {
			return // others have come or gone, and set another time
		}
		w.share()
		w.sharing = slices.DeleteFunc(w.sharing, func(r *request) bool { return r == first })
		w.nextShared()
		w.leave(first)
	})
}

// quantile of the times of the requests that were served.
func (w *world) quantile(q float64) time.Duration {
	if len(w.done) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(w.done))
	return sorted[min(int(math.Ceil(q*float64(len(sorted)))), len(sorted))-1]
}
