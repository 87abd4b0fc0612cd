package rota

import (
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/breaker"
	"github.com/rota-go/rota/internal/ewma"
	"github.com/rota-go/rota/internal/rate"
	"github.com/rota-go/rota/internal/window"
)

// Node is all that is known about one replica. It lives as long as its instance is in the set, whatever becomes of
// pickers and policies, and until its last attempt has ended. Methods may be called concurrently.
type Node struct {
	// What every call writes, in one cache line: two cores that call the same replica exchange one line and not five.
	work    atomic.Uint64 // attempts in flight in the low bits, answers given above them
	marks   window.Marks  // of the answers
	breaker breaker.Breaker
	rate    rate.Limiter
	rest    atomic.Int64 // no attempts until then, since the cluster's epoch; see restUntil
	latency ewma.Average

	inst       atomic.Pointer[Instance]
	failed     window.Counter
	overloaded atomic.Uint64
	ignored    atomic.Uint64
	trips      atomic.Uint64 // how often the breaker opened
	seldom     atomic.Pointer[seldom]
	warm       atomic.Int64        // when its slow start began; 0 = never
	pause      atomic.Int64        // between trials
	lostTrials atomic.Int64        // since the breaker opened
	returned   time.Duration       // when its breaker last closed; 0 = never; guarded by health.mu
	notes      atomic.Pointer[any] // the balancer's; only a Balancer sets it

	vanished atomic.Bool   // discovery does not list it any more
	gone     atomic.Bool   // it is in the set no more
	restarts atomic.Uint32 // how often it was to begin anew
	why      atomic.Uint32 // a reason: what is, or was last, held against it
	standing standing      // guarded by health.mu
	relapses int8          // guarded by health.mu
	slow     int8          // sweeps in a row that found it slow; Cluster.sweeping is held

	// To a multiple of 64 bytes: what is allocated in any other size begins in the middle of a cache line, and two nodes
	// share one.
	_ [12]byte
}

func newNode(inst *Instance) *Node {
	n := new(Node)
	n.inst.Store(inst)
	n.vanished.Store(inst.Vanished)
	return n
}

// Instance returns the replica as discovery told it last.
func (n *Node) Instance() Instance { return *n.inst.Load() }

// Load returns what balancers compare: the attempts in flight, and one for every failure since the last answer, up to
// maxRow of them, so that a replica that fails fast does not look idle.
func (n *Node) Load() int { return n.InFlight() + min(n.breaker.Row(), maxRow) }

const maxRow = 16

// InFlight returns the number of attempts that have been admitted and have not ended, the body of a held reply included.
func (n *Node) InFlight() int { return int(n.work.Load() & (oneAnswer - 1)) }

// oneAnswer is an answer in Node.work. There is room for a million attempts in flight, and for five years of 100,000
// answers a second.
const oneAnswer = 1 << 20

func (n *Node) answers() uint64 { return n.work.Load() / oneAnswer }

// Latency returns the moving average of the time to an answer; 0 before the first. A failure counts as an answer after
// the time it took, a lost attempt as "at least its age".
func (n *Node) Latency() time.Duration { return n.latency.Value() }

// admission is whether a node takes an attempt, and if not, why.
type admission uint8

const (
	admitted admission = iota
	resting
	open
	limited
)

// lenience is how much is forgiven for want of other nodes.
type lenience uint8

const (
	strict lenience = iota
	needed          // a node that is left alone on a guess will do, or on trial: no other is left
	forced          // and so will one whose breaker is open: panic
)

// admits says what admit would, without committing to anything.
func (n *Node) admits(now time.Duration, r *rules, l lenience) admission {
	switch {
	case n.rests(now, l):
		return resting
	case r.breaker && l < forced && n.breaker.Wait(now) > 0:
		return open
	case r.limited && n.rate.Wait(now, r.limit) > 0:
		return limited
	}
	return admitted
}

// wait is how long from now the node will not admit an attempt.
func (n *Node) wait(now time.Duration, r *rules) time.Duration {
	w := max(0, time.Duration(n.rest.Load())-now)
	if r.breaker {
		w = max(w, n.breaker.Wait(now))
	}
	if r.limited {
		w = max(w, n.rate.Wait(now, r.limit))
	}
	return w
}

// admit takes a place on the node, or reports false. What is admitted must be released.
func (n *Node) admit(now time.Duration, r *rules, l lenience) (breaker.Ticket, bool) {
	n.work.Add(1) // a write first: it fetches the cache line for all that follows
	var t breaker.Ticket
	ok := !n.rests(now, l)
	if ok && r.breaker {
		t, ok = n.breaker.Allow(now, r.open, l == forced)
	}
	if ok && r.limited && !n.rate.Take(now, r.limit) {
		n.breaker.Neutral(t, now)
		ok = false
	}
	if !ok {
		n.release()
	}
	return t, ok
}

// release ends an attempt that was admitted and comes to nothing.
func (n *Node) release() { n.work.Add(^uint64(0)) }

