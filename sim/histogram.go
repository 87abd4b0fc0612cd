package sim

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are 1/2048 of a value wide, so that a quantile is right to 0.05 %. It has room
// for values up to 19 hours, and counts those above as that.
type histogram struct {
	counts []int64
	total  int64
	sum    float64
	max    time.Duration
}

const (
	mantissa = 11
	steps    = 1 << mantissa
	buckets  = (47 - mantissa) * steps
)

func (h *histogram) add(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]int64, buckets)
	}
	h.counts[bucketOf(d)]++
	h.total++
	h.sum += float64(d)
	h.max = max(h.max, d)
}

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < steps {
		return int(v)
	}
	exp := bits.Len64(v) - mantissa - 1
	return min((exp+1)<<mantissa|int(v>>exp)&(steps-1), buckets-1)
}

// middle is the middle of a bucket.
func middle(i int) float64 {
	if i < 2*steps {
		return float64(i)
	}
	exp := i>>mantissa - 1
	return (float64(steps|i&(steps-1)) + 0.5) * float64(uint64(1)<<exp)
}

// quantile is the least value that the share q of values does not exceed, in nanoseconds.
func (h *histogram) quantile(q float64) float64 {
	rank := int64(q * float64(h.total))
	if float64(rank) < q*float64(h.total) {
		rank++
	}
	rank = max(rank, 1)
	for i, n := range h.counts {
		if rank -= n; rank <= 0 && n > 0 {
			return min(middle(i), float64(h.max))
		}
	}
	return float64(h.max)
}

func (h *histogram) mean() float64 {
	if h.total == 0 {
		return 0
	}
	return h.sum / float64(h.total)
}

const millisecond = float64(time.Millisecond)

func (h *histogram) latency() Latency {
	q := func(q float64) float64 { return h.quantile(q) / millisecond }
	return Latency{h.mean() / millisecond, q(0.5), q(0.9), q(0.99), q(0.999), float64(h.max) / millisecond}
}

// bins is the histogram for a plot, with bins a twentieth of their value wide.
func (h *histogram) bins() []Bin {
	var list []Bin
	upto := 0.001
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		ms := middle(i) / millisecond
		for upto < ms {
			upto *= 1.05
		}
		if k := len(list); k > 0 && list[k-1].Upto == round(upto) {
			list[k-1].Count += n
			continue
		}
		list = append(list, Bin{round(upto), n})
	}
	return list
}

// weights is a histogram over small numbers, weighted by time.
type weights []time.Duration

func (w *weights) add(n int, d time.Duration) {
	if d <= 0 {
		return
	}
	n = min(n, 1<<16)
	for len(*w) <= n {
		*w = append(*w, 0)
	}
	(*w)[n] += d
}

func (w weights) rif() RIF {
	total, sum, most := 0.0, 0.0, 0
	for n, d := range w {
		total += float64(d)
		sum += float64(n) * float64(d)
		if d > 0 {
			most = n
		}
	}
	if total == 0 {
		return RIF{}
	}
	q := func(q float64) float64 {
		left := q * total
		for n, d := range w {
			if left -= float64(d); left <= 0 && d > 0 {
				return float64(n)
			}
		}
		return float64(most)
	}
	return RIF{sum / total, q(0.5), q(0.9), q(0.99), float64(most)}
}

// shares is what part of the time each number had.
func (w weights) shares() []float64 {
	total := 0.0
	for _, d := range w {
		total += float64(d)
	}
	list := make([]float64, len(w))
	for n, d := range w {
		list[n] = round(float64(d) / total)
	}
	return list
}
