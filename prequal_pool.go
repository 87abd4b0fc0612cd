package rota

import (
	"math"
	"slices"
	"time"
)

// pool is the probe answers from which a picker chooses. It survives changes of the set. Its pooling's mu guards it.
type pool struct {
	owner   *pooling
	rank    ranking
	entries []pooled // at most size, in no order
	size    int
	reuse   float64
	maxAge  time.Duration
	hotFrom float64 // HotQuantile

	recent recentRIFs
	mean   float64 // of latencies that replicas reported

	probes, removals fraction
	removeWorst      bool // it is the worst one's turn
	seeded           bool
	seed             uint64

	asked time.Duration // when probes were last due; never before the first
	heard time.Duration // when one was last answered

	round uint16 // how often a picker was built for it; only its Balancer reads and writes it
}

// pooled is the answer to a probe, changed by what was done since.
type pooled struct {
	node    *Node
	at      time.Duration
	cost    float64 // by which cold ones are compared
	latency float64 // in nanoseconds; 0 = not known
	reply   float64 // the time to a reply, as the client measures it; of C3
	rif     float64
	own     float64 // attempts of ours in flight; of C3
	left    int     // uses
}

// ranking is the rule by which entries are compared.
type ranking interface {
	// enter sets what e says of its node, from what the replica said now and what is known of it.
	enter(e *pooled, k *known, l Load)
	// cost is what a call at the node costs; the least is best.
	cost(e *pooled) float64
	// answered takes note of a reply; it is called only if the pooling learns.
	answered(k *known, now, took time.Duration)
}

func newPool(g *pooling) *pool {
	p := &g.params
	return &pool{
		owner: g, rank: g.rank, entries: make([]pooled, 0, max(p.Pool, 2)), maxAge: p.MaxAge, hotFrom: p.HotQuantile,
		asked: -p.Idle, heard: -p.MaxAge - 1, probes: fraction{rate: p.Probes}, removals: fraction{rate: p.Remove},
	}
}

// start seeds what is random in the pool. Random phases keep clients with the same fractional rates out of step.
func (s *pool) start(seed uint64) {
	s.seeded, s.seed = true, seed
	s.probes.sum, s.removals.sum = s.uniform(), s.uniform()
}

// uniform returns a number in [0, 1) (splitmix64: G. Steele and others, "Fast Splittable Pseudorandom Number Generators",
// 2014). Answers to probes come without a source of randomness.
func (s *pool) uniform() float64 {
	s.seed += golden
	return float64(mix(s.seed)>>11) / (1 << 53)
}

// find returns the index of n's entry, or -1.
func (s *pool) find(n *Node) int {
	for i := range s.entries {
		if s.entries[i].node == n {
			return i
		}
	}
	return -1
}

// add takes in what a replica said at the time now.
func (s *pool) add(now time.Duration, n *Node, k *known, l Load) {
	s.recent.add(l.RIF)
	i := s.find(n)
	if i < 0 {
		for len(s.entries) >= s.size {
			s.drop(s.oldest())
		}
		i = len(s.entries)
		s.entries = s.entries[:i+1]
	}
	e := &s.entries[i]
	*e = pooled{node: n, left: int(s.reuse)}
	if s.uniform() < s.reuse-math.Floor(s.reuse) {
		e.left++
	}
	s.refresh(now, e, k, l)
}

// refresh brings an entry up to date.
func (s *pool) refresh(now time.Duration, e *pooled, k *known, l Load) {
	l.RIF, l.Latency = max(l.RIF, 0), max(l.Latency, 0)
	switch d := float64(l.Latency); {
	case d > 0 && s.mean == 0:
		s.mean = d
	case d > 0:
		s.mean += (d - s.mean) * meanWeight
	}
	e.at = now
	s.rank.enter(e, k, l)
	if b := k.blameOf(e.node, now); b > 0 {
		e.rif += blameRIF * b
		e.latency = max(e.latency, s.mean) * (1 + b)
	}
	e.cost = s.rank.cost(e)
}

// meanWeight is what a report counts for in the mean of all.
const meanWeight = 1.0 / 64

