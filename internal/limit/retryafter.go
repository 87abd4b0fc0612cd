package limit

import "time"

// RetryAfter is when a caller that was refused may come again: in a second, and when the overload lasts, later and at
// random, so that the callers do not come back together. u is random, from 0 up to 1.
func (l *Limiter) RetryAfter(now time.Duration, u float64) time.Duration {
	spread := 1.0
	switch lasted := l.Overloaded(now); {
	case lasted > 10*time.Second:
		spread = 5
	case lasted > time.Second:
		spread = 3
	case lasted > 100*time.Millisecond:
		spread = 2
	}
	return time.Second * time.Duration(1+u*spread)
}
