package rota

import (
	"math"
	"math/bits"
	"slices"
)

// RingParams are the settings of Ring.
type RingParams struct {
	// Points is how many points a node of mean weight has; 0 = 100. Shares of the keys have a standard deviation of
	// 1/sqrt(Points) of the mean: with 100, the largest of 100 is about 1.25 times the mean, which is what Bound allows. A
	// point takes 9 bytes. With unequal weights it is up to 1.4 times more or less, for the sake of what Ring promises.
	Points int
	// Size is how many points there are at least, however few the nodes; 0 = 1024, as in Envoy and gRPC.
	Size int
	// Bound is as in HashParams.
	Bound float64
}

// Ring returns a Balancer that sends calls with the same Call.Key to the same node: every node has points on a circle,
// as many as its weight asks for, and a key belongs to the next point (D. Karger et al., "Consistent Hashing and Random
// Trees", 1997). A pick takes the same time whatever the number of nodes. When a node goes or comes, only its keys move:
// the number of a node's points depends on the set by powers of two alone, so it stays as it is unless Size needs twice or
// half as many a node, or the mean weight goes from nearest to one power of two to nearest to another. A call goes to the nodes of the next points when its
// first is full, unusable or tried. Calls without a Key go to a node drawn in proportion to the weights.
func Ring(params RingParams) Balancer {
	return func(nodes []*Node) Picker {
		r := new(ringPicker)
		r.enlist(nodes, params.Bound)
		r.fill(points(r.slots, max(or(params.Points, 100), 1), max(or(params.Size, 1024), 1)))
		return r
	}
}

type ringPicker struct {
	table
	// at is where the points of table.turns are, in order; a sector is the points with the same high bits.
	at     []uint32
	sector []uint32 // where each begins in at, and the end
	shift  int      // of a position, to its sector
}

const (
	// maxPoints bounds the whole ring, as in Envoy: 64 MiB.
	maxPoints = 8 << 20
	// sectorPoints is how many points a sector has on average.
	sectorPoints = 4
)

// points returns the points of all nodes, the position above the slot, in no order.
func points(slots []slot, each, size int) []uint64 {
	weights := 0
	for i := range slots {
		weights += slots[i].node.Instance().weight()
	}
	// each << up >> down points for a unit of weight
	down := int(math.Round(math.Log2(float64(weights) / float64(len(slots)))))
	up := 0
	for weights*each<<up>>down < size {
		up++
	}
	for weights*each<<up>>down > maxPoints && down < 62 {
		down++
	}
	list := make([]uint64, 0, weights*each<<up>>down+len(slots))
	for i := range slots {
		s := &slots[i]
		for j := range max(s.node.Instance().weight()*each<<up>>down, 1) {
			list = append(list, stream(s.notes.hash, j)>>32<<32|uint64(i))
		}
	}
	return list
}

// fill makes the ring of its points.
func (r *ringPicker) fill(points []uint64) {
	points = sortPoints(points)
	r.at, r.turns = make([]uint32, len(points)), make([]uint32, len(points))
	log := bits.Len(uint(len(points) / sectorPoints))
	r.shift = 32 - log
	r.sector = make([]uint32, 1<<log+1)
	for i, p := range points {
		r.at[i], r.turns[i] = uint32(p>>32), uint32(p)
		r.sector[p>>32>>r.shift+1] = uint32(i + 1)
	}
	for i := range 1 << log { // where one begins in which nothing lies
		r.sector[i+1] = max(r.sector[i+1], r.sector[i])
	}
}

// sortPoints sorts by position, stably, so that of two points at the same place the one of the lower slot is first: a
// radix sort, which for a million points takes a fifth of the time of slices.Sort. It uses points as scratch.
func sortPoints(points []uint64) []uint64 {
	const digit = 11 // three of them are a position
	to := make([]uint64, len(points))
	for shift := 32; shift < 64; shift += digit {
		var next [1 << digit]int
		for _, p := range points {
			next[p>>shift&(1<<digit-1)]++
		}
		sum := 0
		for d, n := range next {
			next[d], sum = sum, sum+n
		}
		for _, p := range points {
			d := p >> shift & (1<<digit - 1)
			to[next[d]] = p
			next[d]++
		}
		points, to = to, points
	}
	return points
}

func (r *ringPicker) Pick(p *Pick) *Node { return r.pick(p, r.find(uint32(keyOf(p)>>32))) }

// find returns the first point at or after a position.
func (r *ringPicker) find(pos uint32) int {
	s := pos >> r.shift
	from, to := int(r.sector[s]), int(r.sector[s+1])
	i, _ := slices.BinarySearch(r.at[from:to], pos)
	if i += from; i == len(r.at) {
		return 0
	}
	return i
}
