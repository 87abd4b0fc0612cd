package rota

import (
	"context"
	"time"

	"github.com/rota-go/rota/internal/wait"
)

// Op teaches Do one protocol. Its funcs are called concurrently when a call has several attempts under way.
type Op[R any] struct {
	// Send makes one attempt. It must return soon after ctx has ended, and must not keep the Attempt.
	Send func(ctx context.Context, a *Attempt) (R, error)
	// Classify tells what a reply or error of Send means. Nil: an error is a Failure, anything else a Success.
	Classify func(reply R, err error) Outcome
	// Hold is for replies that outlive Send, such as streamed bodies; nil if they do not. It returns the reply,
	// wrapped so that end is called once when the reply is at its end, with how it ended. Until then the attempt
	// counts as in flight and its context lives.
	Hold func(reply R, end func(Outcome)) R
	// Discard frees a reply that the caller will not see. Nil: nothing to free.
	Discard func(reply R)
}

func (op *Op[R]) classify(reply R, err error) Outcome {
	if op.Classify != nil {
		return op.Classify(reply, err)
	}
	if err != nil {
		return Outcome{Verdict: Failure, Err: err}
	}
	return Outcome{}
}

func (op *Op[R]) discard(reply R) {
	if op.Discard != nil {
		op.Discard(reply)
	}
}

// Do makes a call: it sends op to replicas, as the client's policy says, until one succeeds. It returns the winner's
// reply, or a *CallError that lists the attempts. With the error comes the reply of the last attempt that had one
// (Send's error was nil, but Classify was not content); the caller owns it, as it owns a winner's.
//
// ctx bounds the call, the wait for the first set of instances included. The first attempt, and every attempt that no
// other accompanies, runs on the caller's goroutine. A panic in op reaches the caller after the books are closed.
func Do[R any](ctx context.Context, c *Client, call Call, op Op[R]) (R, error) {
	var none R
	now := c.now()
	deadline, _ := ctx.Deadline()
	if !c.cluster.Ready() || c.closed.Load() {
		limit := call.over(c.cluster.terms()).timeout
		if err := c.await(ctx, limit); err != nil {
			return none, &CallError{Service: c.service, Reason: err}
		}
		if limit > 0 && (deadline.IsZero() || now.Add(limit).Before(deadline)) {
			deadline = now.Add(limit) // what was waited for comes out of the call's time
		}
		now = c.now()
	}
	p := c.cluster.Plan(now, deadline, call)
	if err := ctx.Err(); err != nil {
		p.Cancel(now, err)
	}
	if p.timed() {
		return runOf(ctx, c, p, op).call(now)
	}
	return inline(ctx, c, p, now, op)
}

// inline drives a plan that never has to act while an attempt is under way: no timer, no goroutine, no context.
func inline[R any](ctx context.Context, c *Client, p *Plan, now time.Time, op Op[R]) (R, error) {
	var reply R
	have := false
	for {
		switch s := p.Next(now); s.Kind {
		case StepWait:
			if !wait.For(ctx, s.At.Sub(now)) {
				p.Cancel(c.now(), ctx.Err())
			}
			now = c.now()
		case StepDone:
			err := p.Err()
			p.Close()
			return settled(reply, have, op, nothing), err
		case StepSend:
			next, err := send(ctx, c, p, s.Attempt, &op, &reply, have)
			now = c.now()
			o := op.classify(next, err)
			if err == nil || o.Verdict == Success {
				if have {
					op.discard(reply)
				}
				reply, have = next, true
			}
			if o.Verdict == Success && op.Hold != nil {
				if h, ok := p.Answered(now, s.Attempt, o); ok {
					p.Close()
					return hold(c, reply, h, op, nothing), nil
				}
			}
			if o.Verdict != Success && ctx.Err() != nil {
				p.Cancel(now, ctx.Err())
			}
			p.Ended(now, s.Attempt, o)
		}
	}
}

// send calls op.Send, and closes the books of the call if that does not return. kept is the reply of an earlier attempt.
func send[R any](ctx context.Context, c *Client, p *Plan, a *Attempt, op *Op[R], kept *R, have bool) (R, error) {
	returned := false
	defer func() {
		if !returned {
			p.Cancel(c.now(), errPanicked)
			p.Ended(c.now(), a, Outcome{Verdict: Ignored, Err: errPanicked})
			p.Close()
			if have {
				op.discard(*kept)
			}
		}
	}()
	reply, err := op.Send(ctx, a)
	returned = true
	return reply, err
}

// hold hands out a winner's reply that is still to be read.
func hold[R any](c *Client, reply R, h Held, op Op[R], cancel context.CancelCauseFunc) R {
	return op.Hold(reply, func(o Outcome) {
		h.Ended(c.now(), o)
		cancel(nil)
	})
}

// settled hands out the reply of an attempt that is over as far as its plan is concerned.
func settled[R any](reply R, have bool, op Op[R], cancel context.CancelCauseFunc) R {
	if have && op.Hold != nil {
		return op.Hold(reply, func(Outcome) { cancel(nil) })
	}
	cancel(nil)
	if !have {
		var none R
		return none
	}
	return reply
}

// nothing is what is to be done about a context that was not made here. It is no func literal, because one in a
// generic function is allocated.
func nothing(error) {}
