package rota

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// defaultBound is what Bound = 0 stands for: 1 + the paper's epsilon, 0.25 as in Envoy's and HAProxy's documentation.
const defaultBound = 1.25

// affinity is what the hashing balancers have in common: an order of the nodes for every key, and bounded load
// (V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016).
//
// A node of weight w takes a call while it has less than bound * (all in flight + 1) * w / (all weights) in flight,
// rounded up; otherwise the call goes to the next node in its key's order. In flight is what this Cluster has there, which
// bounds its own skew only. Where replicas report their requests in flight, those of other clients count too, for a
// second or two after the report: a node that is full gets no calls and so makes no reports, and has to be tried again.
// Picks at the same instant may not see each other, and exceed a capacity by as many as they are.
type affinity struct {
	slots []slot
	book  *book // nil = unbounded
	// room is by how much capacities grow because nodes are unusable: all weight by that of the usable, a float64.
	room atomic.Uint64
}

// slot is a node as pickers see it.
type slot struct {
	node  *Node
	notes *hashNotes
	share float64 // bound * its share of all weights
}

// hashNotes is what the hashing balancers keep on a node.
type hashNotes struct {
	hash   uint64       // of its address
	others atomic.Int64 // requests that others have in flight there, by its last report
	heard  atomic.Bool  // that report is recent
	tenure *tenure      // of the last set that it was in; the Balancer's alone
}

// book is what the nodes of a set have in flight together.
type book struct {
	own    atomic.Int64 // attempts of ours, to the end of streamed replies
	_      [56]byte     // every call writes own
	others atomic.Int64 // the sum of hashNotes.others; Tick puts right what concurrent reports got wrong
}

// tenure is a set's hold of a book. A Balancer is called for every priority, and for every part of a PreferZone; each
// goes on with the book of the set that it replaces, which is the one that most of its nodes were in. What is in flight
// on nodes that went elsewhere is counted where it began, until it ends.
type tenure struct {
	book *book
	over bool // another set has the book now
}

// enlist takes the nodes of a set in an order that depends on their addresses alone, so that all clients with the same
// set have the same, in whatever order discovery told it.
func (a *affinity) enlist(nodes []*Node, bound float64) {
	a.slots = make([]slot, len(nodes))
	total := 0.0
	for i, n := range nodes {
		a.slots[i] = slot{node: n, notes: n.hashNotes(), share: float64(n.Instance().weight())}
		total += a.slots[i].share
	}
	slices.SortFunc(a.slots, func(x, y slot) int {
		if c := cmp.Compare(x.notes.hash, y.notes.hash); c != 0 {
			return c
		}
		return cmp.Compare(x.node.Instance().Addr, y.node.Instance().Addr)
	})
	if bound < 0 {
		return
	}
	scale := max(or(bound, defaultBound), 1) / total
	others := int64(0)
	for i := range a.slots {
		a.slots[i].share *= scale
		others += a.slots[i].notes.others.Load()
	}
	a.book = openBook(a.slots)
	a.book.others.Store(others)
	a.room.Store(math.Float64bits(1))
}

func (n *Node) hashNotes() *hashNotes {
	h, ok := n.noted().(*hashNotes)
	if !ok {
		h = &hashNotes{hash: Key(n.Instance().Addr)}
		n.keep(h)
	}
	return h
}

// openBook takes over the book of the set that is replaced.
func openBook(slots []slot) *book {
	votes := make(map[*tenure]int)
	var old *tenure
	for i := range slots {
		if t := slots[i].notes.tenure; t != nil && !t.over {
			if votes[t]++; old == nil || votes[t] > votes[old] {
				old = t
			}
		}
	}
	next := &tenure{}
	if old != nil {
		old.over, next.book = true, old.book
	} else {
		next.book = new(book)
	}
	for i := range slots {
		slots[i].notes.tenure = next
	}
	return next.book
}

// limit is how much load a node may have for each unit of its share, before another call comes to it. Of integers, to
// be below a number is to be below the number rounded up, so capacities need no rounding.
func (a *affinity) limit() float64 {
	if a.book == nil {
		return math.Inf(1)
	}
	total := a.book.own.Load() + a.book.others.Load() + 1
	return float64(total) * math.Float64frombits(a.room.Load())
}

// load is what the node has in flight for each unit of its share.
func (a *affinity) load(s *slot) float64 {
	if a.book == nil {
		return 0
	}
	n := int64(s.node.InFlight())
	if a.book.others.Load() > 0 {
		n += s.notes.others.Load()
	}
	return float64(n) / s.share
}

