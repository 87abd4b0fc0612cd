package rota

import "sync/atomic"

// LeastLoaded returns a Balancer that takes the usable node with the least Load for its Weight. Of equals it takes the
// next after the one taken last, so that a client with nothing in flight uses all of them in turn. It reads every node:
// a pick is O(n), 0.3 us for a hundred and 30 us for ten thousand. A client sees only its own attempts in
// flight; where many clients have few each, that says little, and PowerOfTwo is as good for less. One that would be
// passed over because it failed is taken every 64th time, to see whether it still does.
func LeastLoaded() Balancer {
	last := new(atomic.Int64)
	return func(nodes []*Node) Picker {
		weights := make([]int, len(nodes))
		for i, n := range nodes {
			weights[i] = n.Instance().weight()
		}
		return &leastLoadedPicker{nodes, weights, last}
	}
}

type leastLoadedPicker struct {
	nodes   []*Node
	weights []int
	last    *atomic.Int64 // the index taken last; it outlives the picker
}

func (l *leastLoadedPicker) Pick(p *Pick) *Node {
	best, load, asked := -1, 0, false
	i := int(l.last.Load() % int64(len(l.nodes)))
	for range l.nodes {
		if i++; i == len(l.nodes) {
			i = 0
		}
		n := l.nodes[i]
		in := n.Load()
		better := best < 0 || in*l.weights[best] < load*l.weights[i]
		if !better && (asked || n.breaker.Row() == 0) || !p.Usable(n) {
			continue
		}
		p.Looked(n, float64(in)/float64(l.weights[i]))
		if better {
			best, load = i, in
			continue
		}
		asked = true // one throw a pick: all that fail get a 64th together
		if p.Rand()%64 == 0 {
			best = i
			break
		}
	}
	if best < 0 {
		return nil
	}
	l.last.Store(int64(best))
	return l.nodes[best]
}
