// Package ewma keeps an exponentially weighted moving average of durations in one machine word.
package ewma

import (
	"math"
	"sync/atomic"
	"time"
)

// Tau is the time after which an old value weighs 1/e beside new ones: 10 s, as in Finagle and Linkerd.
const Tau = 10 * time.Second

// minGap is how far apart observations have to be to count. One closer than that to the last would weigh 1e-5; to leave it
// out saves a replica that answers a hundred thousand times a second a write to a contended word each time.
const minGap = 100 * time.Microsecond

// Average is the moving average. The zero value has seen nothing. Methods may be called concurrently; of two
// observations at the same instant one may be lost, which an average forgives.
//
// The word holds the average as a float32 of nanoseconds and the time of the last observation in microseconds,
// modulo 2^32 (71 minutes): after a longer silence the first value weighs too little, never too much.
type Average struct{ word atomic.Uint64 }

// Observe adds d at time now, measured from an epoch of the caller's. The weight of the old average is
// tau/(tau+dt), the first-order form of exp(-dt/tau): right to 1 % up to dt = tau/7, and free of exp.
func (a *Average) Observe(now, d time.Duration) {
	w := a.word.Load()
	stamp := uint32(now / time.Microsecond)
	avg := float64(d)
	if w != 0 {
		old, last := float64(math.Float32frombits(uint32(w>>32))), uint32(w)
		gap := time.Duration(int32(stamp-last)) * time.Microsecond
		if gap >= 0 && gap < minGap {
			return
		}
		dt := float64(max(gap, minGap))
		avg = old + (avg-old)*dt/(float64(Tau)+dt)
	}
	a.word.CompareAndSwap(w, uint64(math.Float32bits(float32(max(avg, 1))))<<32|uint64(stamp))
}

// AtLeast adds d only when it is above the average: it is known just that the true value is not less.
func (a *Average) AtLeast(now, d time.Duration) {
	if d > a.Value() {
		a.Observe(now, d)
	}
}

// Last returns when something was observed last, or reports false if nothing was: to the microsecond, and wrong by 71
// minutes after a silence as long.
func (a *Average) Last(now time.Duration) (time.Duration, bool) {
	w := a.word.Load()
	gap := int32(uint32(now/time.Microsecond) - uint32(w))
	return now - time.Duration(gap)*time.Microsecond, w != 0
}

// Forget goes back to having seen nothing.
func (a *Average) Forget() { a.word.Store(0) }

// Value returns the average; 0 when nothing was observed.
func (a *Average) Value() time.Duration {
	return time.Duration(math.Float32frombits(uint32(a.word.Load() >> 32)))
}
