package hist_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/hist"
)

func TestBucketsTouch(t *testing.T) {
	for i := range hist.Buckets - 1 {
		var h hist.Hist
		end := hist.Upper(i)
		h.Add(end - 1)
		h.Add(end)
		var c hist.Counts
		h.AddTo(&c)
		if c.N[i] != 1 || c.N[i+1] != 1 {
			t.Fatalf("bucket %d ends at %v, but a value under it and one on it are in buckets %v", i, end, c.N[max(i-1, 0):i+3])
		}
	}
}

func TestQuantileIsAtMostASixteenthTooLarge(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h hist.Hist
		values := make([]time.Duration, 1+r.IntN(1000))
		for i := range values {
			values[i] = time.Duration(r.Int64N(1 << (10 + r.IntN(26))))
			h.Add(values[i])
		}
		slices.Sort(values)
		var c hist.Counts
		h.AddTo(&c)
		for _, q := range []float64{0.01, 0.5, 0.9, 0.95, 0.99, 1} {
			exact := values[min(max(int(q*float64(len(values))+0.999999), 1), len(values))-1]
			if got := c.Quantile(q); got <= exact || got > exact+exact/16+1024 {
				t.Fatalf("seed %d: Quantile(%v) = %v, exact %v", seed, q, got, exact)
			}
		}
	}
}

func TestExtremesAreCounted(t *testing.T) {
	var h hist.Hist
	h.Add(-time.Second)
	h.Add(1 << 62)
	var c hist.Counts
	h.AddTo(&c)
	if c.Total != 2 || c.N[0] != 1 || c.N[hist.Buckets-1] != 1 {
		t.Errorf("the first bucket has %d, the last %d of %d, want 1 and 1 of 2", c.N[0], c.N[hist.Buckets-1], c.Total)
	}
	if got := (&hist.Counts{}).Quantile(0.5); got != 0 {
		t.Errorf("Quantile of nothing = %v, want 0", got)
	}
}

func TestSubLeavesWhatCameLater(t *testing.T) {
	var h hist.Hist
	var before, after hist.Counts
	h.Add(time.Millisecond)
	h.AddTo(&before)
	h.Add(time.Second)
	h.AddTo(&after)
	after.Sub(&before)
	if got := after.Quantile(0.01); after.Total != 1 || after.Sum != time.Second || got < time.Second {
		t.Errorf("after Sub: %d values, sum %v, lowest %v, want only 1s", after.Total, after.Sum, got)
	}
	if got := after.Below(time.Second / 2); got != 0 {
		t.Errorf("Below(500ms) = %d, want 0", got)
	}
	if got := after.Below(2 * time.Second); got != 1 {
		t.Errorf("Below(2s) = %d, want 1", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	var h hist.Hist
	b.ReportAllocs()
	for b.Loop() {
		h.Add(1234567)
	}
}
