package rotadash

import (
	"math"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/hist"
)

// service is what is known of one, up to now.
type service struct {
	Service
	book     *book
	first    uint64 // the first tick of its history
	last     rota.Stats
	has      bool // last is one
	quantile latencies
	columns  map[string]*column
	replicas map[string]*replica
	now      serviceNow
}

// serviceColumns are the histories of a service, by their names in JSON.
var serviceColumns = []string{"ok", "failed", "refused", "retries", "hedges", "budget", "in_flight", "p50_ms", "p99_ms"}

func newService(name string, first uint64) *service {
	s := &service{book: newBook(), first: first, columns: make(map[string]*column), replicas: make(map[string]*replica)}
	s.now = serviceNow{Name: name, Replicas: []replicaNow{}, SetAge: -1}
	for _, name := range serviceColumns {
		s.columns[name] = newColumn()
	}
	return s
}

// replica is what is known of one.
type replica struct {
	hist     *hist.Hist
	quantile quantiles
	last     rota.NodeStats
	seen     uint64 // the tick at which it was in the set, or drained by hand
	columns  map[string]*column
}

// replicaColumns are the histories of a replica; "ended" and "bad" are attempts with an outcome, and those without success.
var replicaColumns = []string{"picks", "ended", "bad", "p50_ms", "p99_ms"}

func newReplica() *replica {
	r := &replica{hist: new(hist.Hist), columns: make(map[string]*column)}
	for _, name := range replicaColumns {
		r.columns[name] = newColumn()
	}
	return r
}

// sample takes one of everything, and pushes it.
func (d *Dash) sample(now time.Time) {
	d.mu.Lock()
	services := append([]*service{}, d.services...)
	sources := make([]Source, len(services))
	for i, s := range services {
		sources[i] = s.Source
	}
	d.mu.Unlock()
	stats := make([]rota.Stats, len(services))
	for i, s := range sources { // not under the lock: it is another's code
		stats[i] = s.Stats()
	}
	d.mu.Lock()
	d.tick++
	*d.times.at(d.tick) = float64(now.UnixMilli()) / 1e3
	for i, s := range services {
		s.take(d.tick, &stats[i])
	}
	if !d.watched() {
		d.mu.Unlock()
		return
	}
	f := d.tickLocked()
	d.mu.Unlock()
	d.feed.publish("tick", d.boot+"-"+formatTick(f.Tick), f)
}

// take books one sample.
func (s *service) take(tick uint64, now *rota.Stats) {
	before := &s.last
	if !s.has {
		s.has, before = true, now // what was before is nobody's history
	}
	c, b := &now.Calls, &before.Calls
	p50, p99 := s.quantile.take(tick, now.Latency)
	for name, v := range map[string]float32{
		"ok":        grown(c.Succeeded, b.Succeeded),
		"failed":    grown(c.Failed, b.Failed) + grown(c.Unplaced, b.Unplaced) + grown(c.Throttled, b.Throttled),
		"refused":   grown(c.Overloaded, b.Overloaded),
		"retries":   grown(now.Retries, before.Retries),
		"hedges":    grown(now.Hedges, before.Hedges),
		"budget":    float32(now.BudgetLeft),
		"in_flight": float32(c.InFlight),
		"p50_ms":    float32(p50),
		"p99_ms":    float32(p99),
	} {
		*s.columns[name].at(tick) = v
	}
	s.takeReplicas(tick, now.Nodes)
	s.last = *now
	s.now = s.view(tick, now)
}

// takeReplicas books the sample of each replica, and gives calls the histograms to write to.
func (s *service) takeReplicas(tick uint64, nodes []rota.NodeStats) {
	news := false
	for _, n := range shown(nodes) {
		r := s.replicas[n.Instance.Addr]
		if r == nil {
			r, news = newReplica(), true
			r.last = *n
			s.replicas[n.Instance.Addr] = r
		}
		r.seen = tick
		r.take(tick, n)
	}
	if s.Overrides != nil {
		for _, o := range s.Overrides.List() {
			r := s.replicas[o.Addr]
			if !o.Drained || r != nil && r.seen == tick {
				continue
			}
			if r == nil { // discovery has not listed it since
				r, news = newReplica(), true
				r.last.Instance.Addr = o.Addr
				s.replicas[o.Addr] = r
			}
			r.seen = tick
			gone := rota.NodeStats{Instance: r.last.Instance, Attempts: r.last.Attempts}
			gone.Instance.Drained, gone.Instance.Vanished = true, true
			r.take(tick, &gone)
		}
	}
	for addr, r := range s.replicas {
		if r.seen != tick {
			delete(s.replicas, addr)
			news = true
		}
	}
	if !news {
		return
	}
	hists := make(map[string]*hist.Hist, len(s.replicas))
	for addr, r := range s.replicas {
		hists[addr] = r.hist
	}
	s.book.replicas.Store(&hists)
}

