package rota

import (
	"slices"
	"sync"
	"time"

	"github.com/rota-go/rota/internal/budget"
	"github.com/rota-go/rota/internal/window"
)

// SharedBudget is one Budget for several clients, in Config.SharedBudget, whose calls end at the same service: through
// different names, say, or with different policies. With a Budget of its own each would have MinPerSecond again, and a
// client with few calls no more than that, though the service has many from the others. It may be used concurrently. A
// client that is closed takes its calls out.
type SharedBudget struct {
	terms Budget
	spent budget.Budget

	mu      sync.Mutex
	epoch   time.Time // of the first to join
	members []*Cluster
}

// NewSharedBudget returns a budget for the calls of all clients that are made with it. New reports it if it is not valid.
func NewSharedBudget(b Budget) *SharedBudget { return &SharedBudget{terms: b} }

func (s *SharedBudget) join(cl *Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) == 0 && s.epoch.IsZero() {
		s.epoch = cl.epoch
	}
	s.members = append(s.members, cl)
}

// leave takes a cluster's calls out; what it has spent stays spent.
func (s *SharedBudget) leave(cl *Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = slices.DeleteFunc(s.members, func(m *Cluster) bool { return m == cl })
}

// budgetTerms returns the terms of a withdrawal at time now of this cluster.
func (cl *Cluster) budgetTerms(now time.Duration) budget.Params {
	p := budget.Params{Now: now, Ratio: cl.terms().budget.ratio, Floor: cl.terms().budget.floor}
	s := cl.shared
	if s == nil {
		p.Calls = cl.recentCalls(now)
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := cl.epoch.Add(now)
	p.Now = max(at.Sub(s.epoch), 0)
	for _, m := range s.members {
		p.Calls += m.recentCalls(m.since(at))
	}
	return p
}

// recentCalls returns how many calls were begun in the last window.Span.
func (cl *Cluster) recentCalls(now time.Duration) (n uint64) {
	for _, r := range *cl.routes.Load() {
		for i := range r.cells {
			n += r.cells[i].calls.Recent(now)
		}
	}
	return n
}

// withdraw takes a token for an attempt beside a call's first.
func (cl *Cluster) withdraw(now time.Duration) bool { return cl.budget.Withdraw(cl.budgetTerms(now)) }

// overdraw takes one whether there is one or not.
func (cl *Cluster) overdraw(now time.Duration) { cl.budget.Overdraw(cl.budgetTerms(now).Now) }

// tokens works the rule out: a call's, and those that there are without any.
func (b Budget) tokens() (ratio, floor float64) {
	return setting(b.Ratio, 0.1), setting(b.MinPerSecond, 1) * window.Span.Seconds()
}
