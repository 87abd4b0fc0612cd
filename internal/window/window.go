// Package window counts events and tells how many of them are recent.
package window

import (
	"sync/atomic"
	"time"
)

// slots is the length of the memory in ticks of one second: ten whole ones and the one under way.
const slots = 11

// Span is how far back Recent looks: at least this long, at most a second longer.
const Span = (slots - 1) * time.Second

// Counter counts events over its life and over the last Span. The zero value is ready, and takes no memory
// beyond itself before the first Add. Adding costs one atomic addition and one load: what happened lately is
// the difference between the total and what the total was when the window began, so nothing is counted twice.
//
// All methods may be called concurrently. An Add that races with the first one of a new second may be left
// out of Recent, never out of Total; callers that need Recent exact hold a lock around both.
type Counter struct {
	n     atomic.Uint64
	marks Marks
}

// Add counts one event at time now. A now before the latest one counts as the latest.
func (c *Counter) Add(now time.Duration) { c.marks.Mark(now, c.n.Add(1)-1) }

// Undo takes back one event that was just added.
func (c *Counter) Undo() { c.n.Add(^uint64(0)) }

// Total returns the number of events ever added.
func (c *Counter) Total() uint64 { return c.n.Load() }

// Recent returns the number of events in the last Span, without those before the last Forget.
func (c *Counter) Recent(now time.Duration) uint64 { return c.marks.Recent(now, c.n.Load()) }

// Within returns the number of events of a span of whole seconds, at most Span: at least of so long, at most of a second
// more. It disregards Forget.
func (c *Counter) Within(now, span time.Duration) uint64 {
	return c.marks.within(now, c.n.Load(), span, 0)
}

// Forget makes Recent start again from zero.
func (c *Counter) Forget() { c.marks.Forget(c.n.Load()) }

// Marks remember what a total that only grows was, second by second, for a total that is kept elsewhere.
type Marks struct {
	tick atomic.Int64
	ring atomic.Pointer[ring]
}

type ring struct {
	floor  atomic.Uint64 // events up to here are forgotten
	starts [slots]struct {
		tick   atomic.Int64
		before atomic.Uint64 // total when the tick began
	}
}

// tickOf numbers seconds from 1, so that 0 means never. Time is measured from an epoch of the caller's.
func tickOf(now time.Duration) int64 { return int64(now/time.Second) + 1 }

// Mark tells what the total was before an event at time now. It has to be called for every event.
func (m *Marks) Mark(now time.Duration, before uint64) {
	if t := tickOf(now); m.tick.Load() < t {
		m.turn(t, before)
	}
}

func (m *Marks) turn(t int64, before uint64) {
	old := m.tick.Load()
	if old >= t || !m.tick.CompareAndSwap(old, t) {
		return // somebody else turned it
	}
	s := &m.memory().starts[t%slots]
	s.before.Store(before)
	s.tick.Store(t)
}

func (m *Marks) memory() *ring {
	r := m.ring.Load()
	if r == nil {
		r = new(ring)
		if !m.ring.CompareAndSwap(nil, r) {
			r = m.ring.Load()
		}
	}
	return r
}

// Recent returns how much the total, which is n now, has grown in the last Span and since the last Forget.
func (m *Marks) Recent(now time.Duration, n uint64) uint64 {
	r := m.ring.Load()
	if r == nil {
		return 0
	}
	return m.within(now, n, Span, r.floor.Load())
}

func (m *Marks) within(now time.Duration, n uint64, span time.Duration, floor uint64) uint64 {
	r := m.ring.Load()
	if r == nil {
		return 0
	}
	oldest, first := tickOf(now)-int64(span/time.Second), int64(1<<62)
	before := n
	for i := range r.starts {
		s := &r.starts[i]
		if t := s.tick.Load(); t >= oldest && t < first {
			first, before = t, s.before.Load()
		}
	}
	before = max(before, floor)
	if before > n {
		return 0
	}
	return n - before
}

// Forget makes Recent start again from zero, at the total n.
func (m *Marks) Forget(n uint64) { m.memory().floor.Store(n) }
