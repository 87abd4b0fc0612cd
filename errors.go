package rota

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a call ended without a success, beside the caller's own context.Canceled and context.DeadlineExceeded. Each is
// found by errors.Is in the CallError that Do returns.
var (
	ErrNoInstances   = errors.New("no instances are known")
	ErrUnavailable   = errors.New("every replica is out of use for now")
	ErrRateLimited   = errors.New("every replica is at its rate limit")
	ErrAttempts      = errors.New("no attempts are left")
	ErrNoOther       = errors.New("no other replica is usable")
	ErrBudget        = errors.New("the retry budget is spent")
	ErrThrottled     = errors.New("too many calls were turned down lately")
	errPanicked      = errors.New("the attempt panicked")
	errNoTime        = errors.New("too little time is left for another attempt")
	ErrFinal         = errors.New("it was repeated already, further down")
	ErrNotIdempotent = errors.New("the call may not be sent twice")
	ErrClosed        = errors.New("the client is closed")
)

// errDeadline is the deadline's error for files that may not know of contexts.
var errDeadline = context.DeadlineExceeded

// What became of an attempt that has no error of its own. Each is found as the Err of a Report.
var (
	ErrTimedOut = fmt.Errorf("timed out: %w", context.DeadlineExceeded)
	ErrLost     = errors.New("another attempt won")
)

// CallError is why a call failed: what stopped it, and every attempt, in the order in which they were sent.
type CallError struct {
	Service  string
	Reason   error // why there was no further attempt
	Attempts []Report
	// RetryAfter is how long it is until a replica is expected to be usable again; 0 when that is not known. It is
	// set when no attempt could be made, and when every attempt ended in Overload.
	RetryAfter time.Duration
}

// Error tells the whole story in one line.
func (e *CallError) Error() string {
	var b strings.Builder
	b.WriteString("rota: ")
	if e.Service != "" {
		b.WriteString(e.Service + ": ")
	}
	b.WriteString(e.Reason.Error())
	for i, a := range e.Attempts {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, a.Instance.Addr, a)
	}
	return b.String()
}

// String tells how the attempt ended and how long it took.
func (r Report) String() string {
	return fmt.Sprintf("%s (%s)", r.Outcome(), r.Took.Round(time.Microsecond))
}

// Outcome tells how the attempt ended: its error, if it has one.
func (r Report) Outcome() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return r.Verdict.String()
}

// Unwrap makes errors.Is and errors.As reach the reason and every attempt's cause.
func (e *CallError) Unwrap() []error {
	errs := make([]error, 0, 1+len(e.Attempts))
	errs = append(errs, e.Reason)
	for _, a := range e.Attempts {
		if a.Err != nil {
			errs = append(errs, a.Err)
		}
	}
	return errs
}

// Overloaded reports whether there were attempts and every one of them ended in Overload.
func (e *CallError) Overloaded() bool {
	return e.every(func(r Report) bool { return r.Verdict == Overload })
}

// Timeout reports whether the call's time ran out, or every attempt's did.
func (e *CallError) Timeout() bool {
	return errors.Is(e.Reason, context.DeadlineExceeded) || e.every(func(r Report) bool { return r.TimedOut })
}

func (e *CallError) every(is func(Report) bool) bool {
	for _, r := range e.Attempts {
		if !is(r) {
			return false
		}
	}
	return len(e.Attempts) > 0
}
