package limit

import "math"

const (
	netflixMost = 1000 // places of Netflix's VegasLimit
	reprobe     = 30   // in limits of samples
	golden      = 0.6180339887498949
)

// vegas estimates how many requests wait for each other,
//
//	q = limit * (1 - base/latency)
//
// and keeps q between 3 and 6 log10(limit) (L. Brakmo, L. Peterson, "TCP Vegas", 1995; constants of Netflix/
// concurrency-limits, VegasLimit). Plain, base is the shortest latency seen, forgotten after 15 to 30 limits of samples,
// whatever the load is then. With a guard, base is an average of windows that were not overloaded.
type vegas struct {
	guard *guard
	base  float64 // latency without a queue, in nanoseconds; 0 = not known
	left  float64 // samples until base is forgotten
	turn  float64 // in [0, 1); says when
}

func (v *vegas) next(limit float64, w *window) float64 {
	latency := w.mean()
	if v.guard != nil {
		latency = exp(w.logs.mean())
		v.base = v.guard.learn(v.base, latency, limit, w)
	} else if !v.plainBase(latency, limit, w.n) {
		return limit
	}
	digits := max(1, math.Floor(math.Log10(limit)))
	queued := math.Ceil(limit * (1 - v.base/latency))
	switch {
	case w.dropped && v.guard == nil:
		return limit - digits
	case w.idle(limit), w.concurrency()*2 < limit:
		return limit
	case queued > 6*digits:
		return limit - max(digits, v.guard.stride(queued-6*digits))
	case v.guard.vetoes():
		return limit
	case queued <= digits:
		return limit + 6*digits
	case queued < 3*digits:
		return limit + digits
	}
	return limit
}

// plainBase reports false when base was just set anew.
func (v *vegas) plainBase(latency, limit float64, n int) bool {
	v.left -= float64(n)
	if v.left <= 0 { // U(0.5, 1), without a generator: the golden ratio's multiples are spread evenly
		v.turn = math.Mod(v.turn+golden, 1)
		v.left = (0.5 + v.turn/2) * reprobe * limit
		v.base = latency
		return false
	}
	if v.base == 0 || latency < v.base {
		v.base = latency
		return false
	}
	return true
}
