package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// EchoParams are the settings of Echo. A zero field means its default.
type EchoParams struct {
	Choices  int // how many nodes are drawn for a pick; default 3, at most 16
	Remember int // how many good ones are remembered from pick to pick; default 5, at most 8; negative = none
	// Gain is the share of a report in what is known of its node. Default 0.1.
	Gain float64
	// Drift is the time constant with which a node that says nothing any more comes to be taken for an average one, so that
	// it is tried again. Default 20 s.
	Drift time.Duration
	// Own is how many requests of anybody's each of our own in flight counts for: what others have there is a report of the
	// past, and what we have is sure. Default 3.
	Own float64
	// Unknown is how many times as slow as the average a node is taken to be that has said nothing yet. Above 1, clients that
	// learn of it at the same time do not all try it at once. Default 2.
	Unknown float64
}

// Echo returns a Balancer that goes by what replicas say of themselves on their replies: their requests in flight and how
// long one is likely to take (Load). It needs no probes. Of Choices nodes drawn at random and those remembered, it takes
// the one with the least
//
//	latency x (1 + RIF + Own x attempts of ours in flight)
//
// Both are moving averages over the reports of a node; but the RIF of the last report counts alone while it is fresh,
// which it is for about two answers' time. A failure and a refusal count as an answer that took failedAnswers times as long
// as answers take, and failures in a row as attempts in flight. Of a replica that reports nothing, what we measure counts:
// the time to its answers, and our own attempts. Weights are not heeded.
//
// The rule is rota's own. It was found with the simulator (docs/EXPERIMENTS.md, E2): with 100 clients a pair of client and
// replica exchanges less than a call a second, so a probe's number is old before it is used, while an average over
// the last replies knows which replicas are slow, or on machines that have little left for them. Scores are compared by
// many clients with different numbers and draws, so they do not all go to the same node.
func Echo(p EchoParams) Balancer {
	e := &echo{params: p.withDefaults()}
	return func(nodes []*Node) Picker {
		for _, n := range nodes {
			notesOn[echoNote](n)
		}
		return &echoPicker{echo: e, nodes: nodes}
	}
}

func (p EchoParams) withDefaults() EchoParams {
	p.Choices = min(or(max(p.Choices, 0), 3), maxChoices)
	p.Remember = min(max(or(p.Remember, 5), 0), maxRemembered)
	p.Gain, p.Drift = or(p.Gain, 0.1), or(p.Drift, 20*time.Second)
	p.Own, p.Unknown = or(p.Own, 3), or(p.Unknown, 2)
	return p
}

const (
	maxChoices    = 16
	maxRemembered = 8
	failedAnswers = 10
	freshAnswers  = 2
)

// echo is what outlives the pickers.
type echo struct {
	params  EchoParams
	latency typical // of all nodes, in nanoseconds
	rif     typical // in thousandths
}

const perRIF = 1000 // of typical's units

// echoPicker picks among the nodes of one set.
type echoPicker struct {
	*echo
	nodes []*Node
	good  [maxRemembered]atomic.Pointer[Node] // in no order; each has won a draw
}

// Pick takes the best of those drawn and remembered.
func (e *echoPicker) Pick(p *Pick) *Node {
	t := e.table(p)
	for i := t.best(); t.scores[i] < nobody; i = t.best() {
		if n := t.nodes[i]; p.take(n) {
			e.remember(&t, i)
			return n
		}
		t.scores[i] = nobody
	}
	return firstUsable(p, e.nodes, below(p.Rand(), len(e.nodes)))
}

// choices are candidates for a pick: first those remembered, in their places, then those drawn.
type choices struct {
	nodes  [maxRemembered + maxChoices]*Node
	scores [maxRemembered + maxChoices]float64
	n      int
}

// nobody is the score of no node, and of one that does not take the call.
const nobody = math.MaxFloat64

