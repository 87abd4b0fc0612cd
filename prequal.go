package rota

import (
	"time"
)

// PrequalParams are the settings of Prequal, and of the probe pool that C3 and Linear have too. A zero field is its
// default; a negative number means 0 where 0 makes sense.
type PrequalParams struct {
	// Pool is how many probe answers are kept; 16, at most 64. Where it would hold more than half of the nodes it is half
	// of them, and 2 at least: clients that all know everything all choose the same node.
	Pool int
	// Probes is how many probes a call brings about; 3, at most 16. It may be a fraction. Negative = none: then only the
	// load is known that replicas report on replies.
	Probes float64
	// Remove is how many answers a call removes from the pool, the oldest and the worst in turn; 1. It may be a fraction.
	Remove float64
	// Delta is how much more the pool gains than it loses, in parts of what a call uses, which sets how often an answer is
	// used again; 1.
	Delta float64
	// HotQuantile is the share of recent probes above which a replica's requests in flight make it hot; 0.84. Negative:
	// all are hot, and requests in flight decide alone. 1: none is, and latency decides alone.
	HotQuantile float64
	// MaxAge is the age at which an answer is dropped; 1 s.
	MaxAge time.Duration
	// Idle is how long without a probe makes one due though there are no calls; 500 ms. Negative: never.
	Idle time.Duration
	// MaxReuse is how often an answer is used at most; 16.
	MaxReuse int
}

// Prequal returns a Balancer that has a few random nodes probed with every call, keeps the latest answers, and takes,
// of those whose requests in flight are not among the highest ("cold"), the one with the least latency, otherwise the one
// with the least in flight (Wydrowski, Kleinberg, Rumble, Archer, "Load is not what you should balance: Introducing
// Prequal", NSDI 2024). It costs Probes messages a call; weights are not heeded. With fewer than two answers to choose
// from it draws a usable node at random.
//
// Where the paper is silent: hot begins at the quantile of the last 32 answers; a replica that is probed again has its
// answer replaced; what a call adds to its node is added to latency as well as to what is in flight; of equals the fresher
// one is taken; a latency of 0 is not known and ranks first among the cold. Load reported on replies brings an answer that
// is held up to date; when no probe is answered it is an answer itself, and every fourth call goes to a random node, so
// that others are heard of. Three unanswered probes in a row keep a node out for a second, if there are others.
//
// So that a replica that fails fast draws no traffic, each recent failure or refusal counts as four requests in flight
// and once the mean latency; what is left of them fades with 10 s, and to a quarter with every success.
//
// Picks and answers share one mutex a Balancer, held for 100 to 200 ns.
func Prequal(p PrequalParams) Balancer { return newPooling(p, hotCold{}).build }

// hotCold ranks cold nodes by latency.
type hotCold struct{}

func (hotCold) enter(e *pooled, _ *known, l Load) {
	e.rif, e.latency = float64(l.RIF), float64(l.Latency)
}

func (hotCold) cost(e *pooled) float64 { return e.latency }

func (hotCold) answered(*known, time.Duration, time.Duration) {}

// Limits of what PrequalParams ask for.
const (
	maxPool   = 64
	maxProbes = 16
)

// filled returns p with every default in its place.
func (p PrequalParams) filled() PrequalParams {
	p.Pool = min(setting(p.Pool, 16), maxPool)
	p.Probes = min(setting(p.Probes, 3), maxProbes)
	p.Remove = setting(p.Remove, 1)
	p.Delta = setting(p.Delta, 1)
	p.HotQuantile = setting(p.HotQuantile, 0.84)
	p.MaxAge = setting(p.MaxAge, time.Second)
	p.Idle = setting(p.Idle, 500*time.Millisecond)
	p.MaxReuse = max(setting(p.MaxReuse, 16), 1)
	return p
}

// size is how many answers are kept of n nodes.
func (p *PrequalParams) size(n int) int { return max(2, min(p.Pool, n/2)) }

// reuse is how often an answer is to be used, so that the pool neither starves nor grows stale (the paper's equation 1).
// With as many answers as nodes a probe replaces what is known, and the pool gains nothing: there is no bound then but
// MaxReuse.
func (p *PrequalParams) reuse(n int) float64 {
	gain := (1-float64(p.size(n))/float64(n))*p.Probes - p.Remove
	if gain <= 0 {
		return float64(p.MaxReuse)
	}
	return min(max(1, (1+p.Delta)/gain), float64(p.MaxReuse))
}
