package rota

import "math"

// HashParams are the settings of Rendezvous.
type HashParams struct {
	// Bound is how many times its fair share of what is in flight a node may have before a key's calls go to the next
	// node in the key's order, rounded up: with fewer calls in flight than nodes, the second at a time goes elsewhere.
	// 0 = 1.25; less than 1 counts as 1; negative = no bound.
	Bound float64
}

// Rendezvous returns a Balancer that sends calls with the same Call.Key to the same node: the one with the highest
// score for the key (D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998; with weights,
// -w/ln(u) of a hash u in (0, 1)). When a node goes, its keys alone move, to all others alike; when one comes or its
// weight changes, keys move to or from it alone. Second choices are the next scores, so a node's keys spread over all
// others when it is full or fails, and a retry goes to the key's next node. A pick looks at all nodes: with more than
// about 200, Ring or Maglev are quicker. Calls without a Key go to a node drawn in proportion to the weights.
func Rendezvous(params HashParams) Balancer {
	return func(nodes []*Node) Picker {
		r := &rendezvousPicker{hashes: make([]uint64, len(nodes))}
		r.enlist(nodes, params.Bound)
		even := true
		for i := range r.slots {
			s := &r.slots[i]
			r.hashes[i] = s.notes.hash
			even = even && s.node.Instance().weight() == r.slots[0].node.Instance().weight()
		}
		if !even {
			r.inverse = make([]float64, len(nodes))
			for i := range r.slots {
				r.inverse[i] = 1 / float64(r.slots[i].node.Instance().weight())
			}
		}
		return r
	}
}

type rendezvousPicker struct {
	affinity
	hashes  []uint64  // of the slots
	inverse []float64 // 1/weight; nil = all are the same
}

// cost of a node for a key; the least is the key's first choice. With weights it is -ln(u)/w, whose bits are in the order
// of the number, because it is positive; without, ln changes nothing about the order.
func (r *rendezvousPicker) cost(key uint64, i int) uint64 {
	h := mix(key ^ r.hashes[i])
	if r.inverse == nil {
		return h
	}
	u := (float64(h>>11) + 0.5) / (1 << 53)
	return math.Float64bits(-math.Log(u) * r.inverse[i])
}

func (r *rendezvousPicker) Pick(p *Pick) *Node {
	key, limit := keyOf(p), r.limit()
	var q asked
	start, last := 0, uint64(0)
	for {
		i, cost := r.next(key, last, limit, q.n > 0)
		if i < 0 {
			break
		}
		if s := &r.slots[i]; r.take(p, s) {
			return s.node
		}
		if start, last = i, cost; q.add(i) {
			break
		}
	}
	return r.scan(p, &q, start, limit)
}

// next returns the first node in the key's order that is below the limit, of those after cost if that is set; -1 = none.
func (r *rendezvousPicker) next(key, after uint64, limit float64, later bool) (best int, least uint64) {
	best, least = -1, math.MaxUint64
	for i := range r.hashes {
		c := r.cost(key, i)
		if c > least || later && c <= after || r.load(&r.slots[i]) >= limit {
			continue
		}
		best, least = i, c
	}
	return best, least
}
