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
	if !p.asked && p.throttled() {
		p.finish(ErrThrottled)
		return nil
	}
	a := p.place()
	if a != nil {
		return a
	}
	reason := p.unplaced()
	if reason == ErrRateLimited && !p.asked {
		p.asked, p.retryAt = true, p.now // others may have been here with a later time: to a stale one they look like a burst
		return nil
	}
	p.finish(reason)
	return nil
}

// retry replaces an attempt that failed. When no fresh node is usable, one that failed may be tried again after a pause.
func (p *Plan) retry() *Attempt {
	p.retryAt = never
	if p.throttled() {
		p.stop(ErrThrottled)
		return nil
	}
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
		a.cause = Retried
		p.cl.calls.retries.Add(1)
		return a
	}
	p.cl.budget.Return()
	if p.live > 0 || p.repeat || p.sent >= p.rules.attempts {
		p.stop(ErrNoOther)
		return nil
	}
	p.repeat, p.unsent = true, 0 // from here on every attempt counts
	p.retryIn(p.jitter(1))
	return nil
}

// beside sends an attempt while others are under way; they go on.
func (p *Plan) beside(hedge bool) *Attempt {
	if hedge && p.holdsBack() || !hedge && p.throttled() || !p.pay() {
		return nil
	}
	if hedge {
		p.hedges++ // before the attempt is placed: it sets the time of the next
	}
	a := p.place()
	if a == nil {
		p.cl.budget.Return()
		return nil
	}
	if hedge {
		a.cause = Hedged
		p.cl.calls.hedges.Add(1)
	} else {
		a.cause = Companion
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

// chooses reports whether the call goes to n though it could go elsewhere.
func (p *Plan) chooses(n *Node) bool {
	switch n.breaker.Phase() {
	case breaker.Open, breaker.HalfOpen:
		return p.sent == 0 && n.breaker.Wait(p.now) == 0 && (p.affords() || p.overdraws(n))
	case breaker.Failing:
		return p.sent == 0 && p.drawn(p.cl.health.share.Load()) && p.affords()
	}
	return p.sent > 0 || !p.warms(n)
}

// affords reports whether the call may go to a node that will probably fail it: one that is half-open, or failing. Only
// a first attempt does, so that a call meets one such replica and not all of them; and only if the retry that is then
// needed can be paid, so that trials take nobody's retry away. Where there are no retries nothing is at stake.
func (p *Plan) affords() bool {
	r := p.rules
	if r.attempts == 1 || r.budget.floor < 1 && r.budget.ratio == 0 || p.prepaid {
		return true
	}
	p.prepaid = p.cl.withdraw(p.now)
	return p.prepaid
}

// warms reports whether n does not take its turn because it is just back: with full load at once, a cold replica would
// fail again.
func (p *Plan) warms(n *Node) bool {
	since, span := p.now-time.Duration(n.warm.Load()), p.rules.slowStart
	if since >= span || n.warm.Load() == 0 {
		return false
	}
	return !p.drawn(uint32(max(leastShare, float64(since)/float64(span)) * (1 << 32)))
}

// drawn is true with the probability share/2^32.
func (p *Plan) drawn(share uint32) bool { return uint32(p.cl.rand()>>32) < share }

// A trial that has waited overdue for a call that can pay for the retry need not be paid for, or a budget that others
// have spent would keep a replica out that is well; but only one in overdraftEvery for the whole service.
const (
	overdue        = time.Second
	overdraftEvery = 500 * time.Millisecond
)

func (p *Plan) overdraws(n *Node) bool {
	next := p.cl.overdraft.Load()
	if n.breaker.Overdue(p.now) < overdue || int64(p.now) < next {
		return false
	}
	if !p.cl.overdraft.CompareAndSwap(next, int64(p.now+overdraftEvery)) {
		return false
	}
	p.cl.overdraw(p.now)
	p.prepaid = true
	return true
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
	if a == nil && p.pick.lenience == strict {
		p.pick.lenience = needed
		a = p.choose()
		p.pick.lenience = strict
	}
	return a
}

// choose takes a node of the best priority that has a usable one.
func (p *Plan) choose() *Attempt {
	for i := range p.set.tiers {
		if a := p.chooseFrom(&p.set.tiers[i]); a != nil {
			return a
		}
	}
	return nil
}

func (p *Plan) chooseFrom(t *tier) *Attempt {
	for range 4 { // another call may be quicker between pick and admission
		p.pick.taken, p.pick.part = nil, t
		n := t.picker.Pick(&p.pick)
		if n == nil {
			return nil
		}
		if n == p.pick.taken || p.pick.take(n) {
			return p.placed(p.pick.part, n, p.pick.ticket)
		}
	}
	for _, n := range t.nodes {
		if p.pick.take(n) {
			return p.placed(t, n, p.pick.ticket)
		}
	}
	return nil
}

func (p *Plan) placed(from *tier, n *Node, t breaker.Ticket) *Attempt {
	if p.trace != nil {
		p.chose(n)
	}
	a := &p.attempts[p.sent]
	p.sent++
	p.live++
	p.unended++
	*a = Attempt{
		node: n, tier: from, cl: p.cl, number: int32(p.sent), start: p.now, deadline: p.deadline, ticket: t, answers: n.answers(),
	}
	if p.call.Idempotent {
		a.left = int8(max(0, min(p.rules.attempts-(p.sent-p.unsent), MaxAttempts-p.sent)))
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
	r := p.rules
	if r.tryTimeout > 0 {
		a.deadline = min(a.deadline, p.now+r.tryTimeout)
	}
	if !p.call.Idempotent || p.call.Alone || p.spent() || len(p.set.nodes) == 1 {
		return
	}
	if r.hedge {
		if d := p.hedgeDelay(); d > 0 {
			p.hedgeAt, p.putOff = p.now+d<<p.hedges, false
		}
	}
	if r.splitTime && p.deadline != never {
		left := p.deadline - p.now
		p.splitAt = p.now + min(max(left/2, time.Duration(p.route.p99.Load())), left/4*3)
	}
}

// What waits for a processor of this process waits some four times on its way: to be sent, and to be read, each as a
// goroutine and behind others in the kernel.
const (
	waitsOfACall = 4
	crowd        = 20 * time.Microsecond // less is nobody's queue
)

// crowded puts a hedge off that is due now, once, if whoever was to send it has waited for a processor: the answer has too, and
// another one would wait as long and make the queue longer.
func (p *Plan) crowded(now time.Time, waited time.Duration) {
	p.advance(now)
	if waited >= crowd && p.now >= p.hedgeAt && !p.putOff {
		p.hedgeAt, p.putOff = p.now+waitsOfACall*waited, true
	}
}

// spent reports whether the call has had all the attempts that the policy allows it.
func (p *Plan) spent() bool { return p.sent-p.unsent >= p.rules.attempts || p.sent == MaxAttempts }

func (p *Plan) hedgeDelay() time.Duration {
	if d := p.rules.hedgeDelay; d > 0 {
		return d
	}
	return time.Duration(p.route.hedge.Load())
}
