package rota

import (
	"math"
	"sync"
	"time"
)

// pooling is what a Balancer with a probe pool keeps across changes of the set.
type pooling struct {
	params PrequalParams
	rank   ranking
	learns bool // the rank, from replies

	mu       sync.Mutex // guards pools and what is known of nodes
	stranger known      // stands for a node whose notes are another balancer's
}

func newPooling(p PrequalParams, rank ranking) *pooling {
	return &pooling{params: p.filled(), rank: rank}
}

// build is the Balancer.
func (g *pooling) build(nodes []*Node) Picker {
	for _, n := range nodes {
		acquaint(n)
	}
	s := g.poolOf(nodes)
	s.round++
	for _, n := range nodes {
		k := g.of(n)
		k.home, k.round = s, s.round
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := 0; i < len(s.entries); {
		if k := g.of(s.entries[i].node); k.home != s || k.round != s.round {
			s.drop(i)
		} else {
			i++
		}
	}
	s.size, s.reuse = g.params.size(len(nodes)), g.params.reuse(len(nodes))
	return &poolPicker{g, s, nodes}
}

// poolOf returns the pool that most of the nodes are in already, by the vote of Boyer and Moore. A Balancer is asked for a
// Picker for each priority, and may be for parts of one, and each keeps its own.
func (g *pooling) poolOf(nodes []*Node) *pool {
	var s *pool
	votes := 0
	for _, n := range nodes {
		switch h := g.of(n).home; {
		case h == nil:
		case votes == 0:
			s, votes = h, 1
		case h == s:
			votes++
		default:
			votes--
		}
	}
	if s == nil || s.owner != g {
		return newPool(g)
	}
	return s
}

func (g *pooling) of(n *Node) *known {
	if k := knownOf(n); k != nil {
		return k
	}
	return &g.stranger
}

// poolPicker chooses from a probe pool.
type poolPicker struct {
	*pooling
	pool  *pool
	nodes []*Node
}

func (k *poolPicker) Pick(p *Pick) *Node {
	k.mu.Lock()
	if !k.pool.seeded {
		k.pool.start(p.Rand())
	}
	n := k.chooseLocked(p)
	k.pool.thin(p.Now())
	probes := k.dueLocked(p.Now())
	k.mu.Unlock()
	if n == nil {
		n = k.draw(p)
	}
	k.probe(p.plan.cl, p.Now(), probes)
	return n
}

// chooseLocked takes the best entry whose node admits the attempt; nil if there are not two to choose from.
func (k *poolPicker) chooseLocked(p *Pick) *Node {
	s, now := k.pool, p.Now()
	s.expire(now)
	if s.quiet(now) && len(s.entries) > 0 && s.uniform() < wander {
		return nil
	}
	if p.plan.trace != nil {
		for i := range s.entries {
			p.Looked(s.entries[i].node, s.entries[i].cost)
		}
	}
	skip := uint64(0)
	for left := len(s.entries); left >= 2; left-- {
		i := s.extreme(skip, false)
		if n := s.entries[i].node; p.take(n) {
			s.use(i)
			return n
		}
		skip |= 1 << i
	}
	return nil
}

// wander is the share of calls that go to a random node while no probe is answered: only a node that is called is heard
// of then.
const wander = 0.25

// draw takes a usable node at random, if possible not one that leaves probes unanswered.
func (k *poolPicker) draw(p *Pick) *Node {
	now := int64(p.Now())
	for range 8 {
		n := k.nodes[below(p.Rand(), len(k.nodes))]
		if k.of(n).muted.Load() <= now && p.take(n) {
			return n
		}
	}
	start := below(p.Rand(), len(k.nodes))
	for _, muted := range []bool{false, true} {
		for i := range k.nodes {
			n := k.nodes[(start+i)%len(k.nodes)]
			if k.of(n).muted.Load() > now == muted && p.take(n) {
				return n
			}
		}
	}
	return nil
}

// dueLocked is how many probes a call brings about.
func (k *poolPicker) dueLocked(now time.Duration) int {
	if len(k.nodes) == 1 {
		return 0 // there is nothing to choose
	}
	n := k.pool.probes.next()
	if n > 0 {
		k.pool.asked = now
	}
	return n
}

// probe has count nodes probed, drawn uniformly without replacement from those that do not rest. So many draws are
// enough that with half of them resting nearly all are found.
func (k *poolPicker) probe(cl *Cluster, now time.Duration, count int) {
	if cl.probe == nil {
		return
	}
	if count >= len(k.nodes) {
		// From a random one on: the first ones' answers are the first to leave the pool.
		start := below(cl.rand(), len(k.nodes))
		for i := range k.nodes {
			if n := k.nodes[(start+i)%len(k.nodes)]; !n.rests(now, strict) {
				cl.ask(n)
			}
		}
		return
	}
	var drawn [maxProbes]*Node
	found := 0
next:
	for draws := 3*count + 4; found < count && draws > 0; draws-- {
		n := k.nodes[below(cl.rand(), len(k.nodes))]
		for _, d := range drawn[:found] {
			if d == n {
				continue next
			}
		}
		if !n.rests(now, strict) {
			drawn[found] = n
			found++
			cl.ask(n)
		}
	}
}

// Probed is Prober.
func (k *poolPicker) Probed(now time.Duration, n *Node, l Load) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, about := k.pool, k.of(n)
	if l.Known {
		about.hear()
		s.heard = now
		s.add(now, n, about, l)
	} else if about.miss() && !s.quiet(now) { // where nobody answers, silence says nothing
		about.muted.Store(int64(now + mutedFor))
		k.forgetLocked(n)
	}
}

