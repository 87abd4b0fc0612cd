package rota

import (
	"sync/atomic"
	"time"
)

// YARPParams are the settings of YARP.
type YARPParams struct {
	// Interval is how often each node is polled; 0 = 500 ms.
	Interval time.Duration
}

// YARP returns a Balancer that polls the requests in flight of every node, and takes of two usable nodes drawn at random
// the one that had fewer: the rule of Microsoft's YARP as the paper on Prequal describes it. It is there for comparison:
// what it has sent since a poll counts for nothing, and neither do failures (that is for the breaker). A node whose
// requests in flight are not known is as good as any. Without probes it is Random.
func YARP(p YARPParams) Balancer {
	interval := setting(p.Interval, 500*time.Millisecond)
	turns := &pollTurns{interval: max(interval, minTick)}
	return func(nodes []*Node) Picker {
		for _, n := range nodes {
			notesOn[polled](n)
		}
		return &yarpPicker{nodes: nodes, turns: turns, last: time.Duration(turns.last.Load()) - 1}
	}
}

type yarpPicker struct {
	nodes []*Node
	turns *pollTurns

	// Only Tick reads and writes these.
	started bool
	last    time.Duration // when somebody's turn was looked for; negative = never
}

// pollTurns outlives the pickers: whose turn it is depends on the time alone, or where the set changes often the same few
// would be polled again and again.
type pollTurns struct {
	interval time.Duration
	phase    atomic.Int64 // random; 0 = not drawn yet
	last     atomic.Int64 // 1 + the time of the last Tick of any
}

// at returns how many turns n nodes have had until now.
func (t *pollTurns) at(now time.Duration, n int) int64 {
	now += time.Duration(t.phase.Load())
	return int64(now/t.interval)*int64(n) + int64(float64(now%t.interval)/float64(t.interval)*float64(n))
}

func (y *yarpPicker) Pick(p *Pick) *Node {
	n := len(y.nodes)
	var first *Node
	i := below(p.Rand(), n)
	// Twice as many draws as choices: with half of the nodes out of use, two are still found most of the time.
	for range 4 {
		if m := y.nodes[i]; p.Usable(m) {
			if first != nil {
				return lessPolled(first, m)
			}
			first = m
		}
		if n == 1 {
			break
		}
		i = (i + 1 + below(p.Rand(), n-1)) % n // any but the one just seen
	}
	if first == nil {
		return firstUsable(p, y.nodes, i)
	}
	return first
}

func lessPolled(a, b *Node) *Node {
	pa, pb := polledOn(a), polledOn(b)
	if pa == nil || pb == nil {
		return a
	}
	if rif := pb.rif.Load(); rif > 0 && rif < pa.rif.Load() {
		return b
	}
	return a
}

// polled is what YARP knows of a node: its notes.
type polled struct {
	rif atomic.Int64 // 1 + requests in flight when it was last polled; 0 = not known
}

// polledOn returns n's notes; nil if another kind of balancer has made them.
func polledOn(n *Node) *polled {
	p, _ := n.noted().(*polled)
	return p
}

// pollParts is how many parts the nodes are polled in, so that not all are asked at the same moment.
const pollParts = 10

// Tick is Ticker. What a new picker knows nothing of is polled at once. The rest has its turn.
func (y *yarpPicker) Tick(t *Tick) time.Duration {
	turns, n := y.turns, len(y.nodes)
	if turns.phase.Load() == 0 {
		turns.phase.Store(1 + int64(below(t.Rand(), int(turns.interval))))
	}
	if !y.started {
		y.started = true
		for _, m := range y.nodes {
			if p := polledOn(m); p != nil && p.rif.Load() == 0 {
				t.Probe(m)
			}
		}
	}
	if y.last >= 0 {
		to := turns.at(t.Now(), n)
		for i := max(turns.at(y.last, n), to-int64(n)); i < to; i++ {
			t.Probe(y.nodes[i%int64(n)])
		}
	}
	y.last = t.Now()
	turns.last.Store(1 + int64(y.last))
	return turns.interval / pollParts
}

// Probed is Prober.
func (y *yarpPicker) Probed(_ time.Duration, n *Node, l Load) {
	switch p := polledOn(n); {
	case p == nil:
	case l.Known:
		p.rif.Store(1 + int64(max(l.RIF, 0)))
	case p.rif.Load() > 0:
		p.rif.Store(0)
	}
}
