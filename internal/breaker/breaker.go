// Package breaker is a circuit breaker for one replica, in one machine word.
package breaker

import (
	"sync/atomic"
	"time"
)

// State is what a breaker does with the next call.
type State uint8

// The states. Half-open is the time of trials: one call at a time goes through, and decides. A failing breaker lets calls
// through like a closed one: it would be open, if its owner had opened it.
const (
	Closed State = iota
	Open
	HalfOpen
	Failing
)

func (s State) String() string { return [...]string{"closed", "open", "half-open", "failing"}[s] }

// Breaker counts failures in a row, says when they are too many, and opens when told to. The zero value is closed.
// Methods may be called concurrently. Time is measured from an epoch of the caller's.
//
// The word holds a state in its low two bits. Closed and Failing: the failures in a row above it, so a healthy replica's
// word is 0 and its calls never write it. Open: until when. HalfOpen: until when the trial under way keeps others
// out; a trial that never reports loses its place then, so the breaker cannot stick.
type Breaker struct{ word atomic.Uint64 }

// Ticket is handed to every admitted call and given back with its outcome. The zero Ticket is a call admitted
// while closed.
type Ticket struct{ trial uint64 }

// forced is the ticket of a call that went through although the breaker was not closed, beside any trial: its success
// closes the breaker, its failure changes nothing.
var forced = Ticket{^uint64(0)}

// Trial reports whether the call decides over a half-open breaker.
func (t Ticket) Trial() bool { return t.trial != 0 && t != forced }

func pack(s State, v uint64) uint64           { return v<<2 | uint64(s) }
func unpack(w uint64) (State, uint64)         { return State(w & 3), w >> 2 }
func until(s State, t time.Duration) uint64   { return pack(s, uint64(max(t, 0))) }
func passed(v uint64, now time.Duration) bool { return now >= time.Duration(v) }
func (b *Breaker) swap(old, word uint64) bool { return b.word.CompareAndSwap(old, word) }
func (b *Breaker) read() (w uint64, s State, v uint64) {
	w = b.word.Load()
	s, v = unpack(w)
	return w, s, v
}

// State returns the state at time now: an open breaker whose time is over is half-open.
func (b *Breaker) State(now time.Duration) State {
	_, s, v := b.read()
	if s == Open && passed(v, now) {
		return HalfOpen
	}
	return s
}

// Overdue returns how long ago a trial could have been admitted; 0 while none could, or none is needed.
func (b *Breaker) Overdue(now time.Duration) time.Duration {
	_, s, v := b.read()
	if s == Closed || s == Failing {
		return 0
	}
	return max(0, now-time.Duration(v))
}

// Due reports whether the next call that is admitted is a trial.
func (b *Breaker) Due(now time.Duration) bool {
	_, s, v := b.read()
	return s != Closed && s != Failing && passed(v, now)
}

// Phase is State without a look at the time: an open breaker is open until somebody tries.
func (b *Breaker) Phase() State {
	_, s, _ := b.read()
	return s
}

// Wait returns how long from now a call could be admitted; 0 when it could be now.
func (b *Breaker) Wait(now time.Duration) time.Duration {
	_, s, v := b.read()
	if s == Closed || s == Failing {
		return 0
	}
	return max(0, time.Duration(v)-now)
}

// Row returns the failures in a row of a breaker that is closed or failing.
func (b *Breaker) Row() int {
	_, s, v := b.read()
	if s == Closed || s == Failing {
		return int(v)
	}
	return 0
}

// Allow admits a call, or reports false. lease is how long a trial keeps others out. With force every call is admitted.
func (b *Breaker) Allow(now, lease time.Duration, force bool) (Ticket, bool) {
	for {
		w, s, v := b.read()
		if s == Closed || s == Failing {
			return Ticket{}, true
		}
		if force {
			return forced, true
		}
		if !passed(v, now) {
			return Ticket{}, false
		}
		if trial := until(HalfOpen, now+lease); b.swap(w, trial) {
			return Ticket{trial}, true
		}
	}
}

// Success records a reply. It closes the breaker when the call was its trial, or forced, and ends a row of failures. It
// returns the state that it changed; Closed if that is what it was.
func (b *Breaker) Success(t Ticket) (was State) {
	for {
		w, s, _ := b.read()
		if w == 0 || (s == Open || s == HalfOpen) && w != t.trial && t != forced {
			return Closed // nothing to mend, or a call from before it opened: that says nothing about now
		}
		if b.swap(w, 0) {
			return s
		}
	}
}

// Failure records a failure, and reports whether the breaker is failing and should be opened: after limit failures in a
// row, or when trip is set. A trial that failed keeps an open one open for the time pause.
func (b *Breaker) Failure(t Ticket, now, pause time.Duration, limit int, trip bool) (failing bool) {
	for {
		w, s, row := b.read()
		next := uint64(0)
		switch {
		case s == Closed && !trip && row+1 < uint64(limit):
			next = pack(Closed, row+1)
		case s == Closed || s == Failing:
			next = pack(Failing, row+1)
		case w == t.trial:
			next = until(Open, now+pause)
		default:
			return false
		}
		if b.swap(w, next) {
			return State(next&3) == Failing
		}
	}
}

// Trip makes a closed breaker a failing one, whatever it counted, and reports whether it was closed.
func (b *Breaker) Trip() bool {
	for {
		w, s, row := b.read()
		if s != Closed {
			return false
		}
		if b.swap(w, pack(Failing, row)) {
			return true
		}
	}
}

// Open keeps calls out until the time end, unless it is open already, which it reports. Whoever opens breakers one at a
// time knows how many are.
func (b *Breaker) Open(end time.Duration) (opened bool) {
	for {
		w, s, _ := b.read()
		if s == Open || s == HalfOpen {
			return false
		}
		if b.swap(w, until(Open, end)) {
			return true
		}
	}
}

// Close ends whatever the breaker was in, and returns that.
func (b *Breaker) Close() (was State) { return b.Success(forced) }

// Neutral records a call that says nothing about the replica. A trial gives its place to the next call.
func (b *Breaker) Neutral(t Ticket, now time.Duration) {
	if t.Trial() {
		b.swap(t.trial, until(Open, now))
	}
}
