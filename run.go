package rota

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// run drives a plan that acts while attempts are under way: it hedges, or cuts attempts short. One timer stands for
// everything that may be due. Attempts run on the caller's goroutine when it is free, otherwise on the timer's.
type run[R any] struct {
	client *Client
	ctx    context.Context // the caller's
	op     Op[R]

	mu      sync.Mutex
	plan    *Plan
	timer   *time.Timer
	free    chan struct{} // the caller's goroutine waits here; nil while it does not
	left    bool          // the caller has gone; the plan is closed
	cancels [MaxAttempts]context.CancelCauseFunc

	helpers int // goroutines beside the caller's that drive the plan

	ending[R]
}

// ending is what a call comes to.
type ending[R any] struct {
	reply R // the winner's, or the latest of those that failed
	have  bool
	from  int // the number of its attempt
	held  Held
	crash any // a panic to be passed on to the caller
}

// runOf returns a run for a call. Most calls end with nothing under way; their runs, timer included, are used again.
func runOf[R any](ctx context.Context, c *Client, p *Plan, op Op[R]) *run[R] {
	r, ok := c.runs.Get().(*run[R])
	if !ok {
		r = &run[R]{client: c}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx, r.plan, r.op, r.left = ctx, p, op, false
	return r
}

// call drives the plan on the caller's goroutine, until it is done.
func (r *run[R]) call(now time.Time) (R, error) {
	defer r.leave() // also when Send panics
	r.drive(now, true)
	res, cancel, err := r.result()
	if res.crash != nil {
		leftover[R]{res.reply, res.have, cancel}.free(&r.op)
		panic(res.crash)
	}
	if err == nil && r.op.Hold != nil {
		return hold(r.client, res.reply, res.held, r.op, cancel), nil
	}
	return settled(res.reply, res.have, r.op, cancel), err
}

// result returns how the call ended. Attempts that lost may be coming back meanwhile.
func (r *run[R]) result() (res ending[R], cancel context.CancelCauseFunc, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cancel = nothing
	if r.have {
		cancel = r.cancels[r.from-1]
	}
	return r.ending, cancel, r.plan.Err()
}

// leave gives the plan back. Attempts that are still under way end on their own goroutines.
func (r *run[R]) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = true
	alone := (r.timer == nil || r.timer.Stop()) && r.helpers == 0 && r.plan.unended == 0
	r.plan.Close()
	if !alone {
		return
	}
	// A tick that fired before the timer was last set may still come. It finds that the caller has left, or wakes the
	// next call's plan for nothing.
	r.ctx, r.plan, r.op, r.free = nil, nil, Op[R]{}, nil
	r.cancels = [MaxAttempts]context.CancelCauseFunc{}
	r.ending = ending[R]{}
	r.client.runs.Put(r)
}

// tick is called by the timer. First it lets those go on who are ready to: one of them may have this call's answer, and where
// that takes long, no answer is late because of its replica.
func (r *run[R]) tick() {
	began := r.client.now()
	runtime.Gosched()
	now := r.client.now()
	r.mu.Lock()
	if r.left || r.wakeLocked() {
		r.mu.Unlock()
		return
	}
	r.plan.crowded(now, now.Sub(began))
	r.helpers++
	r.client.enter()
	r.mu.Unlock()
	defer r.client.leave()
	r.drive(now, false)
	r.mu.Lock()
	r.helpers--
	r.mu.Unlock()
}

// wakeLocked wakes the caller's goroutine, if it waits.
func (r *run[R]) wakeLocked() bool {
	if r.free == nil {
		return false
	}
	close(r.free)
	r.free = nil
	return true
}

// drive does what the plan says. The caller's goroutine stays until the call is done, others until nothing is due.
func (r *run[R]) drive(now time.Time, caller bool) {
	for {
		r.mu.Lock()
		if r.left {
			r.mu.Unlock()
			return
		}
		switch s := r.plan.Next(now); s.Kind {
		case StepSend:
			ctx := r.contextLocked(s.Attempt)
			r.armLocked(now, r.plan.wake())
			r.mu.Unlock()
			now = r.attempt(ctx, s.Attempt)
		case StepCancel:
			cancel := r.cancels[s.Attempt.number-1]
			cause := ErrLost
			if s.Attempt.timedOut || r.plan.reason == errDeadline {
				cause = ErrTimedOut
			}
			r.mu.Unlock()
			cancel(cause)
		case StepWait:
			r.armLocked(now, s.At)
			if !caller {
				r.mu.Unlock()
				return
			}
			free := make(chan struct{})
			r.free = free
			r.mu.Unlock()
			now = r.wait(free)
		case StepDone:
			r.wakeLocked()
			r.mu.Unlock()
			return
		}
	}
}

