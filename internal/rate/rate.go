// Package rate limits how often something happens, with a sustained rate and a burst.
package rate

import (
	"math"
	"sync/atomic"
	"time"
)

// Limit is a rate worked out: how far apart events are when they come evenly, and how many may come at once.
type Limit struct {
	every time.Duration
	slack time.Duration // how far the schedule may run ahead of the clock
}

// New returns the limit of perSecond events a second, sustained, of which burst (at least 1) may come at once.
func New(perSecond float64, burst int) Limit {
	// Rounded up: the rate may be kept a billionth too well, but not broken.
	every := time.Duration(math.Ceil(min(float64(time.Second)/perSecond, float64(24*time.Hour))))
	return Limit{every: every, slack: every * time.Duration(min(max(burst, 1), 1_000_000))}
}

// Limiter holds the schedule of one limit. The zero value has its whole burst available. Methods may be called
// concurrently; time is measured from an epoch of the caller's.
//
// The algorithm is GCRA (ITU-T I.371): one number, the time at which all events so far would be done had they
// come evenly. A token bucket says the same with two numbers and a lock.
type Limiter struct{ due atomic.Int64 }

// Wait returns how long from now the next event would have to wait; 0 when it may happen at once.
func (l *Limiter) Wait(now time.Duration, lim Limit) time.Duration {
	return max(0, max(time.Duration(l.due.Load()), now)+lim.every-lim.slack-now)
}

// Take counts one event and reports true, or reports false when it would be one too many.
func (l *Limiter) Take(now time.Duration, lim Limit) bool {
	for {
		due := l.due.Load()
		next := max(time.Duration(due), now) + lim.every
		if next-now > lim.slack {
			return false
		}
		if l.due.CompareAndSwap(due, int64(next)) {
			return true
		}
	}
}