func (k *poolPicker) forgetLocked(n *Node) {
	if i := k.pool.find(n); i >= 0 {
		k.pool.drop(i)
	}
}

// Ended is Learner. The entry of a node that has failed is dropped; the next probe brings it back, with the failure
// counted.
func (k *poolPicker) Ended(n *Node, e *End) {
	about := k.of(n)
	switch e.Verdict {
	case Failure, Overload:
		k.mu.Lock()
		defer k.mu.Unlock()
		about.fail(e.Now)
		k.forgetLocked(n)
	case Success:
		if about.blame.Load() == 0 && !e.Load.Known && !k.learns {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.answeredLocked(n, about, e)
	}
}

func (k *poolPicker) answeredLocked(n *Node, about *known, e *End) {
	about.pardon(e.Now)
	if k.learns {
		k.rank.answered(about, e.Now, e.Took)
	}
	s := k.pool
	i := s.find(n)
	switch {
	case i >= 0 && e.Load.Known:
		s.refresh(e.Now, &s.entries[i], about, e.Load)
	case i >= 0 && k.learns:
		p := &s.entries[i]
		p.reply, p.own = float64(about.reply), float64(n.InFlight())
		p.cost = s.rank.cost(p)
	case e.Load.Known && s.quiet(e.Now) && len(k.nodes) > 1 && !n.gone.Load():
		s.add(e.Now, n, about, e.Load)
	}
}

// Tick is Ticker: after a lull the first call shall find answers to choose from.
func (k *poolPicker) Tick(t *Tick) time.Duration {
	p, s := &k.params, k.pool
	if p.Idle == 0 || p.Probes == 0 || len(k.nodes) == 1 {
		return time.Hour
	}
	k.mu.Lock()
	if !s.seeded {
		s.start(t.Rand())
	}
	wait := s.asked + p.Idle - t.Now()
	if wait <= 0 {
		s.asked = t.Now()
	}
	k.mu.Unlock()
	if wait > 0 {
		return wait
	}
	k.probe(t.cl, t.Now(), max(2, int(math.Ceil(p.Probes))))
	return p.Idle
}
