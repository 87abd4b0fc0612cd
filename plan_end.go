package rota

import (
	"errors"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// Ended tells how an attempt ended. It must be called exactly once for every attempt that was sent, unless Answered
// took it.
func (p *Plan) Ended(now time.Time, a *Attempt, o Outcome) {
	p.advance(now)
	a.took = p.now - a.start
	if a.phase == underWay {
		p.live--
	}
	a.phase, a.outcome = ended, o
	switch {
	case p.done:
		p.endedLate(a)
	case o.Verdict == Success: // though it may have been given up: an answer is an answer
		p.win(a)
		p.record(a)
	case p.now >= p.deadline:
		p.blame(a)
		p.finish(errDeadline)
	case a.timedOut:
		a.outcome = Outcome{Verdict: Failure, Err: ErrTimedOut}
		p.record(a)
	case o.Verdict == Ignored:
		p.record(a)
		p.left = true
		p.finish(or(o.Err, ErrAttempts))
	default:
		if o.Verdict == Overload {
			p.cl.calm.Store(int64(p.now + OverloadCalm))
		}
		p.record(a)
		p.consider(a)
	}
	a.tier.freed()
	p.unended--
	p.recycle()
}

// endedLate records an attempt that came back after the call was over.
func (p *Plan) endedLate(a *Attempt) {
	switch {
	case a.outcome.Verdict == Success:
		p.record(a)
	case a.timedOut:
		a.outcome = Outcome{Verdict: Failure, Err: ErrTimedOut}
		p.record(a)
	case p.winnerNumber > 0:
		a.outcome = Outcome{Verdict: Ignored, Err: ErrLost}
		late := a.number < p.winnerNumber
		p.cl.changed(p.now, a.node, a.node.lost(p.now, a, late, p.rules))
		p.learn(a)
		p.observe(a)
	case p.reason == errDeadline:
		p.blame(a)
	default:
		a.outcome.Verdict = Ignored
		p.record(a)
	}
}

// blame decides what an attempt that the call's deadline ended says about its replica. The policy's own time is long
// enough for anybody to answer. A caller's may be as short as it likes: then only a replica that had more time than
// 99 answers of 100 need is a failure.
func (p *Plan) blame(a *Attempt) {
	p99 := time.Duration(p.route.p99.Load())
	a.timedOut = true
	a.outcome = Outcome{Verdict: Ignored, Err: ErrTimedOut}
	if p.own || p99 > 0 && a.took >= max(p99, minHedgeDelay) {
		a.outcome.Verdict = Failure
	}
	p.record(a)
}

// consider decides what follows an attempt's failure. One that never reached its replica counts for no limit but the
// budget: it cost nobody anything, and with three replicas of four down the call shall still find the fourth.
func (p *Plan) consider(a *Attempt) {
	if a.outcome.Unsent {
		p.cl.trouble()
	}
	unsent := a.outcome.Unsent && !p.repeat
	if unsent && p.rules.attempts > 1 {
		p.unsent++
	}
	switch {
	case p.shut:
		p.stop(p.reason)
	case p.spent():
		p.stop(ErrAttempts)
	case a.outcome.Final && !a.outcome.Unsent:
		p.stop(ErrFinal)
	case !p.call.Idempotent && !a.outcome.Unsent:
		p.stop(ErrNotIdempotent)
	case p.sent == 1 || unsent:
		p.retryIn(0) // elsewhere: there is nobody to be gentle to
	default:
		p.retryIn(p.jitter(p.sent - 1))
	}
}

// stop ends the making of attempts; the call ends when none is under way.
func (p *Plan) stop(reason error) {
	p.shut = true
	if p.reason == nil {
		p.reason = reason
	}
	if p.live == 0 {
		p.finish(p.reason)
	}
}

func (p *Plan) retryIn(pause time.Duration) {
	if p.now+pause >= p.deadline {
		p.stop(errNoTime)
		return
	}
	p.retryAt = p.now + pause
}

// jitter draws the n-th pause of a call.
func (p *Plan) jitter(n int) time.Duration {
	r := p.rules
	return time.Duration(below(p.cl.rand(), int(min(r.base<<(n-1), r.max))+1))
}

// Cancel tells that the caller does not want the answer any more, or that its time is over: cause is the error of its
// context.
func (p *Plan) Cancel(now time.Time, cause error) {
	p.advance(now)
	if !p.done {
		if errors.Is(cause, errDeadline) {
			cause = errDeadline
		}
		p.left = true
		p.finish(cause)
	}
}

func (p *Plan) win(a *Attempt) {
	p.winner, p.winnerNumber = a, a.number
	p.cell.latency.Add(a.took)
	if p.route.slow(a.took) {
		a.node.trouble().slowed.Add(p.now)
	}
	p.finish(nil)
}

func (p *Plan) finish(reason error) {
	p.done, p.shut, p.reason = true, true, reason
	if p.prepaid {
		p.prepaid = false
		p.cl.budget.Return()
	}
	c := &p.cl.calls
	switch {
	case p.winner != nil:
	case reason == errDeadline:
		c.failed.Add(1)
	case p.left:
		c.ignored.Add(1)
	case p.sent == 0 && reason == ErrThrottled:
		c.throttled.Add(1)
	case p.sent == 0:
		c.unplaced.Add(1)
	case p.overloaded():
		c.overloaded.Add(1)
		p.rest = p.soonest()
	default:
		c.failed.Add(1)
	}
	if f := p.cl.observer.CallEnded; f != nil {
		f(CallEvent{p.cl.service, p.took(), p.sent, p.Err()})
	}
	p.decided()
}

func (p *Plan) overloaded() bool {
	for i := range p.attempts[:p.sent] {
		if p.attempts[i].outcome.Verdict != Overload {
			return false
		}
	}
	return p.sent > 0
}

func (p *Plan) took() time.Duration { return p.now - p.start }

// unplaced tells why no node takes a first attempt.
func (p *Plan) unplaced() error {
	p.cl.trouble()
	p.rest = p.soonest()
	for _, n := range p.set.nodes {
		if n.admits(p.now, p.rules, forced) != limited {
			return ErrUnavailable
		}
	}
	return ErrRateLimited
}

// soonest is how long it takes until a node admits an attempt.
func (p *Plan) soonest() time.Duration {
	w := never
	for _, n := range p.set.nodes {
		w = min(w, n.wait(p.now, p.rules))
	}
	return w
}

// Winner returns the attempt whose answer is the call's; nil if the call failed. It is valid until Close.
func (p *Plan) Winner() *Attempt { return p.winner }

// Err returns nil, or the *CallError that tells why there is no winner. It is to be called when the step was StepDone.
func (p *Plan) Err() error {
	if p.winner != nil {
		return nil
	}
	e := &CallError{Service: p.cl.service, Reason: p.reason, RetryAfter: p.rest}
	for i := range p.attempts[:p.sent] {
		e.Attempts = append(e.Attempts, p.report(&p.attempts[i]))
	}
	return e
}

// report tells of an attempt at the time of the error, when it may not have come back yet.
func (p *Plan) report(a *Attempt) Report {
	r := a.report()
	if a.phase == ended {
		return r
	}
	r.Took, r.Verdict, r.Err = p.now-a.start, Ignored, p.reason
	if r.TimedOut = a.timedOut || p.reason == errDeadline; r.TimedOut {
		r.Verdict, r.Err = Failure, ErrTimedOut
	}
	return r
}

// record tells the node how the attempt ended.
func (p *Plan) record(a *Attempt) {
	p.cl.changed(p.now, a.node, a.node.record(p.now, a.took, a.ticket, &a.outcome, p.rules))
	p.learn(a)
	p.observe(a)
}

func (p *Plan) observe(a *Attempt) {
	if f := p.cl.observer.AttemptEnded; f != nil {
		f(AttemptEvent{p.cl.service, a.report(), a.Number(), a.Hedge()})
	}
}

// Close gives the plan back. The driver keeps no reference to it but for attempts under way.
func (p *Plan) Close() {
	p.closed = true
	p.recycle()
}

func (p *Plan) recycle() {
	if p.closed && p.unended == 0 {
		for i := range p.attempts[:p.sent] {
			p.attempts[i].node, p.attempts[i].tier = nil, nil // a pooled plan keeps no removed replica alive
		}
		p.set, p.reason, p.winner, p.pick.part, p.trace, p.call = nil, nil, nil, nil, nil, Call{}
		p.cl.plans.Put(p)
	}
}

// Answered takes a successful attempt whose reply outlives it: the call has its answer, and the attempt stays in flight
// until Held.Ended. It reports false when the call was over already: then Ended is to be called, and the reply dropped.
func (p *Plan) Answered(now time.Time, a *Attempt, o Outcome) (Held, bool) {
	p.advance(now)
	if p.done {
		return Held{}, false
	}
	if a.phase == underWay {
		p.live--
	}
	a.took, a.phase, a.outcome = p.now-a.start, taken, o
	p.win(a)
	if o.Draining {
		a.node.drains(p.now) // a long reply must not hide it
	}
	p.learn(a)
	h := Held{p.cl, a.node, a.tier, a.ticket, a.took, a.Number(), a.Hedge()}
	if h.ticket != (breaker.Ticket{}) {
		// The headers settle a trial. A long body would keep the replica's other calls out.
		p.cl.changed(p.now, h.node, h.node.succeed(h.ticket, p.rules))
		h.ticket = breaker.Ticket{}
	}
	p.unended--
	return h, true
}

// Held is an attempt whose reply is still being read.
type Held struct {
	cl     *Cluster
	node   *Node
	tier   *tier
	ticket breaker.Ticket
	took   time.Duration
	number int
	hedge  bool
}

// Ended tells how the reply ended. It must be called exactly once.
func (h *Held) Ended(now time.Time, o Outcome) {
	t := h.cl.since(now)
	h.cl.changed(t, h.node, h.node.record(t, h.took, h.ticket, &o, h.cl.terms()))
	if l := h.tier.learner; l != nil && o.Verdict != Success {
		l.Ended(h.node, &End{t, h.took, o.Verdict, false, o.Load})
	}
	h.tier.freed()
	if f := h.cl.observer.AttemptEnded; f != nil {
		r := Report{Instance: h.node.Instance(), Verdict: o.Verdict, Took: h.took, Err: o.Err}
		f(AttemptEvent{h.cl.service, r, h.number, h.hedge})
	}
}
