package rota

import (
	"math"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// Decision is what was decided for one call, and why: an Observer's Decided gets it when the call is over. It is the
// receiver's, and nothing changes it any more.
type Decision struct {
	Service  string
	Route    string // of the call; "" = it has none of its own
	Start    time.Time
	Took     time.Duration
	Deadline time.Duration // the time that the call had, the policy's or the caller's; 0 = as long as it took
	Err      error         // nil = it succeeded
	Tries    []Try         // in the order in which they were sent
	Budget   float64       // retries and hedges that could be sent when the call was over
	Nodes    int           // in the set
	Panic    bool          // too few nodes were fit to choose among, so that all were used
	Traced   bool          // the candidates of every Try were noted
}

// Try is what a Decision tells of an attempt.
type Try struct {
	Instance Instance
	Cause    Cause
	Trial    bool          // whether its replica is well again was to be found out by it
	After    time.Duration // from the call's start until it was sent
	Took     time.Duration // until it ended, or until the call did
	UnderWay bool          // it had not ended when the call did
	Won      bool          // its answer is the call's
	Verdict  Verdict       // of one that has ended
	TimedOut bool
	Err      error
	// Looked are the nodes that were looked at for it, in the order in which they were, if the call was traced: those that
	// the balancer compared, those that were passed over, and the one chosen. At most MaxCandidates.
	Looked []Candidate
}

// Cause is why an attempt was sent.
type Cause uint8

// The causes.
const (
	First     Cause = iota
	Retried         // an earlier attempt had failed
	Hedged          // an earlier one was slower than nearly all answers lately
	Companion       // an earlier one had taken its share of the call's time
)

func (c Cause) String() string { return [...]string{"first", "retry", "hedge", "companion"}[c] }

// Candidate is a node that was looked at for an attempt.
type Candidate struct {
	Addr     string
	Score    float64       // what the balancer compared, the least being best; NaN = it compared nothing
	InFlight int           // attempts of ours, without this one
	Latency  time.Duration // moving average; 0 before the first answer
	Passed   string        // why the attempt did not go there; "" = it could have: one with a better score, or a draw, won
	Chosen   bool
}

// maxBarred is how many nodes of a set are looked at for being barred: a trace is to cost no more for many.
const maxBarred = 1000

// MaxCandidates is how many candidates of an attempt are noted.
const MaxCandidates = 32

// trace is what is noted of a call that is traced.
type trace struct {
	looked [MaxAttempts][]Candidate
}

// Looked notes that the balancer compared n, by score, the least being best. It does nothing unless the call is traced.
func (p *Pick) Looked(n *Node, score float64) {
	if p.plan.trace != nil {
		p.note(n).Score = score
	}
}

// note returns the entry of n, for the attempt that is being placed.
func (p *Pick) note(n *Node) *Candidate {
	list := &p.plan.trace.looked[min(p.plan.sent, MaxAttempts-1)]
	addr := n.inst.Load().Addr
	for i := range *list {
		if c := &(*list)[i]; c.Addr == addr {
			return c
		}
	}
	if len(*list) == MaxCandidates {
		return new(Candidate)
	}
	*list = append(*list, Candidate{Addr: addr, Score: math.NaN(), InFlight: n.InFlight(), Latency: n.Latency()})
	return &(*list)[len(*list)-1] // until the next is noted
}

// looked notes that n was looked at, and why it was not usable if it was not.
func (p *Pick) looked(n *Node, usable bool) {
	if c := p.note(n); !usable {
		c.Passed = p.whyNot(n)
	}
}

// whyNot says it for a node that was refused a moment ago.
func (p *Pick) whyNot(n *Node) string {
	if why := p.bars(n); why != "" {
		return why
	}
	switch {
	case n.breaker.Phase() == breaker.Failing:
		return "failing: it gets few first attempts"
	case p.plan.cl.health.state.Load()&warming != 0:
		return "slow start"
	}
	return "another call was quicker"
}

// bars says what keeps the attempt away from n, whatever is drawn; "" = nothing.
func (p *Pick) bars(n *Node) string {
	pl := p.plan
	if !pl.fresh(n, p.again) {
		return "tried already"
	}
	phase := n.breaker.Phase()
	switch n.admits(pl.now, pl.rules, p.lenience) {
	case resting:
		return "rests"
	case open:
		return "breaker " + phase.String()
	case limited:
		return "rate limit"
	}
	if p.lenience == strict && (phase == breaker.Open || phase == breaker.HalfOpen) {
		return "breaker " + phase.String() + ": no trial could be spared"
	}
	return ""
}

// begun decides whether the call is traced.
func (p *Plan) begun() {
	wanted := p.call.Decided != nil
	if f := p.cl.observer.Traced; f != nil && f(p.cl.epoch.Add(p.now)) {
		wanted = true
	}
	if wanted {
		p.trace = new(trace)
	}
}

// chose notes where the attempt goes, and which nodes nobody had to look at, because they are barred.
func (p *Plan) chose(n *Node) {
	list := &p.trace.looked[p.sent]
	known := len(*list)
	c := p.pick.note(n)
	c.Chosen, c.Passed = true, ""
	if len(*list) > known {
		c.InFlight-- // n has admitted the attempt already, which is not among those that it was chosen before
	}
	for _, other := range p.set.nodes[:min(len(p.set.nodes), maxBarred)] {
		if len(*list) == MaxCandidates {
			return
		}
		if other == n {
			continue
		}
		if why := p.pick.bars(other); why != "" {
			p.pick.note(other).Passed = why
		}
	}
}

// decided tells of the call, once it is over.
func (p *Plan) decided() {
	f := p.cl.observer.Decided
	plain := p.winner != nil && p.sent == 1
	if p.trace == nil && (f == nil || plain) || f == nil && p.call.Decided == nil {
		return
	}
	d := p.decision()
	if f != nil {
		f(d)
	}
	if p.call.Decided != nil {
		p.call.Decided(d)
	}
}

func (p *Plan) decision() *Decision {
	d := &Decision{
		Service: p.cl.service, Route: p.route.name, Start: p.cl.epoch.Add(p.start), Took: p.took(), Err: p.Err(),
		Tries: make([]Try, p.sent), Budget: p.cl.budget.Left(p.cl.budgetTerms(p.now)),
		Panic: p.pick.lenience == forced, Traced: p.trace != nil,
	}
	if p.deadline != never {
		d.Deadline = p.deadline - p.start
	}
	if p.set != nil {
		d.Nodes = len(p.set.nodes)
	}
	for i := range d.Tries {
		a := &p.attempts[i]
		t := &d.Tries[i]
		r := p.report(a)
		*t = Try{
			Instance: r.Instance, Cause: a.cause, Trial: a.ticket.Trial(), After: a.start - p.start, Took: r.Took,
			UnderWay: a.phase == underWay || a.phase == givenUp, Won: a == p.winner, Verdict: r.Verdict, TimedOut: r.TimedOut, Err: r.Err,
		}
		if a.phase == taken {
			t.Took, t.Verdict, t.Err = a.took, a.outcome.Verdict, a.outcome.Err
		}
		if p.trace != nil {
			t.Looked = p.trace.looked[i]
		}
	}
	return d
}