// take places the call on the node if that admits it.
func (a *affinity) take(p *Pick, s *slot) bool {
	if !p.take(s.node) {
		return false
	}
	if a.book != nil {
		a.book.own.Add(1)
	}
	return true
}

// asked is the nodes that a pick asked, and that refused. To ask one again would give it more than its turn: whether a
// failing node takes a call is drawn.
type asked struct {
	slots [maxAsked]int
	n     int
}

// maxAsked is how many nodes of a key's own order may refuse before the others are asked in the order of their hashes.
const maxAsked = 16

func (q *asked) add(i int) (full bool) {
	q.slots[q.n] = i
	q.n++
	return q.n == maxAsked
}

func (q *asked) has(i int) bool { return slices.Contains(q.slots[:q.n], i) }

// scan places a call that found no place in its key's order: on a node below the limit, else below what the limit is
// when only usable nodes are counted, else on any that is usable. Every node is asked once.
func (a *affinity) scan(p *Pick, q *asked, start int, limit float64) *Node {
	if n := a.between(p, q, start, 0, limit); n != nil || a.book == nil {
		return n
	}
	all, usable := 0.0, 0.0
	for i := range a.slots {
		s := &a.slots[i]
		all += s.share
		if s.node.admits(p.plan.now, p.plan.rules, p.lenience) == admitted {
			usable += s.share
		}
	}
	wider := limit
	if usable > 0 {
		a.room.Store(math.Float64bits(all / usable))
		wider = max(limit, a.limit())
	}
	if n := a.between(p, q, start, limit, wider); n != nil {
		return n
	}
	return a.between(p, q, start, wider, math.Inf(1))
}

// between asks the nodes of which the load is in [from, to).
func (a *affinity) between(p *Pick, q *asked, start int, from, to float64) *Node {
	for k := range a.slots {
		i := start + k
		if i >= len(a.slots) {
			i -= len(a.slots)
		}
		s := &a.slots[i]
		if l := a.load(s); l >= from && l < to && !q.has(i) && a.take(p, s) {
			return s.node
		}
	}
	return nil
}

// table is an affinity in which a key's order are the entries of a table from one on, and from a certain length on the
// nodes in the order of their hashes.
type table struct {
	affinity
	turns []uint32 // slots
}

// maxWalk is how many entries are looked at before the scan. With the default bound at least a fifth of the weight is
// below its capacity, as long as every node is usable.
const maxWalk = 128

func (t *table) pick(p *Pick, at int) *Node {
	limit, start := t.limit(), int(t.turns[at])
	var q asked
	for range min(len(t.turns), maxWalk) {
		i := int(t.turns[at])
		if s := &t.slots[i]; t.load(s) < limit && !q.has(i) {
			if t.take(p, s) {
				return s.node
			}
			if q.add(i) {
				break
			}
		}
		if at++; at == len(t.turns) {
			at = 0
		}
	}
	return t.scan(p, &q, start, limit)
}

// freed implements keeper.
func (a *affinity) freed() {
	if a.book != nil {
		a.book.own.Add(-1)
	}
}

// Ended implements Learner: it takes note of what the replica says it has in flight.
func (a *affinity) Ended(n *Node, e *End) {
	h, ok := n.noted().(*hashNotes)
	if !ok || a.book == nil || !e.Load.Known {
		return
	}
	now := int64(max(e.Load.RIF-n.InFlight(), 0))
	h.heard.Store(true)
	if was := h.others.Swap(now); was != now {
		a.book.others.Add(now - was)
	}
}

// boundEvery is how often capacities are brought up to date with which nodes are usable and which reports are recent.
const boundEvery = time.Second

// Tick implements Ticker.
func (a *affinity) Tick(t *Tick) time.Duration {
	if a.book == nil {
		return time.Hour
	}
	all, usable, others := 0.0, 0.0, int64(0)
	for i := range a.slots {
		s := &a.slots[i]
		all += s.share
		if s.node.admits(t.now, t.cl.terms(), strict) == admitted {
			usable += s.share
		}
		if !s.notes.heard.Swap(false) {
			s.notes.others.Store(0)
		}
		others += s.notes.others.Load()
	}
	if usable == 0 {
		usable = all
	}
	a.room.Store(math.Float64bits(all / usable))
	a.book.others.Store(others)
	return boundEvery
}
