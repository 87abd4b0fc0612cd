package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// ZoneParams are the settings of PreferZone.
type ZoneParams struct {
	// Zone is the caller's. Empty = no preference.
	Zone string
	// MinHealthy is the share of the zone's weight that has to be usable for the zone to carry its calls alone; 0 = 0.7,
	// about 1/1.4, Envoy's overprovisioning factor. Where the zone runs fuller than that in good times, it should be more.
	MinHealthy float64
	// Spill is by how much the mean load of the zone's replicas may exceed that of all others before calls leave the zone
	// for that, 0.5 = half as much again; 0 = 0.5, negative = they never do. Much less would act on chance.
	Spill float64
	// Busy is the mean load of the zone's replicas, in requests in flight, below which it is not overloaded whatever the
	// others have. 0 = 2 where replicas report their load; where they do not, calls do not leave the zone for its load,
	// for what one client has in flight says nothing of what all have.
	Busy float64
}

// PreferZone returns a Balancer that sends calls to replicas in the caller's own zone, as inner chooses, and some of them
// elsewhere when the zone cannot carry them. inner is called once for the zone's nodes and once for all others, those of
// unknown zones included; where one of the two is empty, it balances over all.
//
// What leaves the zone is a share that follows the shortage, so that the others get what is too much and not everything:
// with the share h of the zone's weight usable, h/MinHealthy of the calls stay, and the rest goes to the others as far as
// they are healthy by the same measure; when there is not enough of both, they share in proportion (Envoy's rule for
// priorities). Beyond that, while the zone's mean load is more than 1+Spill times that of the others, the share that
// stays shrinks, by at most 5 % ten times a second and less as the excess does, and grows back alike: halved in two
// seconds at the soonest, for what is faster swings to and fro, with reports that are some tenths old. (Not that of all: a
// zone with most of the replicas is never far above it.) The load of a part is what its replies report, and at least what
// this client has in flight there. While nothing is known of the others, one
// call in a hundred goes there to learn it. A call with a Key is spilled by its Key, so that a key does not alternate.
//
// If no node of the part that was chosen is usable, a call goes to the other at once.
func PreferZone(params ZoneParams, inner Balancer) Balancer {
	params.MinHealthy = min(or(params.MinHealthy, 0.7), 1)
	params.Spill = or(params.Spill, 0.5)
	states := map[int]*zoneState{} // by priority
	return func(nodes []*Node) Picker {
		var own, rest []*Node
		for _, n := range nodes {
			if n.Instance().Zone == params.Zone {
				own = append(own, n)
			} else {
				rest = append(rest, n)
			}
		}
		if params.Zone == "" || len(own) == 0 || len(rest) == 0 {
			return inner(nodes)
		}
		priority := nodes[0].Instance().Priority
		s := states[priority]
		if s == nil {
			s = newZoneState(params)
			states[priority] = s
		}
		z := &zonePicker{zoneState: s}
		z.own.open(own, inner, &s.ownSaid)
		z.rest.open(rest, inner, &s.restSaid)
		if z.own.prober != nil {
			return &zoneProber{z}
		}
		return z
	}
}

// zoneState is what outlives the pickers.
type zoneState struct {
	params ZoneParams
	stay   atomic.Uint64 // the share of calls that stay in the zone, in 1/2^32
	kept   float64       // of those that health lets stay, how many load lets stay; Tick's alone

	ownSaid, restSaid said
}

const (
	zoneEvery  = 100 * time.Millisecond // between two looks at health and load
	zoneStep   = 1.05                   // the most by which the share that stays changes for load in one look
	zoneGain   = 0.05                   // by which power of the excess it does
	zoneLook   = 0.01                   // the share of calls that finds out about the others' load
	saidFresh  = 10 * time.Second       // how long a part's reports count
	saidGain   = 0.3                    // of the reports of one look
	allStay    = 1 << 32
	defaultHot = 2 // Busy where replicas report
)

func newZoneState(p ZoneParams) *zoneState {
	s := &zoneState{params: p, kept: 1}
	s.stay.Store(allStay)
	return s
}

// said is what the replies of a part say of its load.
type said struct {
	sum, count atomic.Int64 // of requests in flight, since the last look
	// Tick's alone:
	mean  float64
	until time.Duration // when mean is out of date; 0 = there was none
}

// look brings the mean up to date, and reports whether it is known.
func (s *said) look(now time.Duration) bool {
	count, sum := s.count.Swap(0), s.sum.Swap(0)
	if count > 0 {
		mean := float64(sum) / float64(count)
		if now < s.until {
			mean = s.mean + saidGain*(mean-s.mean)
		}
		s.mean, s.until = mean, now+saidFresh
	}
	return now < s.until
}

