// Package breaker is a circuit breaker for one replica, in one machine word.
package breaker

import (
	"sync/atomic"
	"time"
)

// State is what a breaker does with the next call.
type State uint8

// The states. Half-open is the time of trials: one call at a time goes through, and decides.
const (
	Closed State = iota
	Open
	HalfOpen
)

func (s State) String() string { return [...]string{"closed", "open", "half-open"}[s] }

// Breaker counts failures in a row and opens when told to. The zero value is closed. Methods may be called
// concurrently. Time is measured from an epoch of the caller's.
//
// The word holds a state in its low two bits. Closed: the failures in a row above it, so a healthy replica's
// word is 0 and its calls never write it. Open: until when. HalfOpen: until when the trial under way keeps others
// out; a trial that never reports loses its place then, so the breaker cannot stick.
type Breaker struct{ word atomic.Uint64 }

// Ticket is handed to every admitted call and given back with its outcome. The zero Ticket is a call admitted
// while closed.
type Ticket struct{ trial uint64 }

// Trial reports whether the call decides over a half-open breaker.
func (t Ticket) Trial() bool { return t.trial != 0 }

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

// Wait returns how long from now a call could be admitted; 0 when it could be now.
func (b *Breaker) Wait(now time.Duration) time.Duration {
	_, s, v := b.read()
	if s == Closed {
		return 0
	}
	return max(0, time.Duration(v)-now)
}

// Closed reports whether calls are admitted that are no trials.
func (b *Breaker) Closed() bool { return b.word.Load()&3 == uint64(Closed) }

// Allow admits a call, or reports false. lease is how long a trial keeps others out.
func (b *Breaker) Allow(now, lease time.Duration) (Ticket, bool) {
	for {
		w, s, v := b.read()
		if s == Closed {
			return Ticket{}, true
		}
		if !passed(v, now) {
			return Ticket{}, false
		}
		if trial := until(HalfOpen, now+lease); b.swap(w, trial) {
			return Ticket{trial}, true
		}
	}
}

// Success records a reply. It closes the breaker when the call was its trial, and ends a row of failures. It reports
// whether the breaker closed.
func (b *Breaker) Success(t Ticket) (closed bool) {
	for {
		w, s, _ := b.read()
		if w == 0 || s != Closed && w != t.trial {
			return false // nothing to mend, or a call from before it opened: that says nothing about now
		}
		if b.swap(w, 0) {
			return s != Closed
		}
	}
}

// Failure records a failure, and reports whether it opened the breaker, which it does after limit failures in a row or
// when trip is set. It then stays open for the duration open. A trial that failed keeps it open as long again.
func (b *Breaker) Failure(t Ticket, now, open time.Duration, limit int, trip bool) (opened bool) {
	for {
		w, s, row := b.read()
		if s != Closed && w != t.trial {
			return false
		}
		next := pack(Closed, row+1)
		if s != Closed || trip || row+1 >= uint64(limit) {
			next = until(Open, now+open)
		}
		if b.swap(w, next) {
			was, _ := unpack(w)
			is, _ := unpack(next)
			return was == Closed && is == Open
		}
	}
}

// Neutral records a call that says nothing about the replica. A trial gives its place to the next call.
func (b *Breaker) Neutral(t Ticket, now time.Duration) {
	if t.Trial() {
		b.swap(t.trial, until(Open, now))
	}
}
