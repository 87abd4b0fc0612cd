package rotadash

import (
	"math"
	"strconv"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/hist"
)

const (
	keep        = 600 // samples, one a second
	span        = 5   // seconds over which quantiles are taken
	shareSpan   = 10  // seconds over which shares of picks are taken
	successSpan = 60  // seconds over which success is taken
	maxReplicas = 256 // of a service that are shown
)

// ring has the last keep values, by tick.
type ring[T any] [keep]T

func (r *ring[T]) at(tick uint64) *T { return &r[tick%keep] }

// column is the history of one number; NaN = there was none.
type column struct{ ring[float32] }

func newColumn() *column {
	c := new(column)
	for i := range c.ring {
		c.ring[i] = float32(math.NaN())
	}
	return c
}

// sum adds up the last n values up to tick.
func (c *column) sum(tick uint64, n int) float64 {
	total := 0.0
	for i := range min(uint64(n), tick) {
		if v := float64(*c.at(tick - i)); v == v {
			total += v
		}
	}
	return total
}

// from returns the values from one tick to another, both included.
func (c *column) from(first, last uint64) numbers {
	list := make(numbers, 0, last+1-first)
	for t := first; t <= last; t++ {
		list = append(list, *c.at(t))
	}
	return list
}

// numbers are a column as JSON: five digits are as many as anybody sees, and NaN is null.
type numbers []float32

// MarshalJSON implements json.Marshaler.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 6*len(n)+2), '[')
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = number(v).append(b)
	}
	return append(b, ']'), nil
}

// number is one of them.
type number float32

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) { return n.append(nil), nil }

func (n number) append(b []byte) []byte {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, float64(n), 'g', 5, 32)
}

// quantiles finds quantiles of what came lately to a histogram that only grows.
type quantiles struct {
	copies [span]hist.Counts
	now    hist.Counts
}

// take reads h, and returns the quantiles of the last span seconds in milliseconds; NaN when nothing came.
func (q *quantiles) take(tick uint64, h *hist.Hist) (p50, p99 number) {
	q.now = hist.Counts{}
	h.AddTo(&q.now)
	old := &q.copies[tick%span]
	recent := q.now
	recent.Sub(old)
	*old = q.now
	if recent.Total == 0 {
		return number(math.NaN()), number(math.NaN())
	}
	return number(recent.Quantile(0.5).Seconds() * 1e3), number(recent.Quantile(0.99).Seconds() * 1e3)
}

// latencies does the same for a service.
type latencies struct {
	copies [span]rota.Latency
	begun  bool
}

func (q *latencies) take(tick uint64, now rota.Latency) (p50, p99 number) {
	old := &q.copies[tick%span]
	if !q.begun || old.Count() > now.Count() { // another client
		q.begun = true
		for i := range q.copies {
			q.copies[i] = now
		}
	}
	recent := now.Since(*old)
	*old = now
	if recent.Count() == 0 {
		return number(math.NaN()), number(math.NaN())
	}
	return number(recent.Quantile(0.5).Seconds() * 1e3), number(recent.Quantile(0.99).Seconds() * 1e3)
}

// grown returns by how much a counter has grown. One that is smaller than before belongs to another client.
func grown(now, before uint64) float32 {
	if now < before {
		return float32(now)
	}
	return float32(now - before)
}
