// Package limit decides how many requests a server handles at once, and who waits when all places are taken.
//
// The number of places is fixed, or found by measuring (see Algorithm). Whoever finds no place may wait for a moment, in a
// queue that serves the newest first once it has not been empty for a while: under lasting overload the oldest have
// waited so long already that their callers are about to give up (B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
package limit

import (
	"sync"
	"time"
)

// Config says how many places there are.
type Config struct {
	Max   int // places; 0 = found by measuring
	Min   int // the least that measuring may come to; 0 = 1
	Queue int // how many may wait; 0 = as many as there are places, negative = none

	Algorithm  Algorithm  // how to measure; "" = Dip
	Discipline Discipline // of the queue; "" = Adaptive
}

// How long one may wait for a place. A queue that was empty a moment ago holds a burst, which passes; one that was not
// empty for all of patience is standing, and waiting in it helps nobody.
const (
	patience   = 100 * time.Millisecond
	impatience = 5 * time.Millisecond
	calm       = time.Second // without somebody turned away: the overload is over
)

// Verdict is what becomes of a request.
type Verdict uint8

// Verdicts.
const (
	Rejected Verdict = iota // no place, and no room to wait
	Admitted                // it has a place, to be given back with Leave
	Waiting                 // from Enter: call Wait; from Wait: a place may come through Next
)

// Place is what an admitted request holds.
type Place struct {
	at    time.Duration // when it was taken
	probe uint32        // which dip measures with it; 0 = none
}

// At returns when the place was taken.
func (p Place) At() time.Duration { return p.at }

// Waiter is a request in the queue. It belongs to the Limiter from Wait until Next or Cancel has given it back.
type Waiter struct {
	Owner any           // for the one who calls Next; not looked at
	Until time.Duration // when to give up waiting; set by Wait
	Place Place         // set when it has one

	waiting    bool
	prev, next *Waiter // older, newer
}

// Limiter hands out places. Methods may be called concurrently; time is measured from an epoch of the caller's. Each
// takes one lock, for some tens of nanoseconds.
type Limiter struct {
	mu       sync.Mutex
	config   Config
	taken    int
	measured algorithm

	oldest, newest *Waiter
	waiting        int
	emptied        time.Duration // when the queue was empty last; now, if it is

	turnedAway time.Duration // when somebody was last
	overloaded time.Duration // and since when there was no calm
}

// New returns a limiter. Of an Algorithm or a Discipline that nobody knows it makes the default: see Validate.
func New(c Config) *Limiter {
	c.Min = max(c.Min, 1)
	if c.Discipline == NoQueue {
		c.Queue = -1
	}
	return &Limiter{config: c, measured: newAlgorithm(c)}
}

// Limit returns how many places there are now.
func (l *Limiter) Limit(now time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.measured.places(now)
}

// Taken returns how many places are taken, and how many requests wait for one.
func (l *Limiter) Taken() (taken, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken, l.waiting
}

// Overloaded returns for how long requests have been turned away, without a second in which none was.
func (l *Limiter) Overloaded(now time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turnedAway == 0 || now-l.turnedAway > calm {
		return 0
	}
	return max(now-l.overloaded, 0)
}

// Enter asks for a place. Nobody passes those who wait.
func (l *Limiter) Enter(now time.Duration) (Place, Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.waiting == 0 && l.taken < l.measured.places(now):
		return l.takeLocked(now), Admitted
	case l.roomLocked(now):
		return Place{}, Waiting
	}
	l.turnAwayLocked(now)
	return Place{}, Rejected
}

// Wait asks for a place again, and joins the queue if there is none still.
func (l *Limiter) Wait(now time.Duration, w *Waiter) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == 0 && l.taken < l.measured.places(now) {
		w.Place = l.takeLocked(now)
		return Admitted
	}
	if !l.roomLocked(now) {
		l.turnAwayLocked(now)
		return Rejected
	}
	l.measured.crowded()
	if l.waiting == 0 {
		l.emptied = now
	}
	w.Until = now + patience
	if l.standingLocked(now) {
		w.Until = now + impatience
	}
	w.waiting, w.prev, w.next = true, l.newest, nil
	if l.newest != nil {
		l.newest.next = w
	} else {
		l.oldest = w
	}
	l.newest = w
	l.waiting++
	return Waiting
}

// Cancel takes w out of the queue. It reports false when w has got a place meanwhile, which is to be given back.
func (l *Limiter) Cancel(now time.Duration, w *Waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.waiting {
		l.removeLocked(now, w)
		l.turnAwayLocked(now)
	}
	return w.Place == Place{}
}

// Leave gives a place back: Next is to be called until it returns nil. took is how long handling the request took, or,
// if it was not handled to its end, has taken at least; 0 = not known.
func (l *Limiter) Leave(now time.Duration, p Place, took time.Duration, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measured.sample(now, sample{p, max(took, 0), whole, l.taken})
	l.taken--
}

// Next gives a free place to somebody who waits, and returns him; nil if there is none of either.
func (l *Limiter) Next(now time.Duration) *Waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.waiting > 0 && l.taken < l.measured.places(now) {
		w := l.oldest
		if l.config.Discipline == LIFO || l.standingLocked(now) {
			w = l.newest
		}
		l.removeLocked(now, w)
		if w.Until > now {
			w.Place = l.takeLocked(now)
			return w
		}
	}
	return nil
}

func (l *Limiter) turnAwayLocked(now time.Duration) {
	l.measured.crowded()
	if l.turnedAway == 0 || now-l.turnedAway > calm {
		l.overloaded = now
	}
	l.turnedAway = max(now, 1)
}

func (l *Limiter) takeLocked(now time.Duration) Place {
	l.taken++
	return Place{at: max(now, 1), probe: l.measured.admit(l.taken)} // never the zero Place
}

func (l *Limiter) roomLocked(now time.Duration) bool {
	room := l.config.Queue
	if room == 0 {
		room = l.measured.places(now)
	}
	return l.waiting < room
}

// standingLocked reports whether the queue has not been empty for so long that the adaptive discipline changes.
func (l *Limiter) standingLocked(now time.Duration) bool {
	adaptive := l.config.Discipline != FIFO && l.config.Discipline != LIFO
	return adaptive && l.waiting > 0 && now-l.emptied > patience
}

func (l *Limiter) removeLocked(now time.Duration, w *Waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.oldest = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.newest = w.prev
	}
	w.waiting, w.prev, w.next = false, nil, nil
	if l.waiting--; l.waiting == 0 {
		l.emptied = now
	}
}