// expire drops what is too old.
func (s *pool) expire(now time.Duration) {
	for i := 0; i < len(s.entries); {
		if now-s.entries[i].at > s.maxAge {
			s.drop(i)
		} else {
			i++
		}
	}
}

// use counts a call that goes to an entry's node: what it adds there is known before the next probe says so.
func (s *pool) use(i int) {
	e := &s.entries[i]
	if e.left--; e.left <= 0 {
		s.drop(i)
		return
	}
	e.latency *= (e.rif + 2) / (e.rif + 1)
	e.rif++
	e.own++
	e.cost = s.rank.cost(e)
}

// quiet reports whether no probe was answered lately.
func (s *pool) quiet(now time.Duration) bool { return now-s.heard > s.maxAge }

// thin makes the removals that a call brings about. It leaves the two without which there is no choice, and all while
// only replies bring new ones.
func (s *pool) thin(now time.Duration) {
	for range s.removals.next() {
		if len(s.entries) <= 2 || s.quiet(now) {
			return
		}
		if s.removeWorst {
			s.drop(s.extreme(0, true))
		} else {
			s.drop(s.oldest())
		}
		s.removeWorst = !s.removeWorst
	}
}

// extreme returns the index of the best entry, or the worst, that is not among skip: a hot one is worse than any cold
// one, hot ones are compared by what is in flight, and cold ones by cost.
func (s *pool) extreme(skip uint64, worst bool) int {
	theta, best := s.theta(), -1
	var bestKey float64
	var bestHot bool
	for i := range s.entries {
		e := &s.entries[i]
		key, hot := e.cost, e.rif >= theta
		if hot {
			key = e.rif
		}
		better := best < 0
		switch {
		case skip>>i&1 == 1:
			continue
		case better:
		case hot != bestHot:
			better = hot == worst
		case key != bestKey:
			better = key < bestKey != worst
		default:
			better = e.at > s.entries[best].at != worst
		}
		if better {
			best, bestKey, bestHot = i, key, hot
		}
	}
	return best
}

func (s *pool) oldest() int {
	o := 0
	for i := range s.entries {
		if s.entries[i].at < s.entries[o].at {
			o = i
		}
	}
	return o
}

func (s *pool) drop(i int) {
	last := len(s.entries) - 1
	s.entries[i] = s.entries[last]
	s.entries[last] = pooled{} // it keeps no removed node alive
	s.entries = s.entries[:last]
}

// theta is the number in flight from which on a node is hot.
func (s *pool) theta() float64 {
	if s.hotFrom >= 1 {
		return math.Inf(1)
	}
	return s.recent.quantile(s.hotFrom)
}

// recentRIFs are the requests in flight that the last probes found, in the order of their coming and sorted. 32: the
// quantile of more is that of another time.
type recentRIFs struct {
	ring, sorted [32]int32
	n, next      int
}

func (r *recentRIFs) add(rif int) {
	v, i := int32(min(max(rif, 0), math.MaxInt32)), r.n
	if r.n < len(r.ring) {
		r.n++
	} else if old := r.ring[r.next]; old != v {
		i, _ = slices.BinarySearch(r.sorted[:], old)
	} else {
		r.next = (r.next + 1) % len(r.ring)
		return
	}
	r.ring[r.next] = v
	r.next = (r.next + 1) % len(r.ring)
	for ; i > 0 && r.sorted[i-1] > v; i-- {
		r.sorted[i] = r.sorted[i-1]
	}
	for ; i < r.n-1 && r.sorted[i+1] < v; i++ {
		r.sorted[i] = r.sorted[i+1]
	}
	r.sorted[i] = v
}

func (r *recentRIFs) quantile(q float64) float64 {
	if r.n == 0 {
		return math.Inf(1)
	}
	return float64(r.sorted[min(int(q*float64(r.n)), r.n-1)])
}

// fraction turns a rate a call into whole numbers that have it as their mean.
type fraction struct{ rate, sum float64 }

func (f *fraction) next() int {
	f.sum += f.rate
	k := int(f.sum)
	f.sum -= float64(k)
	return k
}
