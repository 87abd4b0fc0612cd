package dns

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rota-go/rota"
)

// endpoint is an SRV record and what became of its target.
type endpoint struct {
	priority, weight uint16
	addrs            []string // host:port, or the URLs made of them
}

// perWeight is the weight of an instance for each 1 of a record's. It makes room below: for a record of weight 0, which beside
// others has "a very small chance" (RFC 2782), and for the addresses of a target, which share its weight. It is the same
// in every answer, because instances of an earlier one may stay beside those of the next.
const perWeight = 100

// instances turns records into instances, sorted by priority and address. If two records lead to one address, its weights
// add up; of several priorities the first counts.
func instances(records []endpoint) []rota.Instance {
	weighted := make(map[uint16]bool) // priorities in which somebody has a weight
	for _, e := range records {
		if e.weight > 0 && len(e.addrs) > 0 {
			weighted[e.priority] = true
		}
	}
	found := make(map[string]rota.Instance)
	for _, e := range records {
		for _, a := range e.addrs {
			inst := rota.Instance{Addr: a, Priority: int(e.priority), Weight: e.share(weighted[e.priority])}
			switch old, known := found[a]; {
			case known && old.Priority < inst.Priority:
				continue
			case known && old.Priority == inst.Priority:
				inst.Weight += old.Weight
			}
			found[a] = inst
		}
	}
	return slices.SortedFunc(maps.Values(found), compare)
}

// share returns the weight of each address of the record, in a priority where some records have a weight or none has.
func (e endpoint) share(some bool) int {
	switch {
	case e.weight > 0:
		return max(1, int(e.weight)*perWeight/len(e.addrs))
	case some:
		return 1
	}
	return max(1, perWeight/len(e.addrs))
}

// compare orders instances, so that the same set is always told in the same order.
func compare(a, b rota.Instance) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Addr, b.Addr))
}
