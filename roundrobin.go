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
	next  atomic.Uint64 // alone in its cache line: every pick writes it
	_     [120]byte
	start atomic.Int64 // 1 + the first turn; 0 = not drawn yet
}

func roundRobin(t *turns) Balancer {
	return func(nodes []*Node) Picker { return &roundRobinPicker{nodes, t} }
}

type roundRobinPicker struct {
	nodes []*Node
	turns *turns
}

func (r *roundRobinPicker) Pick(p *Pick) *Node {
	start, n := r.start(p), uint64(len(r.nodes))
	for range r.nodes {
		if node := r.nodes[(start+r.turns.next.Add(1)-1)%n]; p.take(node) {
			return node
		}
	}
	// Others took turns meanwhile, so this one may not have seen every node.
	return firstUsable(p, r.nodes, int(r.turns.next.Load()%n))
}

func (r *roundRobinPicker) start(p *Pick) uint64 {
	s := r.turns.start.Load()
	if s == 0 {
		r.turns.start.CompareAndSwap(0, int64(p.Rand()>>32)+1)
		s = r.turns.start.Load()
	}
	return uint64(s - 1)
}
