package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Dist is a distribution of durations: exactly one of its fields is set. Values below 0 are 0. In a file a duration alone
// is one that is always the same.
type Dist struct {
	Const   *time.Duration
	Exp     *time.Duration // the mean
	Uniform *Range
	Normal  *Normal
	// Lognormal has the logarithm of its values normally distributed: P50 is its median, and Sigma that of the logarithm.
	Lognormal *Lognormal
	// Quantiles are points of the distribution, ascending, with straight lines between them: [[0, 0s], [0.5, 1ms], [1, 9ms]].
	Quantiles []Quantile
	Sum       []Dist
	Mix       []Part
}

// Range is all values from From to To, equally likely.
type Range struct{ From, To time.Duration }

// Normal is the normal distribution, with what is below 0 taken as 0.
type Normal struct{ Mean, SD time.Duration }

// Lognormal is the log-normal distribution.
type Lognormal struct {
	P50   time.Duration
	Sigma float64
}

// Quantile is one point of a distribution.
type Quantile struct {
	Q     float64
	Value time.Duration
}

// Part is a distribution that a value comes from with the probability Share.
type Part struct {
	Share float64
	Of    Dist
}

// longest bounds what is drawn, in nanoseconds: 52 days. It keeps sums of times from running over.
const longest = 1 << 52

// draw returns a value.
func (d *Dist) draw(r *rand.Rand) time.Duration {
	return time.Duration(min(max(d.value(r), 0), longest))
}

func (d *Dist) value(r *rand.Rand) float64 {
	switch {
	case d == nil:
		return 0
	case d.Const != nil:
		return float64(*d.Const)
	case d.Exp != nil:
		return exponential(r) * float64(*d.Exp)
	case d.Uniform != nil:
		return float64(d.Uniform.From) + r.Float64()*float64(d.Uniform.To-d.Uniform.From)
	case d.Normal != nil:
		return max(0, float64(d.Normal.Mean)+normal(r)*float64(d.Normal.SD))
	case d.Lognormal != nil:
		return float64(d.Lognormal.P50) * exp(d.Lognormal.Sigma*normal(r))
	case d.Quantiles != nil:
		return between(d.Quantiles, r.Float64())
	case d.Sum != nil:
		sum := 0.0
		for i := range d.Sum {
			sum += d.Sum[i].value(r)
		}
		return sum
	}
	u := r.Float64()
	for i := range d.Mix[:len(d.Mix)-1] {
		if u -= d.Mix[i].Share; u < 0 {
			return d.Mix[i].Of.value(r)
		}
	}
	return d.Mix[len(d.Mix)-1].Of.value(r)
}

// mean returns the expected value in nanoseconds.
func (d *Dist) mean() float64 {
	switch {
	case d == nil:
		return 0
	case d.Const != nil:
		return float64(*d.Const)
	case d.Exp != nil:
		return float64(*d.Exp)
	case d.Uniform != nil:
		return float64(d.Uniform.From+d.Uniform.To) / 2
	case d.Normal != nil:
		return d.Normal.mean()
	case d.Lognormal != nil:
		return float64(d.Lognormal.P50) * exp(d.Lognormal.Sigma*d.Lognormal.Sigma/2)
	case d.Quantiles != nil:
		sum := 0.0
		for i, q := range d.Quantiles[1:] {
			p := d.Quantiles[i]
			sum += (q.Q - p.Q) * float64(p.Value+q.Value) / 2
		}
		return sum
	}
	sum := 0.0
	for i := range d.Sum {
		sum += d.Sum[i].mean()
	}
	for i := range d.Mix {
		sum += d.Mix[i].Share * d.Mix[i].Of.mean()
	}
	return sum
}

// mean of what is left of the distribution when all below 0 is 0.
func (n *Normal) mean() float64 {
	mu, sd := float64(n.Mean), float64(n.SD)
	if sd == 0 {
		return max(mu, 0)
	}
	z := mu / sd
	return max(mu*below(z)+sd*density(z), 0)
}

// between is the value at q on the lines between points.
func between(points []Quantile, q float64) float64 {
	for i, next := range points[1:] {
		if last := points[i]; q <= next.Q {
			share := (q - last.Q) / (next.Q - last.Q)
			return float64(last.Value) + share*float64(next.Value-last.Value)
		}
	}
	return float64(points[len(points)-1].Value)
}

// Validate reports what is wrong with the distribution.
func (d *Dist) Validate() error {
	kinds := 0
	for _, set := range []bool{
		d.Const != nil, d.Exp != nil, d.Uniform != nil, d.Normal != nil, d.Lognormal != nil,
		d.Quantiles != nil, d.Sum != nil, d.Mix != nil,
	} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("%d kinds of distribution, want one of const, exp, uniform, normal, lognormal, quantiles, sum, mix", kinds)
	}
	switch {
	case d.Uniform != nil && d.Uniform.To < d.Uniform.From:
		return fmt.Errorf("uniform from %v to %v, want it ascending", d.Uniform.From, d.Uniform.To)
	case d.Normal != nil && d.Normal.SD < 0:
		return fmt.Errorf("normal with sd %v, want >= 0", d.Normal.SD)
	case d.Lognormal != nil && d.Lognormal.Sigma < 0:
		return fmt.Errorf("lognormal with sigma %v, want >= 0", d.Lognormal.Sigma)
	case d.Quantiles != nil:
		return validPoints(d.Quantiles)
	}
	for i := range d.Sum {
		if err := d.Sum[i].Validate(); err != nil {
			return fmt.Errorf("sum[%d]: %w", i, err)
		}
	}
	total := 0.0
	for i := range d.Mix {
		if err := d.Mix[i].Of.Validate(); err != nil {
			return fmt.Errorf("mix[%d]: %w", i, err)
		}
		if d.Mix[i].Share < 0 {
			return fmt.Errorf("mix[%d]: share %v, want >= 0", i, d.Mix[i].Share)
		}
		total += d.Mix[i].Share
	}
	if d.Mix != nil && math.Abs(total-1) > 1e-9 {
		return fmt.Errorf("the shares of mix add up to %v, want 1", total)
	}
	return nil
}

func validPoints(points []Quantile) error {
	if len(points) < 2 || points[0].Q != 0 || points[len(points)-1].Q != 1 {
		return fmt.Errorf("quantiles: want points from 0 to 1")
	}
	for i, p := range points[1:] {
		if p.Q <= points[i].Q || p.Value < points[i].Value {
			return fmt.Errorf("quantiles: want them ascending, found %v after %v", p, points[i])
		}
	}
	return nil
}
