package sim

import "time"

// engine is the clock of a world: what is to happen, in order. Events of one instant happen in the order in which they were
// set.
type engine struct {
	now    time.Duration
	seq    uint64
	events []event      // a heap of what will certainly happen
	timers heap[*timer] // and one of what may be put off
}

// actor is something that events happen to. step says what it is.
type actor interface{ act(step step) }

type step uint8

type event struct {
	at   time.Duration
	seq  uint64
	who  actor
	step step
}

// timer is an event that can be moved and stopped. It is part of what it belongs to.
type timer struct {
	at   time.Duration
	seq  uint64
	pos  int // in the heap, from 1; 0 = not set
	who  actor
	step step
}

// after lets step happen to who in d from now.
func (e *engine) after(d time.Duration, who actor, s step) {
	e.seq++
	ev := event{e.now + d, e.seq, who, s}
	e.events = append(e.events, ev)
	i := len(e.events) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !before(ev.at, ev.seq, e.events[up].at, e.events[up].seq) {
			break
		}
		e.events[i] = e.events[up]
		i = up
	}
	e.events[i] = ev
}

func before(at time.Duration, seq uint64, otherAt time.Duration, otherSeq uint64) bool {
	return at < otherAt || at == otherAt && seq < otherSeq
}

func (e *engine) pop() event {
	h := e.events
	top, last := h[0], h[len(h)-1]
	n := len(h) - 1
	h[n] = event{}
	e.events = h[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if before(h[c].at, h[c].seq, h[least].at, h[least].seq) {
				least = c
			}
		}
		if !before(h[least].at, h[least].seq, last.at, last.seq) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = last
	return top
}

// set lets t happen at the time at, and at no other.
func (e *engine) set(t *timer, at time.Duration) {
	e.seq++
	t.at, t.seq = max(at, e.now), e.seq
	if t.pos == 0 {
		e.timers.push(t)
	} else {
		e.timers.moved(t)
	}
}

// stop lets t not happen.
func (e *engine) stop(t *timer) {
	if t.pos > 0 {
		e.timers.remove(t)
	}
}

func (t *timer) before(u *timer) bool { return before(t.at, t.seq, u.at, u.seq) }
func (t *timer) slot() *int           { return &t.pos }

// next lets the next thing happen. It reports false if there is none.
func (e *engine) next() bool {
	switch {
	case len(e.timers) > 0 && (len(e.events) == 0 ||
		before(e.timers[0].at, e.timers[0].seq, e.events[0].at, e.events[0].seq)):
		t := e.timers[0]
		e.stop(t)
		e.now = t.at
		t.who.act(t.step)
	case len(e.events) > 0:
		ev := e.pop()
		e.now = ev.at
		ev.who.act(ev.step)
	default:
		return false
	}
	return true
}
