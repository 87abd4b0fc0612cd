package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreExactTo1In1000(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		values := make([]time.Duration, 1+r.IntN(3000))
		var h histogram
		sum := 0.0
		for i := range values { // log-uniform from 1 us to 1 h
			values[i] = time.Duration(1000 * math.Pow(3.6e9, r.Float64()))
			h.add(values[i])
			sum += float64(values[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
			rank := max(int(math.Ceil(q*float64(len(values)))), 1)
			want := float64(values[rank-1])
			if got := h.quantile(q); math.Abs(got/want-1) > 1e-3 {
				t.Fatalf("seed %d: the quantile %v of %d values is %v, want %v", seed, q, len(values), got, want)
			}
		}
		if got, want := h.mean(), sum/float64(len(values)); math.Abs(got/want-1) > 1e-9 || h.max != values[len(values)-1] {
			t.Fatalf("seed %d: mean %v and max %v, want %v and %v", seed, got, h.max, want, values[len(values)-1])
		}
		counted := int64(0)
		bins := h.bins()
		for i, b := range bins {
			if counted += b.Count; i > 0 && b.Upto <= bins[i-1].Upto {
				t.Fatalf("seed %d: bins do not ascend", seed)
			}
		}
		if counted != int64(len(values)) {
			t.Fatalf("seed %d: bins have %d values of %d", seed, counted, len(values))
		}
	}
}

func TestHistogramTakesAnything(t *testing.T) {
	for _, d := range []time.Duration{-5, 0, 1, steps - 1, steps, 2*steps - 1, 2 * steps, math.MaxInt64} {
		var h histogram
		h.add(d)
		if i := bucketOf(d); h.counts[i] != 1 {
			t.Errorf("%d is not in its bucket %d", d, i)
		}
	}
	last := -1
	for d := time.Duration(1); d < 19*time.Hour; d += 1 + d/3000 {
		if i := bucketOf(d); i < last {
			t.Fatalf("%v is in the bucket %d, a lesser one in %d", d, i, last)
		} else {
			last = i
		}
	}
	if m := (&histogram{}).latency(); m != (Latency{}) {
		t.Errorf("of nothing: %+v", m)
	}
}

func TestWeightedQuantiles(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		var w weights
		var all []int // one for each unit of time
		for range 1 + r.IntN(50) {
			n, d := r.IntN(30), r.IntN(5)
			w.add(n, time.Duration(d))
			for range d {
				all = append(all, n)
			}
		}
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		sum := 0
		for _, n := range all {
			sum += n
		}
		at := func(q float64) float64 { return float64(all[max(int(math.Ceil(q*float64(len(all))-1e-9)), 1)-1]) }
		want := RIF{float64(sum) / float64(len(all)), at(0.5), at(0.9), at(0.99), float64(all[len(all)-1])}
		if got := w.rif(); got != want {
			t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
		}
		total := 0.0
		for _, s := range w.shares() {
			total += s
		}
		if math.Abs(total-1) > 1e-4 {
			t.Fatalf("seed %d: shares add up to %v", seed, total)
		}
	}
	if got := (weights{}).rif(); got != (RIF{}) {
		t.Errorf("of no time: %+v", got)
	}
}
