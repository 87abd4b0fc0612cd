package rota

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// RoundRobin returns a Balancer that takes the nodes in turn, starting at a random one so that clients started
// together do not march in step. Nodes that are not usable lose their turn: their share goes to all others, not to
// the next in line. A node of Weight w has w turns in a round, spread over it.
func RoundRobin() Balancer { return roundRobin(new(turns)) }

// RoundRobinFrom is RoundRobin that starts with the node at index first of the first set.
func RoundRobinFrom(first int) Balancer {
	t := new(turns)
	t.start.Store(int64(max(first, 0)) + 1)
	return roundRobin(t)
}

// turns outlives the pickers, so that a change of the set does not send everybody back to its first node.
type turns struct {
	first atomic.Uint64 // of first attempts; every call writes it, so nothing that calls only read may be near
	_     [120]byte
	start atomic.Int64  // 1 + the first turn; 0 = not drawn yet
	other atomic.Uint64 // of all others: in one queue with them, retries would make every second call meet the same node
	_     [112]byte
}

func roundRobin(t *turns) Balancer {
	return func(nodes []*Node) Picker { return &roundRobinPicker{round(nodes), t} }
}

type roundRobinPicker struct {
	nodes []*Node // whose turn it is, in a round
	turns *turns
}

// maxRound bounds the length of a round, in turns a node. Weights are rounded to what fits.
const maxRound = 64

// round returns nodes as they come when each has as many turns as its weight, evenly spaced: the j-th of w turns is at
// (j+1/2)/w of the round.
func round(nodes []*Node) []*Node {
	total, even := weights(nodes)
	if even {
		return nodes
	}
	scale := min(1, float64(maxRound*len(nodes))/float64(total))
	type turn struct {
		at   float64
		node *Node
	}
	var turns []turn
	for _, n := range nodes {
		w := max(1, int(math.Round(float64(n.Instance().weight())*scale)))
		for j := range w {
			turns = append(turns, turn{(float64(j) + 0.5) / float64(w), n})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	list := make([]*Node, len(turns))
	for i, t := range turns {
		list[i] = t.node
	}
	return list
}

// weights adds up the nodes' weights, and reports whether they are equal.
func weights(nodes []*Node) (total int, even bool) {
	even = true
	for _, n := range nodes {
		w := n.Instance().weight()
		total += w
		even = even && w == nodes[0].Instance().weight()
	}
	return total, even
}

func (r *roundRobinPicker) Pick(p *Pick) *Node {
	start, n := r.turns.from(p), uint64(len(r.nodes))
	for range r.nodes {
		if node := r.nodes[(start+r.turn(p, n))%n]; p.take(node) {
			return node
		}
	}
	// Others took turns meanwhile, so this one may not have seen every node.
	return firstUsable(p, r.nodes, int(start%n))
}

// turn takes the next turn.
func (r *roundRobinPicker) turn(p *Pick, n uint64) uint64 {
	t, b := r.turns, &p.block
	switch {
	case p.plan.sent > 0:
		return t.other.Add(1) - 1
	case !p.plan.cl.concurrent:
		return t.first.Add(1) - 1
	}
	hurried := p.plan.now-b.at < hurry
	b.at = p.plan.now
	if hurried && b.left > 0 {
		b.left--
		return b.from + b.left/blockRounds
	}
	turn := t.first.Add(1) - 1
	if hurried && turn != b.from {
		// A block ends one node further than it began, so that none is first in every block.
		b.left = n * blockRounds
		b.from = t.first.Add(b.left+1) - b.left - 1
		return turn
	}
	b.from, b.left = turn+1, 0
	return turn
}

// A processor that takes turns less than hurry apart, and sees that others took some between, takes a block of turns
// ahead, and a node's turns in it together: to fetch the cache lines of the counter and of a node for every call would
// cost more than all the rest of it. Calls that come one after the other never do, so they are dealt out in turn.
const (
	hurry       = 2 * time.Microsecond
	blockRounds = 32
)

// block is turns that were taken ahead.
type block struct {
	from uint64        // the first of them; without any, the turn after the last one taken
	left uint64        // how many are still to be used
	at   time.Duration // when the last turn was used
}

// from returns the first turn of all, which is drawn at the first pick.
func (t *turns) from(p *Pick) uint64 {
	s := t.start.Load()
	if s == 0 {
		t.start.CompareAndSwap(0, int64(p.Rand()>>32)+1)
		s = t.start.Load()
	}
	return uint64(s - 1)
}
