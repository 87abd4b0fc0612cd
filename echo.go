package rota

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// EchoParams are the settings of Echo. A zero field means its default.
type EchoParams struct {
	Choices int // how many nodes are drawn for a pick; default 3, at most 16
	// Remember is how many of the good ones that are remembered from pick to pick a pick looks at; as many are remembered of
	// up to 100 nodes, and of more nodes more. Default 5, at most 8; negative = none.
	Remember int
	// Gain is the share of a report in what is known of its node, if that is fresh: a report after a silence counts for as
	// much as Drift has taken away, if that is more. Default 0.1.
	Gain float64
	// Drift is the time constant with which a node that says nothing any more comes to be taken for an average one; after
	// twice as long it is one, so that it is tried again. Default 20 s.
	Drift time.Duration
	// Own is how many requests of anybody's each of our own in flight counts for: what others have there is a report of the
	// past, and what we have is sure. Default 3.
	Own float64
	// Unknown is how many times as slow as the average a node is taken to be that is new among others and has said nothing
	// yet; that drifts too. Above 1, clients that learn of it at the same time do not all try it at once. Of up to eight
	// nodes with r requests in flight on the average only r/(1+r) of it counts: an idle client tries all. Default 2.
	Unknown float64
}

// Validate returns an error that names the first field whose value cannot be meant.
func (p EchoParams) Validate() error {
	switch {
	case p.Choices < 0 || p.Choices > maxChoices:
		return fmt.Errorf("rota: EchoParams.Choices = %d, want 1 to %d, or 0 for the default", p.Choices, maxChoices)
	case p.Remember > maxRemembered:
		return fmt.Errorf("rota: EchoParams.Remember = %d, want at most %d", p.Remember, maxRemembered)
	case !(p.Gain >= 0 && p.Gain <= 1):
		return fmt.Errorf("rota: EchoParams.Gain = %v, want at most 1, or 0 for the default", p.Gain)
	case p.Drift < 0:
		return fmt.Errorf("rota: EchoParams.Drift = %v, want >= 0", p.Drift)
	case !(p.Own >= 0 && p.Own <= mostFactor):
		return fmt.Errorf("rota: EchoParams.Own = %v, want 0 to %g", p.Own, mostFactor)
	case !(p.Unknown >= 0 && p.Unknown <= mostFactor):
		return fmt.Errorf("rota: EchoParams.Unknown = %v, want 0 to %g", p.Unknown, mostFactor)
	}
	return nil
}

// withDefaults also makes the best of what Validate would refuse.
func (p EchoParams) withDefaults() EchoParams {
	p.Choices = min(or(max(p.Choices, 0), 3), maxChoices)
	p.Remember = min(setting(p.Remember, 5), maxRemembered)
	p.Drift = or(max(p.Drift, 0), 20*time.Second)
	for _, f := range []struct {
		v         *float64
		def, most float64
	}{{&p.Gain, 0.1, 1}, {&p.Own, 3, mostFactor}, {&p.Unknown, 2, mostFactor}} {
		if *f.v = min(*f.v, f.most); !(*f.v > 0) { // NaN too
			*f.v = f.def
		}
	}
	return p
}

const (
	maxChoices    = 16
	maxRemembered = 8
	mostFactor    = 1e6
)

// Echo returns a Balancer that goes by what replicas say of themselves on their replies: their requests in flight and how
// long one is likely to take (Load). It needs no probes. Of Choices nodes drawn at random and those remembered, it takes
// the one with the least
//
//	latency x (1 + RIF + Own x attempts of ours in flight)
//
// Both are moving averages over the reports of a node; but the RIF of the last report counts alone while it is fresh,
// which it is for about two answers' time. A reply that reports nothing counts as one from a replica with the average RIF
// that measures the latency which we do, and is forgotten twenty times as soon. What a replica says it takes counts for at
// least a third of what answers take their callers.
//
// A failure and a refusal count as an answer that took ten times as long as answers take, and failures in a row as
// attempts in flight, until they have drifted away; if there are breakers, until two seconds have passed without another.
// What was known of a replica before its breaker opened is forgotten when it closes, and one that is due for a trial is
// taken first, as far as calls can be spared for it.
//
// A node of Weight w may have w times as much in flight as one of Weight 1 for the same score, and of those with equal
// scores it is taken w times as often. A node of which nothing is heard drifts to the average of all, so none starves. Of
// scores within a tenth of the least chance decides, and where replicas have next to nothing to do, of all up to three
// times the least: idle replicas share calls evenly, unless one is much slower than the others. One that nothing
// was heard of for a quarter of a second is then asked again now and then, and what it says counts for half of what is known.
//
// The rule is rota's own. It was found with the simulator (docs/EXPERIMENTS.md, E2): with 100 clients a pair of client and
// replica exchanges less than a call a second, so a probe's number is old before it is used, while an average over
// the last replies knows which replicas are slow, or on machines that have little left for them. Scores are compared by
// many clients with different numbers and draws, so they do not all go to the same node.
func Echo(p EchoParams) Balancer {
	e := &echo{params: p.withDefaults()}
	e.perDrift = 1 / (2 * float64(e.params.Drift))
	return e.build
}