// record ends an attempt that took d, counts its outcome, and returns how the breaker changed.
func (n *Node) record(now, d time.Duration, t breaker.Ticket, o *Outcome, r *rules) change {
	if o.Verdict != Success {
		n.release()
	}
	if o.Draining {
		n.drains(now)
	}
	switch o.Verdict {
	case Success:
		work := n.work.Add(oneAnswer - 1) // one more answer, one less in flight
		if r.breaker {
			n.marks.Mark(now, work/oneAnswer-1)
		}
		n.latency.Observe(now, d)
		return n.succeed(t, r)
	case Failure:
		n.failed.Add(now)
		n.latency.AtLeast(now, max(d, failureCost*n.latency.Value())) // failing fast must not look like being fast
		if n.vanished.Load() {
			n.restUntil(never, true)
		}
		failed, ok := n.recent(now)
		if r.breaker && failed+ok >= r.volume && float64(failed) >= r.ratio*float64(failed+ok) {
			return n.fail(now, t, r, byShare)
		}
		return n.fail(now, t, r, byRow)
	case Overload:
		n.overloaded.Add(1)
		s := n.trouble()
		n.restUntil(now+min(o.RetryAfter, MaxRest), s.sheds(now, n))
		if row, _ := s.refusals.add(n.answers(), now); r.breaker && row >= r.failures {
			n.restUntil(now+r.open, true)
		}
		n.breaker.Neutral(t, now)
	case Ignored:
		n.ignored.Add(1)
		n.breaker.Neutral(t, now)
	}
	return unchanged
}

// failureCost is what a failure counts for in the average latency, in averages, at least.
const failureCost = 2

// A node is silent when attempts are given up on it, one after the other, and it has answered nobody since they were
// sent. Silence opens the breaker after as many of them as failures would, but not before minSilence: a replica that
// was descheduled for a moment, or stopped for its garbage collector, is slow, not hung.
const minSilence = 100 * time.Millisecond

// lost ends an attempt that was given up because another won. late tells that the winner was sent after it: it had
// all the time that answers take, and then some. Without this a hung replica that always loses its hedge would never
// be found out, for nothing that happens to it counts as a failure.
func (n *Node) lost(now time.Duration, a *Attempt, late bool, r *rules) change {
	n.release()
	n.ignored.Add(1)
	n.latency.AtLeast(now, a.took)
	if late {
		n.trouble().slowed.Add(now)
	}
	switch {
	case !r.breaker || !late:
	case a.ticket.Trial():
		pause := min(minTrialPause<<min(n.lostTrials.Add(1)-1, 10), n.trialPause(r)/2)
		n.breaker.Failure(a.ticket, now, pause, r.failures, true)
		return unchanged
	case n.silent(now, a, r.failures):
		return n.fail(now, a.ticket, r, bySilence)
	}
	n.breaker.Neutral(a.ticket, now)
	return unchanged
}

// A trial that lost to its hedge proves nothing: a replica that has just started is slow with its first answers. The next
// one comes after minTrialPause, and after each that is lost too twice as long, up to half of what follows a failure.
const minTrialPause = 50 * time.Millisecond

func (n *Node) trialPause(r *rules) time.Duration { return or(time.Duration(n.pause.Load()), r.open) }

func (n *Node) silent(now time.Duration, a *Attempt, limit int) bool {
	if n.answers() != a.answers {
		return false // it has answered somebody since
	}
	silence := &n.trouble().silence
	row, since := silence.add(a.answers, a.start)
	if row < limit || now-since < minSilence {
		return false
	}
	silence.end()
	return true
}

// succeed tells the breaker of an answer. What failed before a trial closed it is forgotten, or the next failure would
// find the old share of failures and open it at once.
func (n *Node) succeed(t breaker.Ticket, r *rules) change {
	return n.left(n.breaker.Success(t))
}

// left says what it means that the breaker was in a state and is closed now.
func (n *Node) left(was breaker.State) change {
	if was == breaker.Closed {
		return unchanged
	}
	n.forget()
	if was == breaker.Failing {
		return improved
	}
	n.latency.Forget()
	return closed
}

// forget lets the node begin anew where it is compared with others and with its own past.
func (n *Node) forget() {
	n.restarts.Add(1)
	n.marks.Forget(n.answers())
	n.failed.Forget()
	if s := n.seldom.Load(); s != nil {
		s.slowed.Forget()
	}
}

// fail tells the breaker of a failure. If the reason is byRow it counts, and any other is enough.
func (n *Node) fail(now time.Duration, t breaker.Ticket, r *rules, why reason) change {
	if !n.breaker.Failure(t, now, n.trialPause(r), r.failures, why != byRow) {
		return unchanged
	}
	n.blame(why)
	return worsened
}

// reason is why a node is taken out of use.
type reason uint32

const (
	byRow reason = iota + 1
	byShare
	bySilence
	byOthersFailures
	byOthersLatency
	byCheck
	byHand
)

func (r reason) String() string {
	return [...]string{
		"", "failures in a row", "share of failures", "answers nobody", "fails more than the others", "slower than the others",
		"active check", "by hand",
	}[r]
}

func (n *Node) blame(why reason) { n.why.Store(uint32(why)) }

// drains takes note that the replica is going away.
func (n *Node) drains(now time.Duration) { n.restUntil(now+DrainRest, true) }

// restUntil keeps attempts away from the node until t. The replica's own wish is granted. A rest that is only our guess,
// or the wish of one that answers others (soft), ends when no other node is left: refusing calls for a replica that
// refuses some would make things worse. The lowest bit of the word tells which it is.
func (n *Node) restUntil(t time.Duration, soft bool) {
	word := int64(t) &^ 1
	if soft {
		word |= 1
	}
	for {
		old := n.rest.Load()
		if word <= old || n.rest.CompareAndSwap(old, word) {
			return
		}
	}
}

// rests reports whether the node is to be left alone.
func (n *Node) rests(now time.Duration, l lenience) bool {
	word := n.rest.Load()
	return word&^1 > int64(now) && !(l >= needed && word&1 == 1)
}

// change is what an outcome did to a node's breaker.
type change uint8

const (
	unchanged change = iota
	worsened         // it should open
	improved         // it should have been open, and need not be any more
	closed           // it was open
)