// wait is where the caller's goroutine is while others work, or nobody does.
func (r *run[R]) wait(free chan struct{}) time.Time {
	select {
	case <-free:
	case <-r.ctx.Done():
		r.mu.Lock()
		r.free = nil
		r.plan.Cancel(r.client.now(), r.ctx.Err())
		r.mu.Unlock()
	}
	return r.client.now()
}

// armLocked sets the timer to the time at which the plan has something to do.
func (r *run[R]) armLocked(now, at time.Time) {
	switch {
	case at.IsZero():
		return
	case r.timer == nil:
		r.timer = time.AfterFunc(at.Sub(now), r.tick)
	default:
		r.timer.Reset(at.Sub(now))
	}
}

// attempt sends one attempt and tells the plan how it ended.
func (r *run[R]) attempt(ctx context.Context, a *Attempt) time.Time {
	returned := false
	defer func() {
		if !returned {
			r.crashed(a, recover())
		}
	}()
	reply, err := r.op.Send(ctx, a)
	o := r.op.classify(reply, err)
	returned = true
	now := r.client.now()
	r.ended(now, a, o, reply, err == nil || o.Verdict == Success).free(&r.op)
	return now
}

// leftover is a reply that nobody wants, if there is one, and the context that it lives in.
type leftover[R any] struct {
	reply  R
	have   bool
	cancel context.CancelCauseFunc
}

func (l leftover[R]) free(op *Op[R]) {
	if l.have {
		op.discard(l.reply)
	}
	if l.cancel != nil {
		l.cancel(nil)
	}
}

// ended books an attempt's end, and returns what is to be thrown away.
func (r *run[R]) ended(now time.Time, a *Attempt, o Outcome, reply R, have bool) leftover[R] {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wakeLocked()
	number := a.Number()
	if o.Verdict == Success && r.op.Hold != nil {
		if h, ok := r.plan.Answered(now, a, o); ok {
			r.held = h
			return r.keepLocked(reply, number)
		}
	}
	if o.Verdict != Success && !r.left && r.ctx.Err() != nil {
		r.plan.Cancel(now, r.ctx.Err())
	}
	late := r.plan.done
	r.plan.Ended(now, a, o) // when the caller has left, this may have been the last anybody hears of the plan
	if have && !late {
		return r.keepLocked(reply, number)
	}
	return leftover[R]{reply, have, r.cancels[number-1]}
}

// keepLocked keeps a reply for the caller, and returns the one that was kept before.
func (r *run[R]) keepLocked(reply R, number int) leftover[R] {
	var old leftover[R]
	if r.have {
		old = leftover[R]{r.reply, true, r.cancels[r.from-1]}
	}
	r.reply, r.have, r.from = reply, true, number
	return old
}

// crashed books an attempt whose Send did not return. v is nil when its goroutine was ended by runtime.Goexit.
func (r *run[R]) crashed(a *Attempt, v any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.left
	r.plan.Cancel(r.client.now(), errPanicked)
	r.plan.Ended(r.client.now(), a, Outcome{Verdict: Ignored, Err: errPanicked})
	if left && v != nil {
		panic(v) // nobody is left to pass it on to, and swallowing it would hide a bug
	}
	r.crash = v
	r.wakeLocked()
}

// contextLocked returns the context of an attempt: the caller's, which also ends when the plan says so. The plan keeps
// the time, so it has a deadline but needs no timer.
func (r *run[R]) contextLocked(a *Attempt) context.Context {
	ctx, cancel := context.WithCancelCause(r.ctx)
	r.cancels[a.number-1] = cancel
	if t, ok := a.Deadline(); ok {
		return &deadlineContext{ctx, t}
	}
	return ctx
}

// deadlineContext tells the deadline at which its context will be cancelled.
type deadlineContext struct {
	context.Context
	deadline time.Time
}

func (c *deadlineContext) Deadline() (time.Time, bool) { return c.deadline, true }
