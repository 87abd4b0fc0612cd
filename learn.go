package rota

import "time"

// A Picker may do more than pick: learn from how attempts end (Learner), from what replicas say when they are asked
// (Prober), and from time that passes (Ticker). What it learns must not live in the Picker, which is replaced at every
// change of the set, but on the nodes or in its Balancer.

// Load is what a replica says of itself, on a reply or when it is probed. The zero value says nothing.
type Load struct {
	Known bool
	// RIF is the number of requests in flight on the replica, beside the one that carries this.
	RIF int
	// Latency is how long a request that arrives now is likely to take there; 0 = it does not know.
	Latency time.Duration
	// Rate is how many requests it answers a second, those that fail too; 0 = it does not say.
	Rate float64
	// Utilization is the share of its capacity that is in use, 1 = all of it, and more if it takes more than it was
	// promised; 0 = it does not say.
	Utilization float64
}

// Learner is a Picker that is told how attempts end, those of calls that are over too.
type Learner interface {
	// Ended is called once for every attempt that this Picker placed; of a reply that is streamed, when its headers are
	// there, and once more if it then breaks off. It may be called concurrently, and after the Picker was replaced.
	Ended(n *Node, e *End)
}

// End is how an attempt ended. It is valid only during Learner.Ended.
type End struct {
	Now     time.Duration // since the Cluster's start
	Took    time.Duration
	Verdict Verdict
	Unsent  bool // it never reached the replica
	Load    Load
}

// Prober is a Picker that has nodes probed, with Pick.Probe or Tick.Probe.
type Prober interface {
	// Probed brings the answer to a probe. If there was none, l is the zero Load. It may be called concurrently.
	Probed(now time.Duration, n *Node, l Load)
}

// Ticker is a Picker with something to do whether there are calls or not.
type Ticker interface {
	// Tick does it, and returns how long from now it wants to be called again. It is called soon after the Picker was
	// built, and never twice at a time.
	Tick(t *Tick) time.Duration
}

// keeper is a Picker that counts what it has in flight. It must place with Pick.take, so that it knows what it placed.
type keeper interface {
	// freed is called exactly once for every attempt that this Picker placed, after the node was released: of a reply that
	// is streamed, at its end. It may be called concurrently, and after the Picker was replaced.
	freed()
}

func (t *tier) freed() {
	if t.keeper != nil {
		t.keeper.freed()
	}
}

// Tick is the time at which a Ticker is called. It is valid only during Ticker.Tick.
type Tick struct {
	cl  *Cluster
	now time.Duration
}

// Now returns the time since the Cluster's start.
func (t *Tick) Now() time.Duration { return t.now }

// Rand returns a random number that depends only on the Cluster's source of randomness.
func (t *Tick) Rand() uint64 { return t.cl.rand() }

// Probe is Pick.Probe.
func (t *Tick) Probe(n *Node) bool { return t.cl.ask(n) }

// Now returns the time since the Cluster's start.
func (p *Pick) Now() time.Duration { return p.plan.now }

// First reports whether this is the first attempt of its call.
func (p *Pick) First() bool { return p.plan.sent == 0 }

// Key returns the call's Key.
func (p *Pick) Key() uint64 { return p.plan.call.Key }

// Probe asks for a probe of n, whose answer comes to Prober.Probed later. It reports false if nobody makes probes: then
// there is only what replies bring.
func (p *Pick) Probe(n *Node) bool { return p.plan.cl.ask(n) }

func (cl *Cluster) ask(n *Node) bool {
	return cl.probe != nil && cl.probe(n)
}

// Probed tells the answer to a probe of n; without one, l is the zero Load.
func (cl *Cluster) Probed(now time.Time, n *Node, l Load) {
	s := cl.set.Load()
	if s == nil || n.gone.Load() {
		return
	}
	if t := s.tierOf(n); t != nil && t.prober != nil {
		t.prober.Probed(cl.since(now), n, l)
	}
}

// Draining keeps new attempts away from n for DrainRest, as long as there is another.
func (cl *Cluster) Draining(now time.Time, n *Node) { n.drains(cl.since(now)) }

// Tick lets the balancer do what is due, and returns how long from now it is to be called again; 0 = not before the set
// changes. Calls of Tick must not overlap.
func (cl *Cluster) Tick(now time.Time) time.Duration {
	s := cl.set.Load()
	if s == nil {
		return 0
	}
	t := Tick{cl, cl.since(now)}
	next := time.Duration(0)
	for i := range s.tiers {
		if k, ok := s.tiers[i].picker.(Ticker); ok {
			if pause := max(k.Tick(&t), minTick); next == 0 || pause < next {
				next = pause
			}
		}
	}
	return next
}

// minTick keeps a Ticker that wants to be called again at once from taking a processor for itself.
const minTick = time.Millisecond

// learn tells the throttle and the picker of an attempt's end.
func (p *Plan) learn(a *Attempt) {
	if t := p.rules.throttle; t != nil {
		t.ended(p.now, p.seat, a)
	}
	if l := a.tier.learner; l != nil {
		o := &a.outcome
		p.end = End{p.now, a.took, o.Verdict, o.Unsent, o.Load}
		l.Ended(a.node, &p.end)
	}
}

// tierOf returns the tier that holds n.
func (s *nodeSet) tierOf(n *Node) *tier {
	if len(s.tiers) == 1 {
		return &s.tiers[0]
	}
	for i := range s.tiers {
		if s.tiers[i].priority == n.Instance().Priority {
			return &s.tiers[i]
		}
	}
	return nil
}

// notesOn returns a balancer's notes on n. It makes them if there are none of its kind, which only a Balancer may do.
func notesOn[T any](n *Node) *T {
	if t, ok := n.noted().(*T); ok {
		return t
	}
	t := new(T)
	n.keep(t)
	return t
}

// noted returns what the balancer keeps on the node; nil = nothing.
func (n *Node) noted() any {
	if t := n.notes.Load(); t != nil {
		return *t
	}
	return nil
}

// keep has the node keep what a balancer noted. Pickers of the balancer before may still look: they find what is not theirs.
func (n *Node) keep(notes any) { n.notes.Store(&notes) }
