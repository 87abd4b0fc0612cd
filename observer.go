package rota

import "time"

// Observer is told what happens. Every func may be nil. They are called without any lock held, from the goroutine on
// which the event happened, so they may be called concurrently and must be quick: a call waits for them.
type Observer struct {
	// AttemptEnded is called once for every attempt, at its end.
	AttemptEnded func(AttemptEvent)
	// CallEnded is called once for every call, when its answer is known. An attempt that lost may end later.
	CallEnded func(CallEvent)
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

// BreakerEvent tells that a replica was taken out of use, or is back.
type BreakerEvent struct {
	Service  string
	Instance Instance
	Open     bool
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
