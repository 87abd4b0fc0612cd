package rota

import (
	"cmp"
	"math"
	"math/big"
	"slices"
)

// MaglevParams are the settings of Maglev.
type MaglevParams struct {
	// Size is the number of entries of the table, a prime; 0 = 65,537, as in Envoy. What is not prime is rounded up to the
	// next that is, and so is the number of nodes if it is more. An entry takes 4 bytes. Shares of nodes differ by an entry
	// or two: for them to be within 1 %, the table must have a hundred times as many entries as nodes.
	Size int
	// Bound is as in HashParams.
	Bound float64
}

// Maglev returns a Balancer that sends calls with the same Call.Key to the same node, by a table of which every node
// has its share, to within an entry or two (D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
// Balancer", 2016): more even than Ring, and one look to find a node, but when a node goes or comes some keys of others
// move too. A call goes on to the nodes of the entries that follow when its first is full, unusable or tried. Calls
// without a Key go to a node drawn in proportion to the weights.
func Maglev(params MaglevParams) Balancer {
	return func(nodes []*Node) Picker {
		m := new(maglevPicker)
		m.enlist(nodes, params.Bound)
		m.fill(nextPrime(max(or(params.Size, 65_537), len(nodes))))
		return m
	}
}

func nextPrime(n int) int {
	for n = max(n, 2); !big.NewInt(int64(n)).ProbablyPrime(0); n++ { // 0 rounds are exact below 2^64
	}
	return n
}

type maglevPicker struct{ table }

// fill lets the nodes take turns, each for the next free entry of its own permutation of all entries.
func (m *maglevPicker) fill(size int) {
	const free = math.MaxUint32
	type walk struct{ at, step int }
	walks := make([]walk, len(m.slots))
	for i := range m.slots {
		h := m.slots[i].notes.hash
		walks[i] = walk{below(stream(h, 0), size), below(stream(h, 1), size-1) + 1}
	}
	m.turns = slices.Repeat([]uint32{free}, size)
	order := turnOrder(m.slots, size)
	for k := range size {
		i := order[k%len(order)]
		w := &walks[i]
		for m.turns[w.at] != free {
			if w.at += w.step; w.at >= size {
				w.at -= size
			}
		}
		m.turns[w.at] = i
	}
}

// turnOrder returns whose turn it is, at least size turns unless it repeats itself: the j-th of a node's w turns comes
// at (j+1/2)/w of the whole, but everybody has the first one before anybody has a second.
func turnOrder(slots []slot, size int) []uint32 {
	type turn struct {
		at   float64
		slot uint32
	}
	total, even := 0, true
	for i := range slots {
		w := slots[i].node.Instance().weight()
		total += w
		even = even && w == slots[0].node.Instance().weight()
	}
	var turns []turn
	for i := range slots {
		n := 1
		if !even {
			n += int(math.Round(float64(size) * float64(slots[i].node.Instance().weight()) / float64(total)))
		}
		for j := range n {
			turns = append(turns, turn{max(0, float64(j)-0.5) / float64(max(n-1, 1)), uint32(i)})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	order := make([]uint32, len(turns))
	for k, t := range turns {
		order[k] = t.slot
	}
	return order
}

func (m *maglevPicker) Pick(p *Pick) *Node { return m.pick(p, below(keyOf(p), len(m.turns))) }
