package limit

import "math"

// guard tells a server that has become slower from one that has too much to do: it remembers how throughput went with
// concurrency. Where nothing queues they go together; where all workers are busy, more concurrency is no more throughput
// but more latency. (The idea is of Uber's Cinnamon and of failsafe-go, which look at a correlation; the slope of
// logarithms says the same in numbers that do not depend on the noise: 1 without a queue, 0 with nothing but.)
type guard struct {
	concurrency, throughput [guardWindows]float64 // logarithms
	n                       int
}

const (
	guardWindows = 16
	guardSpread  = 0.1 // standard deviation of log concurrency that a slope needs
	together     = 0.6 // slope from which on nothing queues
	apart        = 0.2 // slope under which more places are of no use
	guardWeight  = 0.2 // of a window in base
)

// learn returns base after a window. It takes in windows in which few places were taken, those that were quicker than
// base, and all while throughput goes with concurrency.
func (g *guard) learn(base, latency, limit float64, w *window) float64 {
	i := g.n % guardWindows
	g.concurrency[i], g.throughput[i] = math.Log(max(w.concurrency(), 1)), math.Log(w.throughput())
	g.n++
	slope, known := g.slope()
	switch {
	case base == 0:
		return latency
	case w.idle(limit), latency < base, known && slope > together:
		return base + (latency-base)*guardWeight
	}
	return base
}

// vetoes reports whether there is evidence that more places would help nobody. It may be called on nil.
func (g *guard) vetoes() bool {
	if g == nil {
		return false
	}
	slope, known := g.slope()
	return known && slope < apart
}

// stride is how far to come down when so many are too many: half the way, so that an excess does not last. On nil it is
// 0: as published.
func (g *guard) stride(excess float64) float64 {
	if g == nil {
		return 0
	}
	return excess / 2
}

// slope of log throughput over log concurrency; not known if concurrency was too much the same.
func (g *guard) slope() (slope float64, known bool) {
	if g.n < guardWindows/2 {
		return 0, false
	}
	n := min(g.n, guardWindows)
	xx, xy, _ := covariances(g.concurrency[:n], g.throughput[:n])
	if xx < guardSpread*guardSpread {
		return 0, false
	}
	return xy / xx, true
}

// covariances of two series of the same length: of x with itself, with y, and of y with itself.
func covariances(x, y []float64) (xx, xy, yy float64) {
	var mx, my float64
	for i := range x {
		mx += x[i]
		my += y[i]
	}
	n := float64(len(x))
	mx, my = mx/n, my/n
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	return xx / n, xy / n, yy / n
}
