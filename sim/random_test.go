package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func ms(n float64) *time.Duration {
	d := time.Duration(n * float64(time.Millisecond))
	return &d
}

// TestDistributions draws from each kind, and compares mean, deviation and quantiles with what they are known to be, and
// the mean with what loads are worked out from.
func TestDistributions(t *testing.T) {
	const n = 200_000
	tests := []struct {
		name          string
		d             Dist
		mean, sd      float64 // in ms
		p10, p50, p99 float64
	}{
		{"const", Dist{Const: ms(3)}, 3, 0, 3, 3, 3},
		{"exp", Dist{Exp: ms(10)}, 10, 10, 1.05361, 6.93147, 46.0517},
		{"uniform", Dist{Uniform: &Range{*ms(2), *ms(6)}}, 4, 1.1547, 2.4, 4, 5.96},
		{"normal", Dist{Normal: &Normal{*ms(100), *ms(10)}}, 100, 10, 87.1845, 100, 123.263},
		{"normal, cut at 0", Dist{Normal: &Normal{*ms(10), *ms(10)}}, 10.8332, 8.6639, 0, 10, 33.2635},
		{"normal, mostly below 0", Dist{Normal: &Normal{*ms(-10), *ms(10)}}, 0.83315, 2.5924, 0, 0, 13.2635},
		{"lognormal", Dist{Lognormal: &Lognormal{*ms(10), 0.5}}, 11.3315, 6.0390, 5.2689, 10, 32.0003},
		{"quantiles", Dist{Quantiles: []Quantile{{0, 0}, {0.5, *ms(10)}, {1, *ms(30)}}}, 12.5, 8.7797, 2, 10, 29.6},
		{"sum", Dist{Sum: []Dist{{Const: ms(5)}, {Exp: ms(10)}}}, 15, 10, 6.05361, 11.93147, 51.0517},
		{"mix", Dist{Mix: []Part{{0.9, Dist{Const: ms(1)}}, {0.1, Dist{Const: ms(11)}}}}, 2, 3, 1, 1, 11},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 5))
			values := make([]float64, n)
			sum, squares := 0.0, 0.0
			for i := range values {
				v := float64(test.d.draw(r)) / millisecond
				values[i], sum, squares = v, sum+v, squares+v*v
			}
			slices.Sort(values)
			mean := sum / n
			near := func(what string, got, want, off float64) {
				if math.Abs(got-want) > off*max(math.Abs(want), test.sd) {
					t.Errorf("%s = %v, want %v", what, got, want)
				}
			}
			near("mean() ", test.d.mean()/millisecond, test.mean, 1e-4)
			near("mean drawn", mean, test.mean, 0.01)
			near("deviation", math.Sqrt(max(squares/n-mean*mean, 0)), test.sd, 0.01)
			near("p10", values[n/10], test.p10, 0.01)
			near("p50", values[n/2], test.p50, 0.01)
			near("p99", values[n*99/100], test.p99, 0.02)
		})
	}
}

func TestNormalDistribution(t *testing.T) {
	for z := -9.0; z <= 9; z += 0.01 {
		if got, want := below(z), math.Erfc(-z/math.Sqrt2)/2; math.Abs(got-want) > 1e-14 {
			t.Fatalf("below(%v) = %v, want %v", z, got, want)
		}
		if got, want := exp(z), math.Exp(z); math.Abs(got/want-1) > 1e-14 {
			t.Fatalf("exp(%v) = %v, want %v", z, got, want)
		}
	}
}

func TestWhatIsDrawnIsNeverTooLong(t *testing.T) {
	d := Dist{Lognormal: &Lognormal{time.Hour, 50}}
	r := rand.New(rand.NewPCG(6, 6))
	for range 1000 {
		if v := d.draw(r); v < 0 || v > longest {
			t.Fatalf("draw() = %v", v)
		}
	}
}

func TestZipf(t *testing.T) {
	for _, skew := range []float64{0, 0.5, 1, 2} {
		const n, draws = 50, 200_000
		z, r := newZipf(n, skew), rand.New(rand.NewPCG(7, 7))
		counts := make([]float64, n)
		for range draws {
			counts[z.draw(r)]++
		}
		for i, want := range skewed(skew, n) {
			if law := math.Pow(float64(i+1), -skew); math.Abs(want/skewed(skew, n)[0]-law) > 1e-12 {
				t.Fatalf("share %d of skew %v is %v of the first, want %v", i, skew, want/skewed(skew, n)[0], law)
			}
			if got := counts[i] / draws; math.Abs(got-want) > 5*math.Sqrt(want/draws) {
				t.Errorf("key %d of skew %v has the share %v, want %v", i, skew, got, want)
			}
		}
	}
}
