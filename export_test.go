package rota

import (
	"time"
	"unsafe"
)

// Admits lets tests ask what a picker would be told.
func (cl *Cluster) Admits(n *Node, now time.Time) bool {
	return n.admits(cl.since(now), cl.terms(), strict) == admitted
}

// NodeSize is what a Node takes before its first call.
const NodeSize = unsafe.Sizeof(Node{})

// Picks returns a function that picks as calls do that come 10 us apart, and nothing else: what was admitted is released.
// After a second time begins anew, so that what was learned before stays fresh.
func (cl *Cluster) Picks(now time.Time) func() *Node {
	plan := cl.Plan(now, time.Time{}, Call{})
	p, t, past := &plan.pick, &plan.set.tiers[0], time.Duration(0)
	return func() *Node {
		past = (past + 10*time.Microsecond) % time.Second
		plan.now = plan.start + past
		p.taken = nil
		n := t.picker.Pick(p)
		if n != nil && n == p.taken {
			n.breaker.Neutral(p.ticket, plan.now)
			n.release()
		}
		return n
	}
}

// Crowded is what a driver says before it asks for what is due.
func (p *Plan) Crowded(now time.Time, waited time.Duration) { p.crowded(now, waited) }

// NoteSizes are what balancers keep on a node, in bytes.
func NoteSizes() map[string]uintptr {
	return map[string]uintptr{"wrr": unsafe.Sizeof(weightNote{}), "peak-ewma": unsafe.Sizeof(peakNote{})}
}

// Fade lets tests compare it with what it stands for.
func Fade(t, tau time.Duration) float64 { return fade(t, tau) }

// Picking lets tests pick without the rest of a call.
type Picking struct {
	plan *Plan
	tier *tier
}

// NewPicking picks from the nodes of the best priority.
func NewPicking(cl *Cluster, now time.Time) *Picking {
	p := cl.Plan(now, time.Time{}, Call{})
	return &Picking{p, &p.set.tiers[0]}
}

// Pick picks for a key, and ends at once what began.
func (k *Picking) Pick(key uint64) *Node {
	p := k.plan
	p.call.Key, p.pick.taken, p.pick.part = key, nil, k.tier
	n := k.tier.picker.Pick(&p.pick)
	if n != nil && n == p.pick.taken {
		n.release()
		p.pick.part.freed()
	}
	return n
}

// BookTotal returns what the hashing balancer's bound takes to be in flight.
func BookTotal(cl *Cluster) (total int64) {
	var add func(p Picker)
	add = func(p Picker) {
		if k, ok := p.(interface{ held() *book }); ok && k.held() != nil {
			total += k.held().own.Load() + k.held().others.Load()
		}
		if z, ok := p.(*zonePicker); ok {
			add(z.own.picker)
			add(z.rest.picker)
		}
	}
	for i := range cl.set.Load().tiers {
		add(cl.set.Load().tiers[i].picker)
	}
	return total
}

func (a *affinity) held() *book { return a.book }

// Probes reports whether the balancer has nodes probed.
func (cl *Cluster) Probes() bool { return cl.set.Load().tiers[0].prober != nil }
