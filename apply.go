package rota

import (
	"slices"
	"time"
)

// Apply puts another policy in force, and another balancer unless that is nil, and forgets nothing that is known about the
// nodes but what the balancer before kept there for itself. Calls under way go on as they began. The policy must be valid.
// With a SharedBudget, the policy's Budget counts for nothing, as before.
func (cl *Cluster) Apply(now time.Time, p Policy, balancer Balancer) {
	if cl.apply(&p, balancer) {
		cl.release(cl.since(now))
	}
}

// apply reports whether there are no breakers any more.
func (cl *Cluster) apply(p *Policy, balancer Balancer) (unguarded bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	r := cl.rulesOf(p, cl.terms())
	unguarded = cl.terms().breaker && !r.breaker
	cl.rules.Store(r)
	if balancer != nil {
		cl.balancer = balancer
		if s := cl.set.Load(); s != nil {
			cl.set.Store(cl.newSet(slices.Clone(s.nodes), s.idle))
		}
	}
	return unguarded
}

// release closes all breakers: there is nobody any more who would.
func (cl *Cluster) release(now time.Duration) {
	for _, n := range cl.list() {
		cl.changed(now, n, n.left(n.breaker.Close()))
	}
}