// zonePart is the nodes of the zone, or all others.
type zonePart struct {
	tier
	said   *said
	inner  Learner // nil = the picker is none
	ticker Ticker  // the same
	due    time.Duration
}

func (z *zonePart) open(nodes []*Node, inner Balancer, s *said) {
	z.tier = newTier(nodes, inner(nodes))
	z.said, z.inner = s, z.learner
	z.ticker, _ = z.picker.(Ticker)
	z.learner = z
}

func (z *zonePart) pick(p *Pick) *Node {
	p.part = &z.tier
	return z.picker.Pick(p)
}

// Ended implements Learner, for attempts that the part's picker placed.
func (z *zonePart) Ended(n *Node, e *End) {
	z.said.note(e.Load)
	if z.inner != nil {
		z.inner.Ended(n, e)
	}
}

func (s *said) note(l Load) {
	if l.Known {
		s.sum.Add(int64(l.RIF))
		s.count.Add(1)
	}
}

// zonePicker is Learner, Prober and Ticker for its parts. Ends come to a part without it (Pick.part).
type zonePicker struct {
	*zoneState
	own, rest zonePart
}

func (z *zonePicker) Pick(p *Pick) *Node {
	first, second := &z.own, &z.rest
	if stay := z.stay.Load(); stay < allStay && zoneDraw(p) >= stay {
		first, second = second, first
	}
	if n := first.pick(p); n != nil {
		return n
	}
	return second.pick(p)
}

// zoneDraw returns a number below 2^32, the same for calls with the same key.
func zoneDraw(p *Pick) uint64 {
	if k := p.Key(); k != 0 {
		return stream(k, 0) >> 32
	}
	return p.Rand() >> 32
}

// zoneProber is a zonePicker whose inner pickers have nodes probed.
type zoneProber struct{ *zonePicker }

// Probed implements Prober.
func (z *zoneProber) Probed(now time.Duration, n *Node, l Load) {
	part := &z.rest
	if n.Instance().Zone == z.params.Zone {
		part = &z.own
	}
	part.said.note(l)
	if part.prober != nil {
		part.prober.Probed(now, n, l)
	}
}

// Tick implements Ticker.
func (z *zonePicker) Tick(t *Tick) time.Duration {
	healthy := z.healthy(t)
	z.kept = z.keep(t.now)
	z.stay.Store(uint64(healthy * z.kept * allStay))
	return min(zoneEvery, z.own.tick(t), z.rest.tick(t))
}

// tick calls the part's picker when it is due, and returns how long it is until then.
func (z *zonePart) tick(t *Tick) time.Duration {
	if z.ticker == nil {
		return zoneEvery
	}
	if t.now >= z.due {
		z.due = t.now + z.ticker.Tick(t)
	}
	return z.due - t.now
}

// healthy returns the share of calls that may stay as far as the health of both parts goes.
func (z *zonePicker) healthy(t *Tick) float64 {
	own := min(z.own.usable(t)/z.params.MinHealthy, 1)
	if own == 1 {
		return 1
	}
	rest := min(z.rest.usable(t)/z.params.MinHealthy, 1-own)
	if own+rest == 0 {
		return 1
	}
	return own / (own + rest)
}

// usable returns the share of the part's weight that is usable.
func (z *zonePart) usable(t *Tick) float64 {
	usable, all := 0, 0
	for _, n := range z.nodes {
		w := n.Instance().weight()
		all += w
		if n.admits(t.now, t.cl.terms(), strict) == admitted {
			usable += w
		}
	}
	return float64(usable) / float64(all)
}

// keep returns the share of calls that stays as far as load goes.
func (z *zonePicker) keep(now time.Duration) float64 {
	if z.params.Spill < 0 {
		return 1
	}
	ownKnown, restKnown := z.own.said.look(now), z.rest.said.look(now)
	own, rest := z.own.load(ownKnown), z.rest.load(restKnown)
	grown := min(z.kept*zoneStep, 1)
	busy := z.params.Busy
	if busy == 0 {
		if busy = defaultHot; !ownKnown {
			return grown
		}
	}
	if own < busy {
		return grown
	}
	excess := own / ((1 + z.params.Spill) * rest)
	kept := min(z.kept*min(max(math.Pow(excess, -zoneGain), 1/zoneStep), zoneStep), 1)
	if ownKnown && !restKnown {
		return max(kept, min(1-zoneLook, z.kept*zoneStep))
	}
	return kept
}

// load returns the mean load of a node.
func (z *zonePart) load(known bool) float64 {
	flying := 0
	for _, n := range z.nodes {
		flying += n.InFlight()
	}
	own := float64(flying) / float64(len(z.nodes))
	if known {
		return math.Max(own, z.said.mean)
	}
	return own
}
