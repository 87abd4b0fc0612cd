package rota

import (
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
	return func(nodes []*Node) Picker {
		for _, n := range nodes {
			acquaint(n)
		}
		return &yarpPicker{nodes: nodes, interval: max(interval, minTick)}
	}
}

type yarpPicker struct {
	nodes    []*Node
	interval time.Duration

	// Only Tick reads and writes these.
	started bool
	next    int // whose turn it is to be polled
	due     float64
	last    time.Duration
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
	ka, kb := knownOf(a), knownOf(b)
	if ka == nil || kb == nil {
		return a
	}
	if rif := kb.polled.Load(); rif > 0 && rif < ka.polled.Load() {
		return b
	}
	return a
}

// pollParts is how many parts the nodes are polled in, so that not all are asked at the same moment.
const pollParts = 10

// Tick is Ticker. What a new picker knows nothing of is polled at once. The rest has its turn, from a random node on.
func (y *yarpPicker) Tick(t *Tick) time.Duration {
	n := len(y.nodes)
	if !y.started {
		y.started, y.last, y.next = true, t.Now(), below(t.Rand(), n)
		for _, m := range y.nodes {
			if k := knownOf(m); k != nil && k.polled.Load() == 0 {
				t.Probe(m)
			}
		}
		return y.interval / pollParts
	}
	y.due += float64(n) * float64(t.Now()-y.last) / float64(y.interval)
	y.last = t.Now()
	polls := min(int(y.due), n)
	y.due = min(y.due-float64(polls), 1)
	for range polls {
		t.Probe(y.nodes[y.next])
		y.next = (y.next + 1) % n
	}
	return y.interval / pollParts
}

// Probed is Prober.
func (y *yarpPicker) Probed(_ time.Duration, n *Node, l Load) {
	switch k := knownOf(n); {
	case k == nil:
	case l.Known:
		k.polled.Store(1 + int64(max(l.RIF, 0)))
	case k.polled.Load() > 0:
		k.polled.Store(0)
	}
}