// shown returns at most maxReplicas of the nodes: of more than that those with whom something is the matter first.
func shown(nodes []rota.NodeStats) []*rota.NodeStats {
	list := make([]*rota.NodeStats, 0, min(len(nodes), maxReplicas))
	for _, well := range []bool{false, true} {
		for i := range nodes {
			word, _ := state(&nodes[i])
			if (word == "ok") == well && len(list) < maxReplicas {
				list = append(list, &nodes[i])
			}
		}
	}
	return list
}

func (r *replica) take(tick uint64, n *rota.NodeStats) {
	now, before := &n.Attempts, &r.last.Attempts
	p50, p99 := r.quantile.take(tick, r.hist)
	bad := grown(now.Failure, before.Failure) + grown(now.Overload, before.Overload)
	for name, v := range map[string]float32{
		"picks":  grown(picks(n), picks(&r.last)),
		"ended":  grown(now.Success, before.Success) + bad,
		"bad":    bad,
		"p50_ms": float32(p50),
		"p99_ms": float32(p99),
	} {
		*r.columns[name].at(tick) = v
	}
	r.last = *n
}

// picks is how many attempts were sent to a replica.
func picks(n *rota.NodeStats) uint64 {
	a := &n.Attempts
	return a.Success + a.Failure + a.Overload + a.Ignored + uint64(max(n.InFlight, 0))
}

// view makes what is shown of a sample.
func (s *service) view(tick uint64, now *rota.Stats) serviceNow {
	v := serviceNow{
		Name: s.Name, SetAge: now.SetAge.Seconds(), Panic: now.Panic, HedgeDelay: millis(now.HedgeDelay), Set: now.Used(),
		Values: make(map[string]number, len(s.columns)), Totals: totals(now),
		CanEject: s.Ejector != nil, CanOverride: s.Overrides != nil, Replicas: make([]replicaNow, 0, len(s.replicas)),
	}
	for name, c := range s.columns {
		v.Values[name] = number(*c.at(tick))
	}
	all := 0.0
	for _, r := range s.replicas {
		all += r.columns["picks"].sum(tick, shareSpan)
	}
	byHand := map[string]bool{}
	if s.Overrides != nil {
		for _, o := range s.Overrides.List() {
			byHand[o.Addr] = o.Weight > 0
		}
	}
	for addr, r := range s.replicas {
		row := r.view(tick, all)
		row.WeightByHand = byHand[addr]
		v.Replicas = append(v.Replicas, row)
	}
	for i := range now.Nodes { // not of the rows, which may be some of them
		switch n := &now.Nodes[i]; {
		case n.Instance.Drained:
			v.Drained++
		case n.Breaker != "closed":
			v.Out++
		}
	}
	sortReplicas(v.Replicas)
	return v
}

// view makes a row of a replica; all is how many attempts all of its service got lately.
func (r *replica) view(tick uint64, all float64) replicaNow {
	n := &r.last
	ended, bad := r.columns["ended"].sum(tick, successSpan), r.columns["bad"].sum(tick, successSpan)
	v := replicaNow{
		Addr: n.Instance.Addr, Zone: n.Instance.Zone, Weight: max(n.Instance.Weight, 1), Priority: n.Instance.Priority,
		Breaker: n.Breaker, InFlight: n.InFlight, Opened: n.Opened, Average: millis(n.Latency), Rests: millis(n.Rests),
		Attempts: attempts(&n.Attempts), Success: number(math.NaN()), Share: number(math.NaN()), Values: make(map[string]number, len(r.columns)),
	}
	for name, c := range r.columns {
		v.Values[name] = number(*c.at(tick))
	}
	if ended > 0 {
		v.Success = number(1 - bad/ended)
	}
	if all > 0 {
		v.Share = number(r.columns["picks"].sum(tick, shareSpan) / all)
	}
	v.State, v.Why = state(n)
	return v
}

func totals(s *rota.Stats) map[string]uint64 {
	c := &s.Calls
	return map[string]uint64{
		"success": c.Succeeded, "failure": c.Failed, "overload": c.Overloaded, "unplaced": c.Unplaced, "throttled": c.Throttled,
		"ignored": c.Ignored, "retries": s.Retries, "hedges": s.Hedges,
	}
}

func attempts(a *rota.VerdictCounts) map[string]uint64 {
	return map[string]uint64{"success": a.Success, "failure": a.Failure, "overload": a.Overload, "ignored": a.Ignored}
}

// state says in a word what a replica is, and why.
func state(n *rota.NodeStats) (word, why string) {
	switch {
	case n.Instance.Drained && n.Instance.Vanished:
		return "drained", "by hand; discovery does not list it any more"
	case n.Instance.Drained:
		return "drained", "by hand"
	case n.Breaker == "open":
		return "ejected", n.Why
	case n.Breaker == "half-open":
		return "on trial", n.Why
	case n.Breaker == "failing":
		return "failing", n.Why + "; too many are out already"
	case n.Rests > 0:
		return "rests", "it asked for rest, drains or refuses calls"
	case n.Instance.Vanished:
		return "vanished", "discovery does not list it any more"
	case n.Warming:
		return "warming", "slow start"
	}
	return "ok", ""
}
