package rota

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/window"
)

// seldom is what most nodes never need.
type seldom struct {
	refusals row            // overloads
	silence  row            // attempts given up without an answer
	slowed   window.Counter // slow answers, and attempts that lost to a hedge
	refused  atomic.Int64   // when the last overload was; 0 = never
	mixed    atomic.Int64   // when it last answered a call between two overloads; 0 = never
}

// trouble returns the node's seldom, which it has from then on.
func (n *Node) trouble() *seldom {
	s := n.seldom.Load()
	if s == nil {
		s = new(seldom)
		if !n.seldom.CompareAndSwap(nil, s) {
			s = n.seldom.Load()
		}
	}
	return s
}

// slowed returns how many recent answers were slow, those included that a hedge was quicker than.
func (n *Node) slowed(now time.Duration) uint64 {
	if s := n.seldom.Load(); s != nil {
		return s.slowed.Recent(now)
	}
	return 0
}

// sheds notes a refusal, and reports whether the replica refuses some calls while it answers others: lately it answered one
// between two refusals, and it answered one a moment ago. It has too much to do, then, and is not to be left idle: its
// wish for rest holds while there are other nodes, and no longer. One that just began to refuse has its wish.
func (s *seldom) sheds(now time.Duration, n *Node) bool {
	before := time.Duration(s.refused.Swap(int64(max(now, 1))))
	last, ok := n.latency.Last(now)
	if !ok || before == 0 {
		return false
	}
	if last >= before && last-before < shedMemory {
		s.mixed.Store(int64(max(last, 1)))
	}
	mixed := time.Duration(s.mixed.Load())
	return mixed > 0 && now-mixed < shedMemory && now-last < shedSpan
}

const (
	shedSpan   = time.Second
	shedMemory = 10 * time.Second
)

// row counts events with no answer of the node between them.
type row struct {
	mu    sync.Mutex
	ok    uint64        // the node's answers when it began
	since time.Duration // the earliest time of an event
	n     int
}

// add counts an event of the time at, when the node had given ok answers. It returns how many there are in a row, and
// since when.
func (r *row) add(ok uint64, at time.Duration) (int, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 || r.ok != ok {
		r.ok, r.since, r.n = ok, at, 0
	}
	r.since = min(r.since, at)
	r.n++
	return r.n, r.since
}

func (r *row) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n = 0
}
