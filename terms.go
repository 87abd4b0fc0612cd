package rota

import "sync/atomic"

// Terms are what calls of some kind have instead of their client's Timeout, Retry and Hedge. They may be used concurrently,
// and belong to one client.
type Terms struct {
	own    rules
	merged atomic.Pointer[mergedRules]
}

// mergedRules are Terms with all else that a policy says.
type mergedRules struct {
	base  *rules
	rules rules
}

// NewTerms returns Terms with the Timeout, Retry and Hedge of p, for Call.Terms. All else in p counts for nothing: breakers,
// rates and the budget belong to all calls of a client together.
func NewTerms(p Policy) (*Terms, error) {
	p = Policy{Timeout: p.Timeout, Retry: p.Retry, Hedge: p.Hedge}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &Terms{own: p.rules()}, nil
}

// over returns base with what t says otherwise. It is worked out once for each base.
func (t *Terms) over(base *rules) *rules {
	if m := t.merged.Load(); m != nil && m.base == base {
		return &m.rules
	}
	m := &mergedRules{base, *base}
	r, o := &m.rules, &t.own
	r.timeout, r.attempts, r.tryTimeout, r.splitTime = o.timeout, o.attempts, o.tryTimeout, o.splitTime
	r.base, r.max, r.hedge, r.hedgeDelay = o.base, o.max, o.hedge, o.hedgeDelay
	t.merged.Store(m)
	return &m.rules
}

// over returns the rules of a call whose client has base.
func (c *Call) over(base *rules) *rules {
	if c.Terms == nil {
		return base
	}
	return c.Terms.over(base)
}
