package rota

import "time"

// Observer is told what happens. Every func may be nil. They are called without any lock held, from the goroutine on
// which the event happened, so they may be called concurrently and must be quick: a call waits for them.
type Observer struct {
	// AttemptEnded is called once for every attempt, at its end.
	AttemptEnded func(AttemptEvent)
	// CallEnded is called once for every call, when its answer is known. An attempt that lost may end later.
	CallEnded func(CallEvent)
	// Traced is asked at the beginning of every call whether it is to be traced, so that its Decision tells how each choice
	// came about. A traced call takes about a microsecond more and allocates. nil = no call is.
	Traced func(now time.Time) bool
	// Decided is called once, after CallEnded, for every call that was traced, that failed, or that took more than one attempt.
	// A Recorder keeps such records, LogDecisions logs them.
	Decided func(*Decision)
	// BreakerChanged is called when a replica's breaker opens or closes.
	BreakerChanged func(BreakerEvent)
	// PanicChanged is called when too few replicas are fit to choose among, so that all are used, and when that is over.
	PanicChanged func(PanicEvent)
	// SetChanged is called when the Resolver has changed the set, and when an empty one was not believed.
	SetChanged func(SetEvent)
	// ResolveFailed is called when the Resolver returned although nobody asked it to; it is started again after Retry.
	ResolveFailed func(ResolveEvent)
}

// AttemptEvent tells of an attempt's end.
type AttemptEvent struct {
	Service string
	Report  Report
	Number  int
	Hedge   bool
}

// CallEvent tells of a call's end. Err is nil for a success.
type CallEvent struct {
	Service  string
	Took     time.Duration
	Attempts int
	Err      error
}

// BreakerEvent tells that a replica was taken out of use, and why, or is back.
type BreakerEvent struct {
	Service  string
	Instance Instance
	Open     bool
	Why      string // as in NodeStats; "" = it is back
}

// PanicEvent tells that a service's replicas are used whatever their breakers say, or not any more.
type PanicEvent struct {
	Service string
	On      bool
}

// SetEvent tells of an update of the set. Kept says that the update was empty and the last good set stays.
type SetEvent struct {
	Service        string
	Added, Removed []Instance
	Size           int
	Kept           bool
}

// ResolveEvent tells of a Resolver's failure.
type ResolveEvent struct {
	Service string
	Err     error
	Retry   time.Duration
}

// Observers returns an Observer that tells all of several what each wants to know, one after the other.
func Observers(all ...Observer) Observer {
	var o Observer
	for _, next := range all {
		o.AttemptEnded = both(o.AttemptEnded, next.AttemptEnded)
		o.CallEnded = both(o.CallEnded, next.CallEnded)
		o.Decided = both(o.Decided, next.Decided)
		o.BreakerChanged = both(o.BreakerChanged, next.BreakerChanged)
		o.PanicChanged = both(o.PanicChanged, next.PanicChanged)
		o.SetChanged = both(o.SetChanged, next.SetChanged)
		o.ResolveFailed = both(o.ResolveFailed, next.ResolveFailed)
		o.Traced = either(o.Traced, next.Traced)
	}
	return o
}

func both[E any](f, g func(E)) func(E) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(e E) { f(e); g(e) }
}

// either asks both, always: one that counts what it is asked must not miss any.
func either(f, g func(time.Time) bool) func(time.Time) bool {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(now time.Time) bool {
		a, b := f(now), g(now)
		return a || b
	}
}
