package limit

import (
	"math"
	"time"
)

// The settings of dips.
const (
	start     = 20     // places before anything was measured, as Netflix's limits begin
	most      = 10_000 // places
	tolerance = 1.25   // how much slower than alone is no sign of a queue: Envoy's buffer of 25 %

	windowTime    = 100 * time.Millisecond // a window lasts at least as long, with so many samples
	windowSamples = 50
	slowTime      = time.Second // or so, with few
	slowSamples   = 10

	firstDip = 500 * time.Millisecond // from full to the first dip
	lastDip  = 5 * time.Second        // and later, between two
	dipShare = 20                     // a dip lasts at most 1/20 of the time
)

// dips finds the number of places by comparing how long requests take with how long they take when nothing queues:
//
//	limit = limit * min(1.25 * base/now, …) + sqrt(limit)
//
// This is the gradient of Envoy's adaptive concurrency filter (adaptive_concurrency_filter.rst); not its way to find
// base. Envoy pins the limit to 3 for a while, once a minute, which rejects what could be handled; Netflix's Gradient2
// takes a long average, which under lasting overload learns that the overload is normal, and their Vegas the minimum,
// which one tiny request decides for all (Netflix/concurrency-limits). Here base comes from two sources that lasting
// overload cannot spoil: windows in which at most half of the places were taken, and, when there are none, a dip: the
// limit is halved just until some dozens of requests that began then have ended. Half the places is too few for a queue
// unless the limit is more than twice too high; then the dip still brings base down, and the next one more so.
//
// Latency is averaged by its logarithm: twice as slow means the same for hits of a cache as for its misses, and a
// majority of tiny requests does not hide what happens to the others.
type dips struct {
	min   float64
	limit float64
	base  float64 // log of the latency without a queue, in nanoseconds; 0 = not known
	fast  bool    // the limit doubles, as long as nothing has ever queued
	full  bool    // somebody found no place since the window opened

	opened time.Duration
	window logMean
	peak   int

	learned time.Duration // when base was measured last
	every   time.Duration // how long to trust it
	dip     dip
}

func newDips(least int) *dips {
	return &dips{min: float64(least), limit: float64(max(least, start)), fast: true, every: firstDip}
}

func (a *dips) places(now time.Duration) int {
	if a.dip.lowered && now-a.dip.began < a.dip.patient {
		return a.dip.limit
	}
	return int(a.limit)
}

func (a *dips) admit(inFlight int) uint32 {
	a.peak = max(a.peak, inFlight)
	return a.dip.admit()
}

func (a *dips) crowded() { a.full = true }

// sample notes how long a request took. One that was not handled to its end tells something only if it took longer than
// usual.
func (a *dips) sample(now time.Duration, s sample) {
	log := math.Log(float64(max(s.took, time.Microsecond)))
	tells := s.took > 0 && (s.whole || log > a.base)
	if a.dip.measuring() {
		if s.place.probe == a.dip.number {
			a.dip.ended(log, tells)
		}
		if mean, over := a.dip.over(now); over {
			a.learnDip(now, mean)
		}
	}
	if !tells || a.dip.lowered {
		return
	}
	a.window.add(log)
	age := now - a.opened
	if age >= a.least() && (a.window.n >= windowSamples || age >= slowTime && a.window.n >= slowSamples) {
		a.closeWindow(now)
	}
}

// least returns how long the window has to be open. The first to end in a new situation are the short ones: a window that
// is not much longer than a request would take these for all.
func (a *dips) least() time.Duration {
	latency := time.Duration(exp(a.window.mean()))
	switch {
	case a.base == 0:
		return max(windowTime, 10*latency)
	case a.fast:
		return 4 * latency
	}
	return max(windowTime, 2*latency)
}

// closeWindow draws the consequences of a window.
func (a *dips) closeWindow(now time.Duration) {
	mean, peak, full := a.window.mean(), float64(a.peak), a.full
	a.opened, a.window, a.peak, a.full = now, logMean{}, 0, false
	if a.base == 0 {
		a.base = mean
	}
	switch {
	case !full && peak <= a.limit/2, a.limit <= a.min:
		a.base += (mean - a.base) / 5
		a.learned, a.every = now, firstDip
		if !full {
			return
		}
	}
	gradient := tolerance * exp(a.base-mean)
	switch {
	case gradient >= 1 && a.fast:
		a.limit *= 2
	default:
		a.fast = false
		a.limit = a.limit*min(max(gradient, 0.5), tolerance) + math.Sqrt(a.limit)
	}
	a.limit = min(max(a.limit, a.min), most)
	if full && now-a.learned >= a.every && !a.dip.measuring() && a.limit > a.min {
		a.dip.begin(now, int(max(a.limit/2, a.min)), time.Duration(exp(mean)))
	}
}

// learnDip takes over what a dip has measured; 0 = nothing.
func (a *dips) learnDip(now time.Duration, mean float64) {
	a.every = min(2*a.every, lastDip)
	if mean != 0 {
		if math.Abs(mean-a.base) > math.Log(tolerance)*2 {
			a.every = firstDip // it is not there yet
		}
		a.base += (mean - a.base) / 2
	}
	a.every = max(a.every, dipShare*(now-a.dip.began))
	a.learned, a.opened, a.window, a.peak = now, now, logMean{}, 0
}

// logMean is the mean of logarithms.
type logMean struct {
	n   int
	sum float64
}

func (m *logMean) add(log float64) { m.n++; m.sum += log }

func (m *logMean) mean() float64 { return m.sum / float64(m.n) }

// dip is a short time with a low limit. What is admitted in it is measured.
type dip struct {
	number  uint32 // of the dip; requests admitted in it have it in their Place
	limit   int
	lowered bool
	began   time.Duration
	patient time.Duration // how long to wait for the last of the probes

	want, admitted, out int // probes
	took                logMean
}

func (d *dip) begin(now time.Duration, limit int, latency time.Duration) {
	*d = dip{
		number: d.number + 1, limit: limit, lowered: true, began: now, want: min(max(8*limit, 24), 100),
		patient: min(max(20*latency, 100*time.Millisecond), 5*time.Second),
	}
}

// admit returns the number of the dip if the one admitted is to be measured.
func (d *dip) admit() uint32 {
	if !d.lowered || d.admitted == d.want {
		return 0
	}
	d.admitted++
	return d.number
}

func (d *dip) measuring() bool { return d.want > 0 }

func (d *dip) ended(log float64, tells bool) {
	d.out++
	if tells {
		d.took.add(log)
	}
	if d.out*4 >= d.want*3 {
		d.lowered = false
	}
}

// over reports whether nothing more is to be expected, and ends the dip then. mean is 0 if too little was measured.
func (d *dip) over(now time.Duration) (mean float64, over bool) {
	if (d.lowered || d.out < d.admitted) && now-d.began < d.patient {
		return 0, false
	}
	if d.took.n*2 >= d.want {
		mean = d.took.mean()
	}
	d.want, d.lowered = 0, false
	return mean, true
}
