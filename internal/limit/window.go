package limit

import (
	"math"
	"time"
)

// span says when a window of samples is complete: after time with so many samples, or after slowTime with slowSamples.
type span struct {
	time        time.Duration
	samples     int
	slowTime    time.Duration
	slowSamples int
	ignore      time.Duration // shorter samples do not count
	quantile    float64       // which the law looks at; 0 = the mean alone
	latencies   float64       // the first window lasts at least five times as many mean latencies, others so many
}

// The spans of the laws.
var (
	ourWindow     = span{time: windowTime, samples: windowSamples, slowTime: slowTime, slowSamples: slowSamples, latencies: 2}
	eachSample    = span{samples: 1}
	netflixWindow = span{time: time.Second, samples: 10, ignore: 100 * time.Microsecond}
	// A thirtieth of its longest window is failsafe-go's shortest; with the fewest samples it may take all of that.
	failsafeWindow = span{time: time.Second, samples: 50, slowTime: 30 * time.Second, slowSamples: 1, quantile: 0.9}
	envoyWindow    = span{time: 100 * time.Millisecond, samples: 1, quantile: 0.5}
)

// law says what becomes of the limit after a window.
type law interface {
	next(limit float64, w *window) float64
}

// windowed collects samples for a law.
type windowed struct {
	law         law
	span        span
	least, most float64
	limit       float64
	window      window
}

func newWindowed(least, most float64, s span, l law) *windowed {
	w := &windowed{law: l, span: s, least: least, most: most, limit: max(least, start)}
	if s.quantile > 0 {
		w.window.sketch = new(sketch)
	}
	return w
}

func (w *windowed) places(time.Duration) int { return int(w.limit) }

func (w *windowed) admit(inFlight int) uint32 {
	w.window.peak = max(w.window.peak, inFlight)
	return 0
}

func (w *windowed) crowded() { w.window.full = true }

func (w *windowed) sample(now time.Duration, s sample) {
	if !w.window.add(s, w.span) {
		return
	}
	if w.window.complete(now, w.span) {
		w.window.closed = now
		w.limit = min(max(w.law.next(w.limit, &w.window), w.least), w.most)
		w.window.open(now)
	}
}

// window is what was measured in some time.
type window struct {
	opened, closed time.Duration
	n              int
	sum            float64 // of latencies, in nanoseconds
	logs           logMean // of the same
	inFlight       float64 // sum over the samples
	peak           int     // most in flight
	full           bool    // somebody found no place
	dropped        bool    // some request was not handled to its end
	sketch         *sketch // nil = nobody asks for quantiles
}

// add reports whether the sample counts.
func (w *window) add(s sample, sp span) bool {
	w.dropped = w.dropped || !s.whole && s.took > 0
	if !s.whole && float64(s.took) <= w.mean() || s.took < max(sp.ignore, 1) {
		return false
	}
	ns := float64(s.took)
	w.n++
	w.sum += ns
	w.logs.add(math.Log(max(ns, float64(time.Microsecond))))
	w.inFlight += float64(s.inFlight)
	if w.sketch != nil {
		w.sketch.add(ns)
	}
	return true
}

func (w *window) complete(now time.Duration, sp span) bool {
	age := now - w.opened
	if sp.latencies > 0 {
		least := sp.latencies * w.mean()
		if w.first() {
			least *= 5 // the first to end are the short ones
		}
		if float64(age) < least {
			return false
		}
	}
	return age >= sp.time && w.n >= sp.samples || sp.slowTime > 0 && age >= sp.slowTime && w.n >= sp.slowSamples
}

func (w *window) first() bool { return w.opened == 0 }

func (w *window) open(now time.Duration) {
	s := w.sketch
	if s != nil {
		*s = sketch{}
	}
	*w = window{opened: now, sketch: s}
}

// mean latency in nanoseconds; 0 without samples.
func (w *window) mean() float64 { return w.sum / max(1, float64(w.n)) }

// concurrency is the mean number in flight.
func (w *window) concurrency() float64 { return w.inFlight / max(1, float64(w.n)) }

// throughput is samples a second.
func (w *window) throughput() float64 {
	return float64(w.n) / max(w.closed-w.opened, time.Microsecond).Seconds()
}

// idle reports whether the window says nothing about a limit: so few were in flight that it did not matter.
func (w *window) idle(limit float64) bool { return !w.full && float64(w.peak) <= limit/2 }

// sketch counts latencies in buckets that are 1.1 % wide, from 1 us to a minute.
type sketch struct {
	n      uint32
	counts [26 * steps]uint32
}

const steps = 64 // a power of two

func (s *sketch) add(ns float64) {
	i := int(math.Log2(max(ns/1000, 1)) * steps)
	s.counts[min(i, len(s.counts)-1)]++
	s.n++
}

// quantile in nanoseconds; 0 when it is empty.
func (s *sketch) quantile(q float64) float64 {
	rank := uint32(math.Ceil(q * float64(s.n)))
	for i, n := range s.counts {
		if n >= rank {
			return 1000 * math.Exp2((float64(i)+0.5)/steps)
		}
		rank -= n
	}
	return 0
}

// exp is math.Exp, whose last digit depends on the processor; this one's does not, and a simulation is the same everywhere.
func exp(x float64) float64 { return math.Exp2(x * math.Log2E) }
