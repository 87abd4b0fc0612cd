package rota

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// health is how many nodes of the set are fit, and with that, which may be taken out of use.
//
// A node's breaker opens only while fewer than MaxEjected of the set are out; one more stays in use, failing, and gets
// next to no first attempts while others do better. When all that are in use are failing, or fewer than a quarter
// are in use, choosing by health makes things worse: panic, every node is used (as in Envoy, where the threshold is a
// half, which two dead replicas of three would cross).
type health struct {
	state atomic.Uint32 // flags; a call reads them once
	share atomic.Uint32 // of its turns that a failing node gets, in 1/2^32

	mu           sync.Mutex
	size         int // of the set
	out, failing int
}

// The flags of health.state. None: every node of the set is fit, and no call needs to look.
const (
	unfit    uint32 = 1 << iota // some node is out or failing
	panicked                    // use all
	warming                     // some node is in its slow start, or was not long ago
)

// standing is what a node counts as.
type standing uint8

const (
	absent standing = iota // not in the set
	fit
	out     // its breaker is open or half-open
	failing // it would be, if not too many were already
)

const (
	panicBelow   = 0.25 // of the set in use
	relapseSpan  = 30 * time.Second
	maxPause     = time.Second // between trials, unless Breaker.Open is longer
	leastShare   = 0.1         // what a node gets of its turns when its slow start begins
	failingShare = 0.05        // what all failing nodes together get, for each turn of a fit one: less than the budget
)

// maxOut is how many nodes of a set may be out: one at least, and never all.
func (r *rules) maxOut(size int) int {
	return min(max(int(r.maxEjected*float64(size)), 1), size-1)
}

// enroll counts the nodes of a new set.
func (cl *Cluster) enroll(old, next []*Node) {
	h := &cl.health
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range old {
		n.standing = absent
	}
	h.size, h.out, h.failing = len(next), 0, 0
	for _, n := range next {
		n.standing = standingOf(n)
		h.count(n.standing, 1)
	}
	h.flagLocked()
}

func standingOf(n *Node) standing {
	switch n.breaker.Phase() {
	case breaker.Open, breaker.HalfOpen:
		return out
	case breaker.Failing:
		return failing
	}
	return fit
}

func (h *health) count(s standing, d int) {
	switch s {
	case out:
		h.out += d
	case failing:
		h.failing += d
	}
}

func (h *health) flagLocked() {
	flags := h.state.Load() & warming
	if h.out+h.failing > 0 {
		flags |= unfit
	}
	if h.out+h.failing >= h.size || float64(h.size-h.out) < panicBelow*float64(h.size) {
		flags |= panicked
	}
	if h.size == 0 {
		flags = 0
	}
	if h.failing > 0 {
		healthy := h.size - h.out - h.failing
		h.share.Store(uint32(min(leastShare, failingShare*float64(healthy)/float64(h.failing)) * (1 << 32)))
	}
	h.state.Store(flags)
}

// recountLocked brings a node's standing up to date after its breaker has changed.
func (h *health) recountLocked(n *Node) {
	if n.standing == absent {
		return
	}
	h.count(n.standing, -1)
	n.standing = standingOf(n)
	h.count(n.standing, 1)
	h.flagLocked()
}

// changed does what follows from a change of a node's breaker, and tells the observer.
func (cl *Cluster) changed(now time.Duration, n *Node, c change) {
	if c == unchanged {
		return
	}
	defer cl.tellPanic()
	switch c {
	case worsened:
		cl.trouble()
		if !cl.eject(now, n) {
			return
		}
	case improved, closed:
		cl.mended(now, n, c == closed)
		if c == improved {
			return
		}
	}
	if f := cl.observer.BreakerChanged; f != nil {
		e := BreakerEvent{Service: cl.service, Instance: n.Instance(), Open: c == worsened}
		if e.Open {
			e.Why = reason(n.why.Load()).String()
		}
		f(e)
	}
}

// tellPanic does what follows when panic began or ended.
func (cl *Cluster) tellPanic() {
	on := cl.health.state.Load()&panicked != 0
	if cl.panicking.Swap(on) == on {
		return
	}
	if !on { // what failed in it says nothing about one node beside the others
		for _, n := range cl.list() {
			n.forget()
		}
	}
	if f := cl.observer.PanicChanged; f != nil {
		f(PanicEvent{cl.service, on})
	}
}

// Eject takes the replica at addr out of use by hand, if another is left: it comes back as any that failed does, by a
// trial. It does nothing without a Breaker. It reports whether the replica is out.
func (cl *Cluster) Eject(now time.Time, addr string) bool {
	for _, n := range cl.list() {
		if n.Instance().Addr == addr && cl.terms().breaker {
			cl.eliminate(cl.since(now), n, byHand)
			p := n.breaker.Phase()
			return p == breaker.Open || p == breaker.HalfOpen
		}
	}
	return false
}

// Checked takes the result of an active check of the replica at addr into account: a good one ends its ejection, a bad
// one begins it, if another replica is left.
func (cl *Cluster) Checked(now time.Time, addr string, good bool) {
	if !cl.terms().breaker {
		return
	}
	for _, n := range cl.list() {
		if n.Instance().Addr != addr {
			continue
		}
		if good {
			cl.changed(cl.since(now), n, n.left(n.breaker.Close()))
		} else {
			cl.eliminate(cl.since(now), n, byCheck)
		}
		return
	}
}

// eject opens the breaker of a node that fails, if not too many are open. It reports whether it did.
func (cl *Cluster) eject(now time.Duration, n *Node) bool {
	h := &cl.health
	h.mu.Lock()
	defer h.mu.Unlock()
	opened := false
	if n.standing == absent || n.standing != out && h.out < cl.terms().maxOut(h.size) {
		opened = n.breaker.Open(now + n.relapse(now, cl.terms()))
	}
	h.recountLocked(n)
	if opened {
		n.trips.Add(1)
	}
	return opened
}

// relapse returns how long a node stays out before its first trial: twice as long each time that it comes back and fails
// again within relapseSpan, but no longer than maxPause. health.mu is held.
func (n *Node) relapse(now time.Duration, r *rules) time.Duration {
	if n.returned > 0 && now-n.returned < relapseSpan {
		n.relapses = min(n.relapses+1, 20)
	} else {
		n.relapses = 0
	}
	pause := r.open
	if pause < maxPause { // a longer one is not stretched
		pause = min(pause<<n.relapses, maxPause)
	}
	n.pause.Store(int64(pause))
	n.lostTrials.Store(0)
	return pause
}

// mended books a node that answers again. back says that it was out, so that it comes back slowly.
func (cl *Cluster) mended(now time.Duration, n *Node, back bool) {
	h := &cl.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if back {
		n.returned = max(now, 1)
		cl.warmLocked(now, n)
	}
	h.recountLocked(n)
}

// warmLocked begins a node's slow start.
func (cl *Cluster) warmLocked(now time.Duration, n *Node) {
	if cl.terms().slowStart == 0 {
		return
	}
	n.warm.Store(int64(max(now, 1)))
	cl.warmUntil.Store(int64(now + cl.terms().slowStart))
	cl.health.state.Or(warming)
}

// conditions returns the flags of health at the beginning of a call.
func (cl *Cluster) conditions(now time.Duration) uint32 {
	flags := cl.health.state.Load()
	if flags&warming != 0 && now >= time.Duration(cl.warmUntil.Load()) {
		cl.health.state.And(^warming)
		flags &^= warming
	}
	return flags
}
