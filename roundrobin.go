package rota

import "sync/atomic"

// RoundRobin returns a Balancer that takes the nodes in turn, starting at a random one so that clients started
// together do not march in step. Nodes that are not usable lose their turn: their share goes to all others, not to
// the next in line.
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
	return func(nodes []*Node) Picker { return &roundRobinPicker{nodes, t} }
}

type roundRobinPicker struct {
	nodes []*Node
	turns *turns
}

func (r *roundRobinPicker) Pick(p *Pick) *Node {
	next, start, n := &r.turns.first, r.start(p), uint64(len(r.nodes))
	if p.plan.sent > 0 {
		next = &r.turns.other
	}
	for range r.nodes {
		if node := r.nodes[(start+next.Add(1)-1)%n]; p.take(node) {
			return node
		}
	}
	// Others took turns meanwhile, so this one may not have seen every node.
	return firstUsable(p, r.nodes, int(next.Load()%n))
}

func (r *roundRobinPicker) start(p *Pick) uint64 {
	s := r.turns.start.Load()
	if s == 0 {
		r.turns.start.CompareAndSwap(0, int64(p.Rand()>>32)+1)
		s = r.turns.start.Load()
	}
	return uint64(s - 1)
}
