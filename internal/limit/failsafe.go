package limit

import (
	"math"
	"slices"
)

// The memory of failsafe, in windows.
const (
	medianWindows      = 5
	recentWindows      = 5
	baselineWindows    = 10
	correlationWindows = 20
	mostPerInFlight    = 5
)

// failsafe compares the 90th percentile of recent windows, freed of outliers by a median, with a longer average, and
// comes down as well when the number in flight rises without throughput (after the adaptive limiter of failsafe-go).
// What it remembers of inFlight, throughput and latency is over correlationWindows, a choice of ours.
type failsafe struct {
	p90s     [medianWindows]float64
	medians  [recentWindows]float64
	baseline float64

	inFlight, throughput, latency [correlationWindows]float64
	n                             int
}

func (f *failsafe) next(limit float64, w *window) float64 {
	p90 := w.sketch.quantile(0.9)
	if p90 == 0 {
		return limit
	}
	i := f.n % correlationWindows
	f.inFlight[i], f.throughput[i], f.latency[i] = w.concurrency(), w.throughput(), p90
	f.p90s[f.n%medianWindows] = p90
	sorted := f.p90s
	known := sorted[:min(f.n+1, medianWindows)]
	slices.Sort(known)
	f.medians[f.n%recentWindows] = known[len(known)/2]
	f.n++
	recent := 0.0
	n := min(f.n, recentWindows)
	for _, m := range f.medians[:n] {
		recent += m / float64(n)
	}
	f.baseline += (recent - f.baseline) * max(1/float64(f.n), 2.0/(baselineWindows+1))

	digits := math.Log10(max(limit, 1))
	step := max(1, digits)
	queued := math.Ceil(limit * (1 - f.baseline/recent))
	switch {
	case queued > 6*digits, f.overloaded():
		limit -= step
	case queued < 3*digits:
		limit += step
	}
	return min(limit, max(mostPerInFlight*w.concurrency(), 1))
}

// overloaded reports whether more in flight was less done, or no more but slower.
func (f *failsafe) overloaded() bool {
	if f.n < baselineWindows {
		return false
	}
	n := min(f.n, correlationWindows)
	done := correlation(f.inFlight[:n], f.throughput[:n])
	slower := correlation(f.inFlight[:n], f.latency[:n])
	_, _, v := covariances(f.throughput[:n], f.throughput[:n])
	mean := 0.0
	for _, x := range f.throughput[:n] {
		mean += x / float64(n)
	}
	return done < 0 || slower > 0.5 && (done < 0.3 || math.Sqrt(v) < 0.2*mean)
}

// correlation of two series; 0 if one of them is constant.
func correlation(x, y []float64) float64 {
	xx, xy, yy := covariances(x, y)
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}
