package rota

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// PeakEWMA returns a Balancer that draws a few usable nodes at random and takes the one with the least
// cost*(in flight+1). The cost is a moving average of the time to an answer that jumps up to every peak at once and comes
// down slowly (Finagle's and Linkerd's Peak EWMA), so it feels a replica's stall with the first call that is hit. Beyond
// theirs:
//
//   - A failure costs FailurePenalty at least, and those in a row count as in flight (Node.Load) for a while. Failing
//     fast is not being fast.
//   - A refusal (Overload) counts as one more in flight, for about overloadSpan: the replica has enough to do, though it
//     answers quickly.
//   - An attempt that was given up was "at least that slow": it can raise a cost, not lower it.
//   - A node that nothing is heard of drifts to what an answer takes in this cluster, not to 0; and after Tau without
//     news it is tried with the probability Explore when it is drawn, whatever its cost. So a bad moment is forgotten,
//     and no replica starves.
//   - A node that has never answered is taken to be like the others, but gets one attempt at a time until it has.
//
// A pick is O(Choices). Weights are not heeded: what a replica can do shows in its cost.
func PeakEWMA(params PeakEWMAParams) Balancer {
	p, typical := params.withDefaults(), new(typical)
	return func(nodes []*Node) Picker {
		notes := make([]*peakNote, len(nodes))
		for i, n := range nodes {
			notes[i] = notesOn[peakNote](n)
		}
		return &peakPicker{nodes, notes, p, perTau(p.Tau), typical}
	}
}

// PeakEWMAParams are the settings of PeakEWMA.
type PeakEWMAParams struct {
	// Choices is how many nodes are drawn; 0 = 2.
	Choices int
	// Tau is the time constant with which a cost comes down; 0 = 10 s, as in Finagle and Linkerd.
	Tau time.Duration
	// FailurePenalty is what a failure costs at least; negative = only what it took. 0 = twenty times what an answer takes
	// in this cluster. Healthy replicas show peaks of three or four times that, with some attempts in flight each, and one
	// that fails must not look better. In a sweep over 10 replicas of which one failed every second attempt at once, it got
	// half a fair share under load with a factor of 10, a fourteenth with 20. Where all fail 2 % alike a penalty is only
	// noise: there 20 raised the p99 under load by a sixth, 50 by two fifths, and neither did at half of that load.
	FailurePenalty time.Duration
	// Explore is the probability with which a node without news for Tau is taken when it is drawn, if nothing is under
	// way there; 0 = 1/16, negative = never. As it then has news, one that is slow gets a call in Tau, not a share.
	Explore float64
}

func (p PeakEWMAParams) withDefaults() PeakEWMAParams {
	p.Choices = or(max(p.Choices, 0), 2)
	p.Tau = or(max(p.Tau, 0), 10*time.Second)
	p.Explore = min(setting(p.Explore, 1.0/16), 1)
	return p
}

type peakPicker struct {
	nodes   []*Node
	notes   []*peakNote // of the nodes; they may have another balancer's meanwhile
	params  PeakEWMAParams
	per     float64  // perTau(params.Tau)
	typical *typical // it outlives the picker
}

func (c *peakPicker) Pick(p *Pick) *Node {
	var best *Node
	least := 0.0
	i, random := draw(p.Rand(), len(c.nodes))
	// Twice as many draws as choices, as in PowerOfTwo.
	for found, draws := 0, 2*min(c.params.Choices, len(c.nodes)); draws > 0; draws-- {
		if n := c.nodes[i]; p.Usable(n) {
			s, stale := c.score(n, c.notes[i], p.plan.now)
			p.Looked(n, s)
			if stale && c.explores(p) {
				return n
			}
			if best == nil || s < least*nearlyEqual {
				best, least = n, s
			}
			if found++; found == c.params.Choices {
				return best
			}
		}
		if len(c.nodes) == 1 {
			break
		}
		var step int
		step, random = draw(random, len(c.nodes)-1)
		if i += 1 + step; i >= len(c.nodes) { // any but the one just seen
			i -= len(c.nodes)
		}
		if draws%2 == 1 {
			random = p.Rand()
		}
	}
	if best == nil {
		return firstUsable(p, c.nodes, i)
	}
	return best
}

