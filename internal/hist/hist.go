// Package hist records durations in a histogram of fixed size and reads quantiles from it.
package hist

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The layout is log-linear, as in HdrHistogram: 16 equal steps in each power of two, so a value is known to
// within 1/16. The unit is 1,024 ns; values beyond the last bucket (137 s) are counted in it.
const (
	unitBits = 10
	subBits  = 4
	sub      = 1 << subBits
	Buckets  = 24 * sub
)

// Hist is a histogram that many goroutines add to. The zero value is ready. Adding is two atomic additions.
type Hist struct {
	sum    atomic.Int64 // first, to share a cache line with what its owner counts beside it
	counts [Buckets]atomic.Uint64
}

// Add records d. Negative durations count as zero.
func (h *Hist) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[index(d)].Add(1)
	h.sum.Add(int64(d))
}

// AddTo adds what h has recorded to c.
func (h *Hist) AddTo(c *Counts) {
	for i := range h.counts {
		n := h.counts[i].Load()
		c.N[i] += n
		c.Total += n
	}
	c.Sum += time.Duration(h.sum.Load())
}

func index(d time.Duration) int {
	v := uint64(d) >> unitBits
	if v < sub {
		return int(v)
	}
	exp := bits.Len64(v) - subBits - 1
	return min((exp+1)<<subBits|int(v>>exp)&(sub-1), Buckets-1)
}

// Upper returns the smallest duration that is too long for bucket i.
func Upper(i int) time.Duration {
	exp := max(i>>subBits-1, 0)
	v := uint64(i)
	if i >= sub {
		v = uint64(sub | i&(sub-1))
	}
	return time.Duration((v + 1) << (exp + unitBits))
}

// Counts is a histogram at rest: a copy to read quantiles from. Not for concurrent use.
type Counts struct {
	N     [Buckets]uint64
	Total uint64
	Sum   time.Duration
}

// Add adds what another histogram holds.
func (c *Counts) Add(o *Counts) {
	for i := range c.N {
		c.N[i] += o.N[i]
	}
	c.Total += o.Total
	c.Sum += o.Sum
}

// Sub takes away what an earlier copy of the same histogram held.
func (c *Counts) Sub(earlier *Counts) {
	for i := range c.N {
		c.N[i] -= earlier.N[i]
	}
	c.Total -= earlier.Total
	c.Sum -= earlier.Sum
}

// Quantile returns the duration that at least the share q of the values does not exceed, rounded up to the end
// of its bucket; 0 when nothing was recorded.
func (c *Counts) Quantile(q float64) time.Duration {
	if c.Total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(c.Total)+0.999999), 1)
	var seen uint64
	for i, n := range c.N {
		if seen += n; seen >= rank {
			return Upper(i)
		}
	}
	return Upper(Buckets - 1)
}

// Below returns how many values lie in buckets that end at d or before.
func (c *Counts) Below(d time.Duration) uint64 {
	var seen uint64
	for i, n := range c.N {
		if Upper(i) > d {
			break
		}
		seen += n
	}
	return seen
}