// echo is what outlives the pickers.
type echo struct {
	params   EchoParams
	perDrift float64 // see drifted
	latency  typical // of all nodes, in nanoseconds
	took     typical // the same as callers see it, where replicas say what it is to them
	busy     typical // 1 + RIF, in thousandths
}

const perRIF = 1000 // of typical's units

// build is the Balancer.
func (e *echo) build(nodes []*Node) Picker {
	k := &echoPicker{echo: e, nodes: make([]echoNode, len(nodes))}
	if len(nodes) > e.params.Choices { // or all are drawn
		k.looks = e.params.Remember
		k.good = make([]atomic.Pointer[echoNode], min(max(len(nodes)*k.looks/perLook, k.looks), mostGood))
	}
	total, even := weights(nodes)
	found := 0
	for i, n := range nodes {
		note := notesOn[echoNote](n)
		k.nodes[i] = echoNode{n, note, 1}
		if !even {
			k.uneven, k.nodes[i].perWeight = true, float64(total)/float64(n.Instance().weight()*len(nodes))
		}
		if note.good.Swap(false) && found < len(k.good) {
			k.good[found].Store(&k.nodes[i])
			note.good.Store(true)
			found++
		}
	}
	return k
}

// echoPicker picks among the nodes of one set.
type echoPicker struct {
	*echo
	nodes  []echoNode
	uneven bool                       // in weight
	good   []atomic.Pointer[echoNode] // of nodes, in no order; each has won a draw
	looks  int                        // how many of them a pick looks at
}

// A client of many nodes has much in flight, and soon has used up a few good ones: one node in perLook is remembered for
// each that a pick looks at, up to mostGood.
const (
	perLook  = 100
	mostGood = 64
)

// echoNode is a node and what is known of it.
type echoNode struct {
	*Node
	note      *echoNote
	perWeight float64 // the mean of all weights, by its own
}

// Pick takes the best of those drawn and remembered.
func (e *echoPicker) Pick(p *Pick) *Node {
	if p.plan.wary {
		if n := e.turn(p); n != nil {
			return n
		}
	}
	var t choices
	e.lay(&t, p)
	if p.plan.trace != nil {
		for i := range t.n {
			if t.nodes[i] != nil {
				p.Looked(t.nodes[i].Node, t.scores[i])
			}
		}
	}
	for i := t.best(e.uneven); t.scores[i] < nobody; i = t.best(e.uneven) {
		if n := t.nodes[i].Node; p.take(n) {
			if i >= e.looks {
				e.remember(&t, i)
			}
			return n
		}
		t.scores[i] = nobody
	}
	return e.any(p)
}

// turn is for what is decided by other things than scores: a failing node gets the few calls that it is to have, and in
// panic all nodes are called alike, since what is known of them is that none is well.
func (e *echoPicker) turn(p *Pick) *Node {
	if p.lenience == forced {
		return e.any(p)
	}
	n := e.nodes[below(p.Rand(), len(e.nodes))].Node
	if n.breaker.Phase() == breaker.Failing && p.take(n) {
		return n
	}
	return nil
}

// any takes a usable node at random.
func (e *echoPicker) any(p *Pick) *Node {
	start := below(p.Rand(), len(e.nodes))
	for i := range e.nodes {
		if n := e.nodes[(start+i)%len(e.nodes)].Node; p.take(n) {
			return n
		}
	}
	return nil
}

// choices are candidates for a pick: first those remembered, in their places, then those drawn.
type choices struct {
	nodes  [maxRemembered + maxChoices]*echoNode
	scores [maxRemembered + maxChoices]float64
	queues [maxRemembered + maxChoices]float64
	stale  int // 1 + the place of one that nothing was heard of for a while; 0 = there is none
	n      int
	from   int // the place of the first of those remembered
	random uint64
}

// nobody is the score of no node, and of one that does not take the call.
const nobody = math.MaxFloat64 / 2

