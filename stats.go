package rota

import (
	"time"

	"github.com/rota-go/rota/internal/breaker"
	"github.com/rota-go/rota/internal/hist"
)

// Stats is what a Client has counted so far. Counters only grow, for as long as what they count exists.
type Stats struct {
	Service string
	// SetAge is the time since the last update of the set; negative if there was none yet.
	SetAge  time.Duration
	Calls   CallStats
	Retries uint64 // attempts after a failure, or because the first took its share of the time
	Hedges  uint64 // attempts sent after the hedge's delay
	// BudgetLeft is how many retries and hedges could be sent now.
	BudgetLeft float64
	// HedgeDelay is the measured delay of hedges, of the route with most calls; 0 before enough answers.
	HedgeDelay time.Duration
	// Latency is the latency of winning answers, each measured from its own attempt's start.
	Latency Latency
	// Panic says that too few replicas are fit to choose among: all are used.
	Panic  bool
	Nodes  []NodeStats  // in the order of the set; after it those that are Drained
	Routes []RouteStats // that have had calls; those without a route of their own are the route ""
}

// RouteStats is what was measured of one route.
type RouteStats struct {
	Name  string
	Calls uint64 // begun
	// HedgeDelay is the measured delay of hedges; 0 before enough answers.
	HedgeDelay time.Duration
	Latency    Latency // of winning answers
}

func (r *Route) stats() RouteStats {
	c := new(hist.Counts)
	r.addAnswers(c)
	return RouteStats{r.name, r.started(), time.Duration(r.hedge.Load()), Latency{c}}
}

// CallStats counts calls by how they ended.
type CallStats struct {
	Succeeded  uint64
	Failed     uint64
	Overloaded uint64 // every attempt ended in Overload
	Unplaced   uint64 // no attempt could be made
	Throttled  uint64 // the Throttle did not let the first attempt be sent
	Ignored    uint64 // the caller left
	InFlight   uint64
}

// NodeStats is what was counted for one replica.
type NodeStats struct {
	Instance Instance
	InFlight int
	Breaker  string // "closed", "open", "half-open", or "failing": it would be open, were not too many open already
	Opened   uint64 // how often the breaker opened
	Attempts VerdictCounts
	Latency  time.Duration // moving average; 0 before the first answer
	// Why is what it is out or failing for: "failures in a row", "share of failures", "answers nobody", "fails more than
	// the others", "slower than the others", "active check" or "by hand"; "" = nothing.
	Why string
	// Rests is how long it is to be left alone from now on, at its own wish or because it drains or refuses calls; 0 = not.
	Rests time.Duration
	// Warming says that it is in its slow start.
	Warming bool
}

// VerdictCounts counts ended attempts by verdict.
type VerdictCounts struct{ Success, Failure, Overload, Ignored uint64 }

// Latency is a histogram of durations. The zero value is empty.
type Latency struct{ counts *hist.Counts }

// Count returns the number of values.
func (l Latency) Count() uint64 {
	if l.counts == nil {
		return 0
	}
	return l.counts.Total
}

// Sum returns the sum of the values.
func (l Latency) Sum() time.Duration {
	if l.counts == nil {
		return 0
	}
	return l.counts.Sum
}

// Quantile returns the duration that the share q of values does not exceed, at most 1/16 too large; 0 without values.
func (l Latency) Quantile(q float64) time.Duration {
	if l.counts == nil {
		return 0
	}
	return l.counts.Quantile(q)
}

// Since returns what came after an earlier value of the same histogram.
func (l Latency) Since(earlier Latency) Latency {
	if l.counts == nil || earlier.counts == nil {
		return l
	}
	c := *l.counts
	c.Sub(earlier.counts)
	return Latency{&c}
}

// Below returns how many values are at most d; values within 1/16 under d may be left out.
func (l Latency) Below(d time.Duration) uint64 {
	if l.counts == nil {
		return 0
	}
	return l.counts.Below(d)
}

// Stats returns what was counted up to now. See Client.Stats.
func (cl *Cluster) Stats(now time.Time) Stats {
	t := cl.since(now)
	begun, lat := uint64(0), new(hist.Counts)
	routes := make([]RouteStats, 0, 1)
	for _, r := range *cl.routes.Load() {
		if rs := r.stats(); rs.Calls > 0 {
			routes = append(routes, rs)
			begun += rs.Calls
			lat.Add(rs.Latency.counts)
		}
	}
	c := &cl.calls
	s := Stats{
		Service: cl.service, SetAge: -1,
		Calls: CallStats{
			Succeeded: lat.Total, Failed: c.failed.Load(), Overloaded: c.overloaded.Load(),
			Unplaced: c.unplaced.Load(), Throttled: c.throttled.Load(), Ignored: c.ignored.Load(),
		},
		Retries: c.retries.Load(), Hedges: c.hedges.Load(),
		BudgetLeft: cl.budget.Left(cl.budgetTerms(t)),
		Latency:    Latency{lat},
		Routes:     routes,
		Panic:      cl.health.state.Load()&panicked != 0,
	}
	ended := s.Calls.Succeeded + s.Calls.Failed + s.Calls.Overloaded + s.Calls.Unplaced + s.Calls.Throttled + s.Calls.Ignored
	var most uint64
	for _, rs := range routes {
		if rs.Calls > most {
			most, s.HedgeDelay = rs.Calls, rs.HedgeDelay
		}
	}
	if begun > ended {
		s.Calls.InFlight = begun - ended
	}
	if u := cl.updated.Load(); u > 0 {
		s.SetAge = max(t-time.Duration(u), 0)
	}
	if set := cl.set.Load(); set != nil {
		s.Nodes = make([]NodeStats, 0, len(set.nodes)+len(set.idle))
		for _, list := range [][]*Node{set.nodes, set.idle} {
			for _, n := range list {
				s.Nodes = append(s.Nodes, n.stats(t, cl.terms()))
			}
		}
	}
	return s
}

// Used returns how many nodes are in the set: all but those that are Drained.
func (s *Stats) Used() int {
	used := 0
	for i := range s.Nodes {
		if !s.Nodes[i].Instance.Drained {
			used++
		}
	}
	return used
}

func (n *Node) stats(now time.Duration, r *rules) NodeStats {
	s := NodeStats{
		Instance: n.Instance(), InFlight: n.InFlight(), Breaker: breaker.Closed.String(), Opened: n.trips.Load(),
		Attempts: VerdictCounts{n.answers(), n.failed.Total(), n.overloaded.Load(), n.ignored.Load()},
		Latency:  n.Latency(),
		Rests:    max(time.Duration(n.rest.Load())-now, 0),
	}
	if at := time.Duration(n.warm.Load()); at > 0 {
		s.Warming = now-at < r.slowStart
	}
	if r.breaker {
		state := n.breaker.State(now)
		if s.Breaker = state.String(); state != breaker.Closed {
			s.Why = reason(n.why.Load()).String()
		}
	}
	return s
}