// draw is below, and returns what is left of the randomness: enough for another draw or two.
func draw(random uint64, n int) (int, uint64) {
	hi, lo := bits.Mul64(random, uint64(n))
	return int(hi), lo
}

// nearlyEqual is how much less a score must be to count as less. Of equals it is the draw that decides; without this, one
// of two idle replicas would get nothing for as long as its cost is a hair above the other's.
const nearlyEqual = 0.9

func (c *peakPicker) explores(p *Pick) bool {
	return float64(p.Rand()>>11) < c.params.Explore*(1<<53)
}

// unheard is the cost of a second attempt on a node that has not answered the first: more than that of any other.
const unheard = 1e15

// score returns what it costs to call n, and whether it is to be tried because nothing was heard of it for long.
func (c *peakPicker) score(n *Node, note *peakNote, now time.Duration) (s float64, stale bool) {
	in := n.InFlight()
	load := float64(in + 1)
	if r := note.refused.Load(); r != 0 {
		load += refusals(r, now)
	}
	w := note.cost.Load()
	switch {
	case w == 0 && in > 0:
		return unheard * load, false
	case w == 0:
		return c.typical.value() * load, false
	}
	cost, idle := unpackCost(w, now)
	row := float64(min(n.breaker.Row(), maxRow))
	if idle > c.params.Tau/64 { // sooner it makes no difference
		rest := c.typical.value()
		f := fadeBy(idle, c.per)
		cost = rest + (cost-rest)*f
		row *= f
		stale = in == 0 && idle > c.params.Tau
	}
	return cost * (load + row), stale
}

func (c *peakPicker) Ended(n *Node, e *End) {
	note, ok := n.noted().(*peakNote)
	if !ok {
		return
	}
	switch e.Verdict {
	case Success:
		c.typical.observe(e.Now, e.Took)
		note.observe(e.Now, e.Took, c.params.Tau)
	case Failure:
		note.observe(e.Now, max(e.Took, c.penalty()), c.params.Tau)
	case Overload:
		note.refuse(e.Now)
	case Ignored:
		note.atLeast(e.Now, e.Took, c.params.Tau)
	}
}

// penalty is what a failure costs at least.
func (c *peakPicker) penalty() time.Duration {
	if c.params.FailurePenalty != 0 {
		return c.params.FailurePenalty
	}
	return time.Duration(failedCost * c.typical.value())
}

const failedCost = 20 // see FailurePenalty

// peakNote is what is known of a node. Each word is a float32 above the microsecond at which it was true.
type peakNote struct {
	cost    atomic.Uint64 // in nanoseconds; 0 = never heard of
	refused atomic.Uint64 // how many refusals still count; see refusals
}

// observe adds the time to an answer. A peak must not be lost to another that ends at the same instant, so it is tried
// until it is in.
func (n *peakNote) observe(now, d, tau time.Duration) {
	for {
		w := n.cost.Load()
		cost := max(float64(d), 1)
		if w != 0 {
			if old, idle := unpackCost(w, now); cost < old {
				cost += (old - cost) * fade(idle, tau)
			}
		}
		if n.cost.CompareAndSwap(w, packCost(cost, now)) {
			return
		}
	}
}

// atLeast adds the age of an attempt that was given up.
func (n *peakNote) atLeast(now, d, tau time.Duration) {
	w := n.cost.Load()
	if old, _ := unpackCost(w, now); float64(d) > old {
		n.observe(now, d, tau)
	}
}

// overloadSpan is the time constant with which refusals are forgotten: longer than the second or so that a replica asks
// for, short enough for one that was restarted with less to do.
const overloadSpan = 2 * time.Second

// refuse counts a refusal.
func (n *peakNote) refuse(now time.Duration) {
	for {
		w := n.refused.Load()
		if n.refused.CompareAndSwap(w, packCost(1+refusals(w, now), now)) {
			return
		}
	}
}

// refusals returns how many count.
func refusals(w uint64, now time.Duration) float64 {
	count, idle := unpackCost(w, now)
	return count * fade(idle, overloadSpan)
}
