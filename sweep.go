package rota

import (
	"math"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// A sweep compares the nodes of a set with each other, to find those that are worse than the others though not bad
// enough for their own breaker. (After Envoy's outlier detection, with its tests of means replaced by ones that work for
// three replicas too.)
const (
	sweepEvery = time.Second
	minFailed  = 5   // recent failures, for a node to be an outlier
	minWorse   = 0.1 // a node's share of failures over that of the others
	minSigma   = 3.0 // the same in standard deviations
	slowFactor = 3   // a slow answer's time, in medians of all
	mostSlow   = 0.5 // a node's share of slow answers
	slowSweeps = 3   // sweeps in a row that find it slow
)

// sweep takes outliers out of use, once every sweepEvery. One caller at a time does it, the others go on.
func (cl *Cluster) sweep(now time.Duration) {
	if int64(now) < cl.nextSweep.Load() || !cl.terms().breaker || !cl.sweeping.TryLock() {
		return
	}
	defer cl.sweeping.Unlock()
	cl.nextSweep.Store(int64(now + sweepEvery))
	s := cl.set.Load()
	if s == nil || len(s.nodes) < 2 {
		return
	}
	cl.sweepFailures(now, s.nodes)
	if cl.terms().hedge {
		cl.sweepLatency(now, s.nodes)
	}
}

// sweepFailures finds nodes whose calls fail much more often than those of all the others together.
func (cl *Cluster) sweepFailures(now time.Duration, nodes []*Node) {
	found := cl.outliers(nodes, minFailed, 0, func(n *Node) tally {
		failed, ok := n.recent(now)
		return tally{failed, failed + ok}
	})
	for i, n := range nodes {
		if found[i] {
			cl.eliminate(now, n, byOthersFailures)
		}
	}
}

// sweepLatency finds nodes of which most answers are slow, or lost to a hedge, while those of the others are not: pauses
// and slow requests are what hedges are for, a replica that is slow is not.
func (cl *Cluster) sweepLatency(now time.Duration, nodes []*Node) {
	found := cl.outliers(nodes, 0, mostSlow, func(n *Node) tally {
		_, ok := n.recent(now)
		slow := n.slowed(now)
		return tally{slow, max(ok, slow)}
	})
	for i, n := range nodes {
		if !found[i] {
			n.slow = 0
			continue
		}
		if n.slow++; n.slow >= slowSweeps {
			n.slow = 0
			cl.eliminate(now, n, byOthersLatency)
		}
	}
}

// tally is how many of a node's recent attempts were bad.
type tally struct{ bad, all uint64 }

func (t tally) share() float64 { return float64(t.bad) / float64(t.all) }

// outliers counts the attempts of every node once, and finds those in use of which at least least attempts and the share
// most are bad, and many more than of all the others together.
func (cl *Cluster) outliers(nodes []*Node, least uint64, most float64, count func(*Node) tally) []bool {
	tallies, sum := make([]tally, len(nodes)), tally{}
	for i, n := range nodes {
		t := count(n)
		tallies[i], sum = t, tally{sum.bad + t.bad, sum.all + t.all}
	}
	found := make([]bool, len(nodes))
	for i, t := range tallies {
		others := tally{sum.bad - t.bad, sum.all - t.all}
		found[i] = t.bad >= least && t.all >= cl.terms().volume && others.all >= cl.terms().volume &&
			t.share() >= most && t.worse(others) && nodes[i].breaker.Phase() == breaker.Closed
	}
	return found
}

// worse compares the share of what is bad with that of the others. Theirs is taken from one more than they had: none in
// a few hundred does not prove that there will be none.
func (t tally) worse(others tally) bool {
	p, q := t.share(), float64(others.bad+1)/float64(others.all+1)
	return p-q >= minWorse && p-q >= minSigma*math.Sqrt(q*(1-q)/float64(t.all))
}

// eliminate takes a node out of use that its own breaker would keep, if another fit one stays.
func (cl *Cluster) eliminate(now time.Duration, n *Node, why reason) {
	if n.breaker.Trip() {
		n.blame(why)
		cl.changed(now, n, worsened)
	}
}

// recent returns how many attempts on the node failed lately, and how many were answered.
func (n *Node) recent(now time.Duration) (failed, ok uint64) {
	return n.failed.Recent(now), n.marks.Recent(now, n.answers())
}