// lay lays out the candidates. Those drawn are each from a part of their own of all nodes, from a random one on: so they
// are different ones, and each node is drawn as often as any other.
func (e *echoPicker) lay(t *choices, p *Pick) {
	v := e.view(p.Now(), len(e.nodes), p.plan.rules.breaker)
	size, parts := len(e.nodes), e.params.Choices
	t.random = p.Rand()
	if size <= parts {
		for i := range e.nodes {
			t.put(i, &e.nodes[i], &v)
		}
		t.n = size
		return
	}
	if t.n = e.looks; len(e.good) > e.looks {
		t.from, t.random = draw(t.random, len(e.good))
	}
	for i := range t.n {
		t.scores[i] = nobody
		if n := e.place(t, i).Load(); n != nil {
			t.put(i, n, &v)
		}
	}
	first, random := draw(t.random, size)
	for j := range parts {
		if j%2 == 1 { // a random number is enough for two draws, of up to millions of nodes
			random = p.Rand()
		}
		from, to := j*size/parts, (j+1)*size/parts
		var i int
		i, random = draw(random, to-from)
		if i += first + from; i >= size {
			i -= size
		}
		t.put(t.n, &e.nodes[i], &v)
		t.n++
	}
	t.random = random
}

// put makes a node a candidate.
func (t *choices) put(i int, n *echoNode, v *view) {
	var stale bool
	t.nodes[i] = n
	if t.scores[i], t.queues[i], stale = v.score(n); stale {
		t.stale = i + 1
	}
}

// best returns the index of one of the least scores, or of nobody's.
func (t *choices) best(uneven bool) int {
	least, queue, alike := nobody, 0.0, 0
	for i, s := range t.scores[:t.n] {
		if s < least { // the builtin min is slower: it heeds NaN
			least, queue = s, t.queues[i]
		}
	}
	if least == nobody {
		return 0
	}
	if i := t.stale - 1; i >= 0 && queue < 1 && t.random%asksAgain == 0 && t.scores[i] < nobody {
		t.stale = 0
		return i
	}
	most := least * alikeWithin(queue)
	for _, s := range t.scores[:t.n] {
		if s <= most {
			alike++
		}
	}
	if uneven {
		return t.weighted(most)
	}
	var k int
	k, t.random = draw(t.random, alike)
	for i := range t.n {
		if t.scores[i] <= most {
			if k == 0 {
				return i
			}
			k--
		}
	}
	return 0
}

// weighted draws one of those whose score is at most most, by their weights.
func (t *choices) weighted(most float64) int {
	sum, last := 0.0, 0
	for i := range t.n {
		if t.scores[i] <= most {
			sum += 1 / t.nodes[i].perWeight
		}
	}
	k, random := draw(t.random, 1<<30)
	t.random = random
	left := sum * float64(k) / (1 << 30)
	for i := range t.n {
		if t.scores[i] <= most {
			weight := 1 / t.nodes[i].perWeight
			if last = i; left < weight {
				break
			}
			left -= weight
		}
	}
	return last
}

// alikeWithin is how much more than the least score counts as the same, where the node that has it has so much in flight. Of
// replicas with nothing to do nobody is spared by choosing the quickest, and which one that is has been told by few and
// far between: who was slow once, to connect say, would not be asked again for as long as another one is.
func alikeWithin(queue float64) float64 {
	if queue >= 1 {
		return nearlyBest
	}
	return nearlyBest + (idleAlike-nearlyBest)*(1-queue)*(1-queue)
}

const (
	nearlyBest = 1.1 // of replicas at work
	idleAlike  = 3   // of those that have nothing to do

	// Where there is next to nothing to do, one pick in asksAgain goes to a node that nothing was heard of for staleAfter,
	// if there is one: whether it is as slow as it was is worth a call that has time.
	asksAgain  = 16
	staleAfter = 250 * time.Millisecond
)

// place is where the i-th of those remembered that a pick looks at has its place.
func (e *echoPicker) place(t *choices, i int) *atomic.Pointer[echoNode] {
	if i += t.from; i >= len(e.good) {
		i -= len(e.good)
	}
	return &e.good[i]
}

// remember puts a drawn node that has won in the place of one of the worst of those that the pick looked at. Chance decides
// among them as it does among the best, or equal nodes would not be remembered equally often.
func (e *echoPicker) remember(t *choices, won int) {
	node := t.nodes[won]
	if e.looks == 0 || len(e.good) > e.looks && node.note.good.Load() {
		return
	}
	most := 0.0
	for i := range e.looks {
		if t.nodes[i] == node {
			return
		}
		most = max(most, t.scores[i])
	}
	i := below(t.random, e.looks)
	for t.scores[i]*nearlyBest < most {
		i = (i + 1) % e.looks
	}
	e.place(t, i).Store(node)
	node.note.good.Store(true)
	if old := t.nodes[i]; old != nil {
		old.note.good.Store(false)
	}
}
