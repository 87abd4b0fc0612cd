package sim

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The generators here use only what gives the same bits on every processor of an architecture: arithmetic, Sqrt, Log, Log2
// and Exp2. math.Exp does not: on amd64 it depends on whether the processor has FMA, and with it math.Pow, math.Erfc and
// what math/rand/v2 has of distributions.

// exponential draws from the exponential distribution with mean 1.
func exponential(r *rand.Rand) float64 { return -math.Log(1 - r.Float64()) }

// normal draws from the standard normal distribution (G. Marsaglia's polar method). The second value that the method gives
// is not kept: a draw must not depend on who has drawn before.
func normal(r *rand.Rand) float64 {
	for {
		x, y := 2*r.Float64()-1, 2*r.Float64()-1
		if s := x*x + y*y; s > 0 && s < 1 {
			return x * math.Sqrt(-2*math.Log(s)/s)
		}
	}
}

// exp is math.Exp.
func exp(x float64) float64 { return math.Exp2(x * math.Log2E) }

// density and below are the standard normal distribution's: below is the probability of a value less than z, by the power
// series 1/2 + density(z) (z + z^3/3 + z^5/(3 5) + …).
func density(z float64) float64 { return exp(-z*z/2) / math.Sqrt(2*math.Pi) }

func below(z float64) float64 {
	if z < -8 || z > 8 {
		return min(max(z, 0), 1)
	}
	sum, term := 0.0, z
	for k := 3.0; sum+term != sum; k += 2 {
		sum += term
		term *= z * z / k
	}
	return min(max(0.5+density(z)*sum, 0), 1)
}

// power is i^-skew for i from 1 on.
func power(i int, skew float64) float64 { return math.Exp2(-skew * math.Log2(float64(i))) }

// skewed returns the shares of n when that of i is proportional to 1/(i+1)^skew.
func skewed(skew float64, n int) []float64 {
	shares, sum := make([]float64, n), 0.0
	for i := range shares {
		shares[i] = power(i+1, skew)
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

// zipf draws numbers from 0 up to n, i with a probability proportional to 1/(i+1)^skew.
type zipf struct {
	n     int
	upto  []float64 // the sum of the weights up to i; nil = all are the same
	total float64
}

func newZipf(n int, skew float64) *zipf {
	z := &zipf{n: n}
	if skew == 0 {
		return z
	}
	z.upto = make([]float64, n)
	for i := range z.upto {
		z.total += power(i+1, skew)
		z.upto[i] = z.total
	}
	return z
}

func (z *zipf) draw(r *rand.Rand) uint64 {
	if z.upto == nil {
		return r.Uint64N(uint64(z.n))
	}
	i, found := slices.BinarySearch(z.upto, r.Float64()*z.total)
	if found {
		i++
	}
	return uint64(min(i, z.n-1))
}
