package rota

import (
	"slices"
	"time"
)

// LinearParams are the settings of Linear. A zero field is its default.
type LinearParams struct {
	// Probing is how answers to probes are come by and kept; its HotQuantile is not used.
	Probing PrequalParams
	// Lambda is the weight of requests in flight beside latency, 0 to 1; 0.5. Negative = 0: latency alone.
	Lambda float64
	// Alpha is what a request in flight counts for. 0: the median of the last 32 latencies that replicas with at most one
	// request in flight reported; 75 ms until there is one.
	Alpha time.Duration
}

// Linear returns a Balancer that takes, from a probe pool like that of Prequal, the node with the least
// (1-Lambda)*latency + Lambda*Alpha*requests in flight: the rule with which the paper on Prequal compares (its
// appendix A), where any Lambda below 1 is worse than 1. It is there for comparison.
func Linear(p LinearParams) Balancer {
	p.Probing.HotQuantile = 1
	l := &linear{lambda: min(setting(p.Lambda, 0.5), 1), alpha: float64(defaultAlpha)}
	if p.Alpha > 0 {
		l.alpha, l.fixed = float64(p.Alpha), true
	}
	return newPooling(p.Probing, l).build
}

const defaultAlpha = 75 * time.Millisecond

type linear struct {
	lambda, alpha float64
	fixed         bool
	alone         [32]time.Duration // latencies at no more than one request in flight
	n             int
}

func (r *linear) enter(e *pooled, _ *known, l Load) {
	if !r.fixed && l.RIF <= 1 && l.Latency > 0 {
		r.measure(l.Latency)
	}
	e.rif, e.latency = float64(l.RIF), float64(l.Latency)
}

func (r *linear) measure(d time.Duration) {
	r.alone[r.n%len(r.alone)] = d
	r.n++
	sorted := r.alone
	n := min(r.n, len(sorted))
	slices.Sort(sorted[:n])
	r.alpha = float64(sorted[n/2])
}

func (r *linear) cost(e *pooled) float64 {
	return (1-r.lambda)*e.latency + r.lambda*r.alpha*e.rif
}

func (r *linear) answered(*known, time.Duration, time.Duration) {}