// table lays out the candidates.
func (e *echoPicker) table(p *Pick) (t choices) {
	view := e.view(p.Now())
	for i := range e.params.Remember {
		n := e.good[i].Load()
		t.nodes[i], t.scores[i] = n, nobody
		if n != nil {
			t.scores[i] = view.score(n)
		}
	}
	t.n = e.params.Remember
	for range min(e.params.Choices, len(e.nodes)) {
		n := e.nodes[below(p.Rand(), len(e.nodes))]
		t.nodes[t.n], t.scores[t.n] = n, view.score(n)
		t.n++
	}
	return t
}

// best returns the index of the least score.
func (t *choices) best() int {
	best := 0
	for i := 1; i < t.n; i++ {
		if t.scores[i] < t.scores[best] {
			best = i
		}
	}
	return best
}

// remember puts a drawn node that has won in the place of the worst that is remembered.
func (e *echoPicker) remember(t *choices, won int) {
	if won < e.params.Remember || e.params.Remember == 0 {
		return
	}
	worst := 0
	for i := range e.params.Remember {
		if t.nodes[i] == t.nodes[won] {
			return
		}
		if t.scores[i] > t.scores[worst] {
			worst = i
		}
	}
	e.good[worst].Store(t.nodes[won])
}

// view is what is true of all nodes at the time of a pick.
type view struct {
	params       *EchoParams
	now          time.Duration
	latency, rif float64 // averages over all nodes
	fresh        time.Duration
}

func (e *echo) view(now time.Duration) view {
	v := view{params: &e.params, now: now, latency: e.latency.value(), rif: e.rif.value() / perRIF}
	v.fresh = time.Duration(freshAnswers * v.latency)
	return v
}

// score is what a call at n is expected to cost.
func (v *view) score(n *Node) float64 {
	note := notesOn[echoNote](n)
	latency, rif := v.latency*v.params.Unknown, v.rif
	if at := time.Duration(note.at.Load()); at > 0 {
		age := v.now - at
		last, _ := unpackPair(note.last.Load())
		latency, rif = unpackPair(note.averages.Load())
		rif += (last - rif) * fade(age, v.fresh)
		known := fade(age, v.params.Drift)
		latency = v.latency + (latency-v.latency)*known
		rif = v.rif + (rif-v.rif)*known
	}
	return latency * (1 + rif + v.params.Own*float64(n.Load()))
}

// echoNote is what is known of a node. Of two reports at the same instant one may be lost.
type echoNote struct {
	averages atomic.Uint64 // latency in nanoseconds, and RIF
	last     atomic.Uint64 // RIF of the last report, and how many reports there were
	at       atomic.Int64  // when it was heard of last; 0 = never
}

// Ended takes a report, or what stands for one.
func (e *echoPicker) Ended(n *Node, end *End) {
	note := notesOn[echoNote](n)
	latency, rif := unpackPair(note.averages.Load())
	last, reports := unpackPair(note.last.Load())
	sample, rifSample := latency, last
	if end.Load.Known {
		rifSample = float64(end.Load.RIF)
	}
	switch {
	case end.Verdict == Success && !end.Load.Known:
		sample = max(float64(end.Took), 1)
		e.latency.observe(end.Now, end.Took)
	case end.Verdict == Success:
		sample = float64(end.Load.Latency)
		if sample == 0 {
			sample = e.latency.value() // it does not know either
		} else {
			e.latency.observe(end.Now, end.Load.Latency)
		}
		e.rif.observe(end.Now, time.Duration(rifSample*perRIF))
	case end.Verdict != Ignored:
		sample = max(float64(end.Took), failedAnswers*e.latency.value())
	case float64(end.Took) <= latency:
		return // that it would have taken longer than it was given says nothing
	default:
		sample = float64(end.Took)
	}
	gain := max(e.params.Gain, 1/(reports+1)) // the first are a plain mean
	note.averages.Store(packPair(latency+(sample-latency)*gain, rif+(rifSample-rif)*gain))
	note.last.Store(packPair(rifSample, min(reports+1, mostReports)))
	note.at.Store(int64(max(end.Now, 1)))
}

const mostReports = 1 << 20

func packPair(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func unpackPair(w uint64) (a, b float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}
