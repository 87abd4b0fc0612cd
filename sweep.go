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
	if int64(now) < cl.nextSweep.Load() || !cl.rules.breaker || !cl.sweeping.TryLock() {
		return
	}
	defer cl.sweeping.Unlock()
	cl.nextSweep.Store(int64(now + sweepEvery))
	s := cl.set.Load()
	if s == nil || len(s.nodes) < 2 {
		return
	}
	cl.sweepFailures(now, s.nodes)
	if cl.rules.hedge {
		cl.sweepLatency(now, s.nodes)
	}
}

// sweepFailures finds nodes whose calls fail much more often than those of all the others together.
func (cl *Cluster) sweepFailures(now time.Duration, nodes []*Node) {
	var allFailed, all uint64
	for _, n := range nodes {
		failed, ok := n.recent(now)
		allFailed, all = allFailed+failed, all+failed+ok
	}
	if allFailed < minFailed {
		return
	}
	for _, n := range nodes {
		failed, ok := n.recent(now)
		mine := failed + ok
		if failed < minFailed || mine < cl.rules.volume || all-mine < cl.rules.volume || n.breaker.Phase() != breaker.Closed {
			continue
		}
		if worse(float64(failed), float64(mine), float64(allFailed-failed), float64(all-mine)) {
			cl.outlier(now, n)
		}
	}
}

// worse compares the share f/n of failures with the share fo/no of the others. The others' is taken from one failure
// more than they had: none in a few hundred does not prove that there will be none.
func worse(f, n, fo, no float64) bool {
	p, q := f/n, (fo+1)/(no+1)
	return p-q >= minWorse && p-q >= minSigma*math.Sqrt(q*(1-q)/n)
}

// sweepLatency finds nodes of which most answers are slow, or lost to a hedge, while those of the others are not: pauses
// and slow requests are what hedges are for, a replica that is slow is not.
func (cl *Cluster) sweepLatency(now time.Duration, nodes []*Node) {
	var allSlow, all uint64
	for _, n := range nodes {
		slow, total := n.pace(now)
		allSlow, all = allSlow+slow, all+total
	}
	for _, n := range nodes {
		slow, mine := n.pace(now)
		if mine < cl.rules.volume || all-mine < cl.rules.volume || n.breaker.Phase() != breaker.Closed ||
			float64(slow) < mostSlow*float64(mine) || !worse(float64(slow), float64(mine), float64(allSlow-slow), float64(all-mine)) {
			n.slow = 0
			continue
		}
		if n.slow++; n.slow >= slowSweeps {
			n.slow = 0
			cl.outlier(now, n)
		}
	}
}

// pace returns how many attempts on the node were slow lately, and of how many.
func (n *Node) pace(now time.Duration) (slow, total uint64) {
	_, ok := n.recent(now)
	slow = n.slowed.Recent(now)
	return slow, max(ok, slow)
}

// outlier takes a node out of use that its own breaker would keep, if another fit one stays.
func (cl *Cluster) outlier(now time.Duration, n *Node) {
	if n.breaker.Trip() {
		cl.changed(now, n, worsened)
	}
}

// recent returns how many attempts on the node failed lately, and how many were answered.
func (n *Node) recent(now time.Duration) (failed, ok uint64) {
	return n.failed.Recent(now), n.marks.Recent(now, n.answers())
}
