package rota

import (
	"math"
	"time"
)

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// Plan makes the decisions of one call. Its driver does what Next says, and tells it how attempts end:
//
//	for {
//		switch s := plan.Next(now); s.Kind {
//		case StepSend:   // send s.Attempt; when it comes back, call Ended
//		case StepCancel: // cancel s.Attempt; when it comes back, call Ended
//		case StepWait:   // call Next again at s.At, or after an attempt has ended
//		case StepDone:   // Winner has the answer, or Err says why there is none
//		}
//	}
//
// A Plan is not safe for concurrent use. Once Close was called, all that may still be called is Ended, for attempts
// under way.
type Plan struct {
	cl    *Cluster
	seat  int
	route *Route
	rules *rules
	cell  *cell // of the route, at the seat
	set   *nodeSet
	pick  Pick
	call  Call
	wary  bool // some node is out, failing or warming: look before choosing
	own   bool // the deadline is the policy's, not the caller's

	now, start, deadline      time.Duration // since the cluster's epoch
	retryAt, hedgeAt, splitAt time.Duration

	sent    int  // attempts so far
	unsent  int  // of those, that never reached a replica; they do not count for Retry.Attempts
	live    int  // of those, under way and not given up
	unended int  // of those, not ended
	asked   bool // for a later time, because no node had one to spare
	hedges  int  // so far
	putOff  bool // the next hedge was
	prepaid bool // a token is set aside for the attempt after a trial
	repeat  bool // a node that was tried may be tried again
	shut    bool // no further attempt, whatever comes
	done    bool
	closed  bool
	left    bool // the caller did not wait for the end

	winnerNumber int32
	winner       *Attempt
	reason       error // why there is no winner
	rest         time.Duration
	attempts     [MaxAttempts]Attempt
	trace        *trace // nil = the call is not traced
	end          End    // what a Learner is shown; here, so that it costs no allocation
}

// StepKind says what a driver is to do.
type StepKind uint8

// The kinds of steps.
const (
	StepSend StepKind = iota
	StepCancel
	StepWait
	StepDone
)

// Step is one thing for a driver to do.
type Step struct {
	Kind    StepKind
	Attempt *Attempt  // of StepSend and StepCancel
	At      time.Time // of StepWait; zero = until an attempt ends
}

// Plan begins a call at time now. deadline is the caller's; zero = none. The policy's Timeout counts from now.
func (cl *Cluster) Plan(now, deadline time.Time, call Call) *Plan {
	p := cl.plans.Get().(*Plan)
	p.begin(cl.since(now), deadline, call)
	p.cell.calls.Add(p.now)
	p.route.refresh(p.now)
	cl.sweep(p.now)
	return p
}

func (p *Plan) begin(now time.Duration, deadline time.Time, call Call) {
	p.set, p.rules, p.call, p.route = p.cl.set.Load(), call.over(p.cl.terms()), call, p.cl.routeOf(call)
	p.cell = &p.route.cells[p.seat]
	flags := p.cl.conditions(now)
	p.wary, p.pick.lenience = flags != 0, strict
	if flags&panicked != 0 {
		p.pick.lenience = forced
	}
	p.now, p.start, p.deadline, p.own = now, now, never, false
	if !deadline.IsZero() {
		p.deadline = p.cl.since(deadline)
	}
	if t := p.rules.timeout; t > 0 && now+t <= p.deadline {
		p.deadline, p.own = now+t, true
	}
	p.sent, p.unsent, p.live, p.unended, p.hedges = 0, 0, 0, 0, 0
	p.retryAt, p.hedgeAt, p.splitAt = now, never, never
	p.asked, p.prepaid, p.repeat = false, false, false
	p.shut, p.done, p.closed, p.left = false, false, false, false
	p.winner, p.winnerNumber, p.reason, p.rest = nil, 0, nil, 0
	p.trace = nil
	if call.Decided != nil || p.cl.observer.Traced != nil {
		p.begun()
	}
}

// Next returns what to do at time now.
func (p *Plan) Next(now time.Time) Step {
	if p.done {
		return p.wind()
	}
	p.advance(now)
	if p.now >= p.deadline {
		p.finish(errDeadline)
		return p.wind()
	}
	if a := p.expired(); a != nil {
		p.giveUp(a)
		a.timedOut = true
		p.consider(a)
		return Step{Kind: StepCancel, Attempt: a}
	}
	if a := p.another(); a != nil {
		return Step{Kind: StepSend, Attempt: a}
	}
	if p.done {
		return p.wind()
	}
	return Step{Kind: StepWait, At: p.wake()}
}

// wind cancels what is under way, then is done.
func (p *Plan) wind() Step {
	for i := range p.attempts[:p.sent] {
		if a := &p.attempts[i]; a.phase == underWay {
			p.giveUp(a)
			return Step{Kind: StepCancel, Attempt: a}
		}
	}
	return Step{Kind: StepDone}
}

// expired returns an attempt whose own time is up.
func (p *Plan) expired() *Attempt {
	if p.rules.tryTimeout == 0 {
		return nil
	}
	for i := range p.attempts[:p.sent] {
		if a := &p.attempts[i]; a.phase == underWay && p.now >= a.deadline {
			return a
		}
	}
	return nil
}

func (p *Plan) giveUp(a *Attempt) {
	a.phase = givenUp
	p.live--
}

// another returns an attempt to be sent now, if one is due and can be made.
func (p *Plan) another() *Attempt {
	switch {
	case p.shut:
		return nil
	case p.sent == 0:
		return p.first()
	case p.spent(): // a hedge may have been sent while a retry waited for its pause, or the other way round
		p.retryAt, p.hedgeAt, p.splitAt = never, never, never
		return nil
	case p.now >= p.retryAt:
		return p.retry()
	case p.now >= p.hedgeAt:
		p.hedgeAt = never
		if p.now < time.Duration(p.cl.calm.Load()) {
			return nil
		}
		return p.beside(true)
	case p.now >= p.splitAt:
		p.splitAt = never
		return p.beside(false)
	}
	return nil
}

// wake is when something is due without an attempt ending.
func (p *Plan) wake() time.Time {
	at := p.deadline
	if !p.shut {
		at = min(at, p.retryAt, p.hedgeAt, p.splitAt)
	}
	for i := range p.attempts[:p.sent] {
		if a := &p.attempts[i]; a.phase == underWay {
			at = min(at, a.deadline)
		}
	}
	if at == never {
		return time.Time{}
	}
	return p.cl.epoch.Add(at)
}

func (p *Plan) advance(now time.Time) { p.now = max(p.now, p.cl.since(now)) }

// timed reports whether the call needs a driver that acts while attempts are under way. The caller's own deadline needs
// none: its context ends the attempts.
func (p *Plan) timed() bool {
	r := p.rules
	return p.own || r.tryTimeout > 0 || p.call.Idempotent && !p.call.Alone && r.attempts > 1 && (r.hedge || r.splitTime && p.deadline != never)
}
