package rota

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// known is what balancers that probe know of a node: its notes. What is not atomic is guarded by their pooling's mu.
type known struct {
	blame   atomic.Uint64 // recent failures: a float32, and the time in milliseconds when it was that
	muted   atomic.Int64  // not drawn at random until then, if there are others
	home    *pool         // of the picker that has the node; only its Balancer reads and writes it and round
	replied time.Duration // when there was a reply last; of C3
	reply   float32       // averages of C3, in nanoseconds
	service float32
	queue   float32
	missed  uint16 // probes in a row without an answer
	round   uint16 // of home, when the node was last in its set
}

const (
	blameRIF    = 4.0              // what a failure counts for in requests in flight
	blameFades  = 10 * time.Second // the time in which it does so, about
	blamePardon = 0.25             // what a success leaves of it
	leastBlame  = 0.05             // what is less is nothing
	mostBlame   = 8                // so that it is nothing after 70 s
)

// fail counts a failure.
func (k *known) fail(now time.Duration) { k.setBlame(now, min(k.faded(now)+1, mostBlame)) }

// pardon takes note of a success.
func (k *known) pardon(now time.Duration) { k.setBlame(now, k.faded(now)*blamePardon) }

func (k *known) setBlame(now time.Duration, b float64) {
	if b < leastBlame {
		k.blame.Store(0)
		return
	}
	k.blame.Store(uint64(math.Float32bits(float32(b)))<<32 | uint64(uint32(now/time.Millisecond)))
}

// faded returns what is left of failures. It fades as exp(-x), to the fourth order: math.Exp gives other bits on
// machines with other instructions, and a simulation must not.
func (k *known) faded(now time.Duration) float64 {
	w := k.blame.Load()
	if w == 0 {
		return 0
	}
	since := int32(uint32(now/time.Millisecond) - uint32(w))
	x := max(float64(since), 0) / float64(blameFades/time.Millisecond)
	if b := float64(math.Float32frombits(uint32(w>>32))) / (1 + x*(1+x/2*(1+x/3*(1+x/4)))); b >= leastBlame {
		return b
	}
	return 0
}

// blameOf returns what failures are held against n. None are while its breaker is open: the breaker decides when n has
// a trial, and blame would only put it off.
func (k *known) blameOf(n *Node, now time.Duration) float64 {
	if k.blame.Load() == 0 {
		return 0
	}
	if s := n.breaker.Phase(); s == breaker.Open || s == breaker.HalfOpen {
		return 0
	}
	return k.faded(now)
}

// Probes that are not answered: after so many in a row the node is not drawn for a while.
const (
	mostMissed = 3
	mutedFor   = time.Second
)

// miss counts a probe without an answer, and reports whether there are too many.
func (k *known) miss() bool {
	k.missed = min(k.missed+1, mostMissed)
	return k.missed == mostMissed
}

// hear takes note of an answer.
func (k *known) hear() {
	if k.missed > 0 {
		k.missed = 0
		k.muted.Store(0)
	}
}

// knownOf returns n's notes; nil if another kind of balancer has made them.
func knownOf(n *Node) *known {
	k, _ := n.noted().(*known)
	return k
}

// acquaint gives n its notes. Only a Balancer may call it.
func acquaint(n *Node) { notesOn[known](n) }
