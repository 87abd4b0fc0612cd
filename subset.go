package rota

import (
	"cmp"
	"container/heap"
	"slices"
	"strconv"
)

// Subset chooses the instances that a client uses of all that there are, so that with many clients and many replicas not
// everybody has connections to everybody. It gets the whole set at every change, one call at a time, must not change it,
// and returns part of it. Where Config.Subset is set, nothing else sees the rest.
type Subset func(set []Instance) []Instance

// SubsetParams are the settings of RendezvousSubset and DeterministicSubset.
type SubsetParams struct {
	// Size is how many instances of each Priority a client uses; 0 or less = all. 20 to 100 are usual (Site Reliability
	// Engineering, chapter 20). RendezvousSubset does not count those that have Vanished.
	Size int
	// ByZone takes Size instances of each Zone instead, for PreferZone, which else might find none in its own.
	ByZone bool
	// ID tells clients apart, for RendezvousSubset: a pod's name, or rand.Text of crypto/rand. With the same, clients
	// choose the same. Empty = the whole set is used, for all clients without one would crowd together.
	ID string
	// Index is the client's number, for DeterministicSubset: clients count from 0 without gaps. Less than 0 = the whole
	// set is used.
	Index int
}

// RendezvousSubset returns a Subset of the instances with the best hashes of ID and address (gRFC A68). A change of one
// instance changes at most one of a client's, and in expectation every instance has the same number of clients: with c
// of them, about c plus or minus its root. Clients need not know of each other. Weights do not matter.
func RendezvousSubset(params SubsetParams) Subset {
	seed := Key(params.ID)
	return func(set []Instance) []Instance {
		if params.ID == "" {
			return set
		}
		return params.of(set, func(group []ranked) []ranked {
			for i := range group {
				group[i].rank = mix(seed ^ Key(group[i].inst.Addr))
			}
			return best(group, params.Size)
		})
	}
}

// ranked is an instance of a set, and the order in which it is chosen.
type ranked struct {
	inst  *Instance
	index int // in the set
	rank  uint64
}

func compareRanked(a, b ranked) int {
	if c := cmp.Compare(a.rank, b.rank); c != 0 {
		return c
	}
	return cmp.Compare(a.inst.Addr, b.inst.Addr)
}

// of has a part chosen of the instances of each priority, and zone where that is wanted, and returns all parts in the
// order of the set. Of several with the same address the first counts, as in Cluster.Update.
func (s SubsetParams) of(set []Instance, choose func([]ranked) []ranked) []Instance {
	if s.Size <= 0 || s.Size >= len(set) {
		return set
	}
	type group struct {
		priority int
		zone     string
	}
	groups, seen := map[group][]ranked{}, make(map[string]bool, len(set))
	for i := range set {
		inst := &set[i]
		if seen[inst.Addr] {
			continue
		}
		seen[inst.Addr] = true
		g := group{priority: inst.Priority}
		if s.ByZone {
			g.zone = inst.Zone
		}
		groups[g] = append(groups[g], ranked{inst: inst, index: i})
	}
	var chosen []ranked
	for _, g := range groups {
		if s.Size < len(g) {
			g = choose(g)
		}
		chosen = append(chosen, g...)
	}
	slices.SortFunc(chosen, func(a, b ranked) int { return cmp.Compare(a.index, b.index) })
	part := make([]Instance, len(chosen))
	for i, r := range chosen {
		part[i] = *r.inst
	}
	return part
}

// best returns the size lowest ranks, and with them the vanished that rank before the last of those: they may be gone, and
// if they are not they keep their place.
func best(group []ranked, size int) []ranked {
	worst := make(worstFirst, 0, size)
	for _, r := range group {
		switch {
		case r.inst.Vanished:
		case len(worst) < size:
			heap.Push(&worst, r)
		case compareRanked(r, worst[0]) < 0:
			worst[0] = r
			heap.Fix(&worst, 0)
		}
	}
	return slices.DeleteFunc(group, func(r ranked) bool {
		return len(worst) == size && compareRanked(r, worst[0]) > 0
	})
}

type worstFirst []ranked

func (w worstFirst) Len() int           { return len(w) }
func (w worstFirst) Less(i, j int) bool { return compareRanked(w[i], w[j]) > 0 }
func (w worstFirst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *worstFirst) Push(x any)        { *w = append(*w, x.(ranked)) }
func (w *worstFirst) Pop() any          { panic("never popped") }

// DeterministicSubset returns a Subset that deals instances out to clients like cards: from pack after pack, each all
// instances in another order, the client with Index i gets the i-th hand of Size (Site Reliability Engineering, chapter
// 20). There, what is left of a pack is put aside, so that instances are without clients where few clients are; here a
// hand goes on into the next pack, taking from it what it has not got yet. So of any number of clients counted from 0, no
// instance has more than one more than another. When the set changes, so does where packs end: a client of the first
// pack changes one or two instances, one of later packs may change all. Clients with different sets may meet anywhere, as
// with random subsets. Weights do not matter.
func DeterministicSubset(params SubsetParams) Subset {
	return func(set []Instance) []Instance {
		if params.Index < 0 {
			return set
		}
		return params.of(set, func(group []ranked) []ranked {
			// More than half is dealt as what is not chosen: then a hand lies within the first or last half of a pack, and
			// does not depend on the hands before it.
			if rest := len(group) - params.Size; rest < params.Size {
				out := indexes(hand(group, rest, params.Index))
				return slices.DeleteFunc(group, func(r ranked) bool { return out[r.index] })
			}
			return hand(group, params.Size, params.Index)
		})
	}
}

// hand returns the i-th hand of size cards; size is at most half of all.
func hand(cards []ranked, size, i int) []ranked {
	n := len(cards)
	start := i * size
	number, at := start/n, start%n
	pack := shuffled(cards, number)
	if kept := number * n % size; kept > 0 {
		pack = deal(pack, shuffled(cards, number-1)[n-kept:], size-kept)
	}
	if at+size <= n {
		return pack[at : at+size]
	}
	first := pack[at:]
	return append(slices.Clone(first), deal(shuffled(cards, number+1), first, at+size-n)[:at+size-n]...)
}

// deal moves the first n cards of a pack that are not held to its top.
func deal(pack, held []ranked, n int) []ranked {
	not := indexes(held)
	top, rest := make([]ranked, 0, len(pack)), make([]ranked, 0, len(pack))
	for _, c := range pack {
		if len(top) < n && !not[c.index] {
			top = append(top, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(top, rest...)
}

func indexes(cards []ranked) map[int]bool {
	set := make(map[int]bool, len(cards))
	for _, c := range cards {
		set[c.index] = true
	}
	return set
}

// shuffled returns the cards in the order of a pack, which for two of them does not depend on the others.
func shuffled(cards []ranked, number int) []ranked {
	pack, seed := slices.Clone(cards), Key("rota subset "+strconv.Itoa(number))
	for i := range pack {
		pack[i].rank = mix(seed ^ Key(pack[i].inst.Addr))
	}
	slices.SortFunc(pack, compareRanked)
	return pack
}
