package rota

import "math/bits"

// Random returns a Balancer that draws a usable node at random. A node of Weight w is drawn w times as often as one of
// Weight 1. It knows nothing of load, so it suits where calls are cheap and alike, and as what others are compared with.
// A pick is O(1), whatever the weights: they are in an alias table (M. D. Vose, "A Linear Algorithm for Generating Random
// Numbers with a Given Distribution", 1991).
func Random() Balancer {
	return func(nodes []*Node) Picker { return &randomPicker{nodes, aliases(nodes)} }
}

type randomPicker struct {
	nodes []*Node
	table []alias // nil = all weights are equal
}

// redraws is how often a picker that drew an unusable node draws again, before it scans. A scan gives an unusable node's
// share to its neighbour; after 8 draws that is a seventeenth of the calls when seven of ten are out, which is the most.
const redraws = 8

func (r *randomPicker) Pick(p *Pick) *Node {
	for range redraws {
		if n := r.nodes[r.draw(p.Rand())]; p.take(n) {
			return n
		}
	}
	return firstUsable(p, r.nodes, below(p.Rand(), len(r.nodes)))
}

// draw maps a random number to a node. The high half of its product with their number is a row of the table, the low
// half a fraction that is as good as independent of it.
func (r *randomPicker) draw(random uint64) int {
	row, fraction := bits.Mul64(random, uint64(len(r.nodes)))
	if r.table != nil && uint32(fraction>>32) >= r.table[row].keep {
		return int(r.table[row].other)
	}
	return int(row)
}

// alias is a row of the table: its own node with the probability keep/2^32, another one otherwise.
type alias struct{ keep, other uint32 }

// aliases returns the table of the nodes' weights, nil if they are equal. Each row is filled up to the mean: one below it
// from one above it.
func aliases(nodes []*Node) []alias {
	total, even := weights(nodes)
	if even {
		return nil
	}
	mean := float64(total) / float64(len(nodes))
	table, left := make([]alias, len(nodes)), make([]float64, len(nodes))
	var poor, rich []int
	for i, n := range nodes {
		left[i] = float64(n.Instance().weight()) / mean
		table[i] = alias{1<<32 - 1, uint32(i)}
		if left[i] < 1 {
			poor = append(poor, i)
		} else {
			rich = append(rich, i)
		}
	}
	for len(poor) > 0 && len(rich) > 0 {
		low, high := poor[len(poor)-1], rich[len(rich)-1]
		poor = poor[:len(poor)-1]
		table[low] = alias{uint32(left[low] * (1 << 32)), uint32(high)}
		if left[high] -= 1 - left[low]; left[high] < 1 {
			rich, poor = rich[:len(rich)-1], append(poor, high)
		}
	}
	return table // what is left over is one but for rounding, and keeps its row
}
