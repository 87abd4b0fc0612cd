package rota

import (
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// first makes the attempt that every call has.
func (p *Plan) first() *Attempt {
	p.retryAt = never
	if p.set == nil || len(p.set.nodes) == 0 {
		p.finish(ErrNoInstances)
		return nil
	}
	a := p.place()
	if a == nil {
		p.finish(p.unplaced())
	}
	return a
}

// retry replaces an attempt that failed. When no fresh node is usable, one that failed may be tried again after a pause.
func (p *Plan) retry() *Attempt {
	p.retryAt = never
	if !p.pay() {
		p.stop(ErrBudget)
		return nil
	}
	a := p.place()
	if a == nil && p.repeat {
		p.pick.again = true
		a = p.place()
		p.pick.again = false
	}
	if a != nil {
		p.cl.calls.retries.Add(1)
		return a
	}
	p.cl.budget.Return()
	if p.live > 0 || p.repeat || p.sent >= p.cl.rules.attempts {
		p.stop(ErrNoOther)
		return nil
	}
	p.repeat, p.unsent = true, 0 // from here on every attempt counts
	p.retryIn(p.jitter(1))
	return nil
}

// beside sends an attempt while others are under way; they go on.
func (p *Plan) beside(hedge bool) *Attempt {
	if !p.pay() {
		return nil
	}
	p.hedged = p.hedged || hedge // one is enough, so the attempt about to be placed gets none
	a := p.place()
	if a == nil {
		p.cl.budget.Return()
		return nil
	}
	a.hedge = hedge
	if hedge {
		p.cl.calls.hedges.Add(1)
	} else {
		p.cl.calls.retries.Add(1)
	}
	return a
}

// pay takes the token for an attempt beside the first.
func (p *Plan) pay() bool {
	if p.prepaid {
		p.prepaid = false
		return true
	}
	return p.cl.withdraw(p.now)
}

// mayTry reports whether the call may be the trial of a node that is half-open. Only a first attempt is, so that a call
// meets one replica that is probably still dead and not all of them; and only if the retry that is then needed can be
// paid, so that trials take nobody's retry away. Where there are no retries nothing is at stake.
func (p *Plan) mayTry(n *Node) bool {
	r := &p.cl.rules
	switch {
	case p.sent > 0 || n.breaker.Wait(p.now) > 0:
		return false
	case r.attempts == 1 || r.budget.floor < 1 && r.budget.ratio == 0 || p.prepaid:
		return true
	}
	p.prepaid = p.cl.withdraw(p.now)
	return p.prepaid
}

// place finds a node that admits an attempt, and makes it.
func (p *Plan) place() *Attempt {
	if p.sent == MaxAttempts {
		return nil
	}
	if p.sent > 0 {
		p.set = p.cl.set.Load() // it may have changed since the last attempt
	}
	a := p.choose()
	if a == nil && p.cl.rules.breaker {
		p.pick.any = true
		a = p.choose()
		p.pick.any = false
	}
	return a
}

func (p *Plan) choose() *Attempt {
	for range 4 { // another call may be quicker between pick and admission
		p.pick.taken = nil
		n := p.set.picker.Pick(&p.pick)
		if n == nil {
			return nil
		}
		if n == p.pick.taken || p.pick.take(n) {
			return p.placed(n, p.pick.ticket)
		}
	}
	for _, n := range p.set.nodes {
		if p.pick.take(n) {
			return p.placed(n, p.pick.ticket)
		}
	}
	return nil
}

func (p *Plan) placed(n *Node, t breaker.Ticket) *Attempt {
	a := &p.attempts[p.sent]
	p.sent++
	p.live++
	p.unended++
	*a = Attempt{
		node: n, cl: p.cl, number: int32(p.sent), start: p.now, deadline: p.deadline, ticket: t, answers: n.answers(),
	}
	p.setTimes(a)
	return a
}

// fresh reports whether the call may use n: it was not tried, or may be again and is not under way.
func (p *Plan) fresh(n *Node, again bool) bool {
	for i := range p.attempts[:p.sent] {
		if a := &p.attempts[i]; a.node == n && (!again || a.phase == underWay) {
			return false
		}
	}
	return true
}

// setTimes works out when the attempt ends and when it gets company.
func (p *Plan) setTimes(a *Attempt) {
	r := &p.cl.rules
	if r.tryTimeout > 0 {
		a.deadline = min(a.deadline, p.now+r.tryTimeout)
	}
	if !p.call.Idempotent || p.spent() || len(p.set.nodes) == 1 {
		return
	}
	if r.hedge && !p.hedged {
		if d := p.hedgeDelay(); d > 0 {
			p.hedgeAt = p.now + d
		}
	}
	if r.splitTime && p.deadline != never {
		left := p.deadline - p.now
		p.splitAt = p.now + min(max(left/2, time.Duration(p.cl.latencies.p99.Load())), left/4*3)
	}
}

// spent reports whether the call has had all the attempts that the policy allows it.
func (p *Plan) spent() bool { return p.sent-p.unsent >= p.cl.rules.attempts || p.sent == MaxAttempts }

func (p *Plan) hedgeDelay() time.Duration {
	if d := p.cl.rules.hedgeDelay; d > 0 {
		return d
	}
	return time.Duration(p.cl.latencies.hedge.Load())
}
