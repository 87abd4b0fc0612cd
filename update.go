package rota

import (
	"cmp"
	"slices"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// Update replaces the set of instances. Nodes whose instance stays keep all that is known about them; of instances
// with the same Addr the first counts. One that has Vanished stays only if it was there and answers; one that is Drained is kept
// for later. A set of none, or of drained ones alone, is taken for a fault of discovery: if there was a set before, it stays.
// Update reports whether the set is another now. It
// keeps set, which must not be changed afterwards.
func (cl *Cluster) Update(now time.Time, set []Instance) bool {
	event, changed := cl.update(cl.since(now), set)
	defer cl.tellPanic()
	if f := cl.observer.SetChanged; f != nil && (changed || event.Kept) {
		f(event)
	}
	return changed
}

func (cl *Cluster) update(now time.Duration, set []Instance) (event SetEvent, changed bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	event.Service = cl.service
	old := cl.list()
	if len(old) > 0 && !slices.ContainsFunc(set, func(i Instance) bool { return !i.Drained }) {
		event.Kept, event.Size = true, len(old)
		return event, false
	}
	next := make(map[string]*Node, len(set))
	list := make([]*Node, 0, len(set))
	var idle, fresh []*Node // drained; in use from now on
	changed = !cl.Ready()
	for i := range set {
		inst := &set[i]
		if next[inst.Addr] != nil {
			continue
		}
		n := cl.nodes[inst.Addr]
		used := n != nil && !n.Instance().Drained
		switch {
		case inst.Vanished && (n == nil || !n.well(now)):
			continue
		case n == nil:
			n, changed = newNode(inst), true
		case n.Instance() != *inst:
			n.relist(inst)
			changed = true
		}
		next[inst.Addr] = n
		if inst.Drained {
			idle = append(idle, n)
			continue
		}
		list = append(list, n)
		if !used {
			fresh = append(fresh, n)
			event.Added = append(event.Added, *inst)
		}
	}
	if event.Size = len(list); !changed && len(next) == len(cl.nodes) {
		cl.updated.Store(int64(max(now, 1)))
		return event, false
	}
	if len(list) == 0 && len(old) > 0 {
		event.Kept, event.Size = true, len(old)
		return event, false
	}
	for _, n := range old {
		if inst := n.Instance(); inst.Drained || next[inst.Addr] == nil {
			event.Removed = append(event.Removed, inst)
			n.gone.Store(true)
		}
	}
	for _, n := range fresh {
		n.gone.Store(false)
	}
	cl.nodes, event.Size = next, len(list)
	cl.enroll(old, list)
	if len(fresh) < len(list)-len(fresh) { // when most are new there is nobody to spare them
		cl.warm(now, fresh)
	}
	cl.set.Store(cl.newSet(list, idle))
	cl.updated.Store(int64(max(now, 1)))
	return event, true
}

// newSet orders nodes by priority and has pickers built for them; not for those that are idle.
func (cl *Cluster) newSet(list, idle []*Node) *nodeSet {
	slices.SortStableFunc(list, func(a, b *Node) int { return cmp.Compare(a.Instance().Priority, b.Instance().Priority) })
	s := &nodeSet{nodes: list, idle: idle}
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].Instance().Priority == list[from].Instance().Priority {
			to++
		}
		nodes := list[from:to:to]
		s.tiers = append(s.tiers, newTier(nodes, cl.balancer(nodes)))
		from = to
	}
	return s
}

// relist takes note of what discovery says about an instance now.
func (n *Node) relist(inst *Instance) {
	if n.vanished.Swap(inst.Vanished) && !inst.Vanished {
		n.rest.Store(0)
	}
	n.inst.Store(inst)
}

// well reports whether there is no sign that the replica is gone.
func (n *Node) well(now time.Duration) bool {
	return n.breaker.Phase() == breaker.Closed && n.breaker.Row() == 0 && !(n.vanished.Load() && n.rests(now, strict))
}

func (cl *Cluster) warm(now time.Duration, nodes []*Node) {
	cl.health.mu.Lock()
	defer cl.health.mu.Unlock()
	for _, n := range nodes {
		cl.warmLocked(now, n)
	}
}

// list returns the nodes of the current set; they must not be changed.
func (cl *Cluster) list() []*Node {
	if s := cl.set.Load(); s != nil {
		return s.nodes
	}
	return nil
}
