package limit

// The bounds of Netflix's Gradient2Limit, and its settings.
const (
	gradient2Least, gradient2Most = 20, 200

	gradientTolerance = 1.5
	gradientQueue     = 4   // places for requests that wait
	gradientSmoothing = 0.2 // how much of the new limit is taken over
	longWindow        = 600 // windows that base looks back over
	longWarmup        = 10
)

// gradient compares latency with a long average of it:
//
//	limit = 0.8 limit + 0.2 (limit * min(1.5 base/latency, 1) + 4)
//
// (Netflix/concurrency-limits, Gradient2Limit). Plain, the average takes in all windows, and an overload that lasts
// becomes what is normal. With a guard it takes in those that were not overloaded.
type gradient struct {
	guard *guard
	base  float64 // in nanoseconds; 0 = not known
	n     float64 // windows in base, up to longWarmup
}

func (g *gradient) next(limit float64, w *window) float64 {
	latency := w.mean()
	if g.guard != nil {
		latency = exp(w.logs.mean())
		g.base = g.guard.learn(g.base, latency, limit, w)
	} else {
		g.average(latency)
	}
	if w.idle(limit) || w.concurrency()*2 < limit {
		return limit
	}
	slope := min(max(gradientTolerance*g.base/latency, 0.5), 1)
	next := limit*(1-gradientSmoothing) + gradientSmoothing*(limit*slope+gradientQueue)
	if next > limit && g.guard.vetoes() {
		return limit
	}
	return next
}

func (g *gradient) average(latency float64) {
	if g.n < longWarmup {
		g.n++
		g.base += (latency - g.base) / g.n
		return
	}
	g.base += (latency - g.base) * 2 / (longWindow + 1)
	if g.base/latency > 2 {
		g.base *= 0.95
	}
}
