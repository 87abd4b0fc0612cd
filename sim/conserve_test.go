package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// fuzzed is an experiment that is drawn at random: chains, fan-out, limits, queues, every kind of fault.
func fuzzed(r *rand.Rand) *Experiment {
	yes := func(p float64) bool { return r.Float64() < p }
	some := func(list ...string) string { return list[r.IntN(len(list))] }
	e := &Experiment{Name: "fuzzed", Warmup: 500 * time.Millisecond}
	for i := range 1 + r.IntN(3) {
		e.Steps = append(e.Steps, Step{For: time.Duration(500+r.IntN(1500)) * time.Millisecond, Load: 0.3 + float64(i)})
	}
	if yes(0.3) {
		e.Network.Loss = 0.05
	}
	tiers := 1 + r.IntN(3)
	for i := range tiers {
		s := Service{Name: fmt.Sprint("s", i), Replicas: 1 + r.IntN(6), Bare: yes(0.2), Zones: []string{"a", "b"}}
		d := &s.Server
		if d.Work = (&Dist{Exp: ms(2)}); yes(0.5) {
			d.PerAttempt = &Dist{Exp: ms(1)}
		}
		if yes(0.6) {
			d.Workers, d.Queue, d.Order = 1+r.IntN(4), r.IntN(5), some("fifo", "lifo")
		}
		d.Zombie, d.DropLate = yes(0.4), yes(0.4)
		if yes(0.4) {
			d.Limit = &Limit{Max: r.IntN(6), Queue: r.IntN(4), Discipline: some("", "fifo", "lifo", "none")}
		}
		if yes(0.4) {
			d.Capacity = &Capacity{Strata: []Stratum{{0.5, 0.5, 1}, {0.5, 1, 2}}, Dwell: time.Second}
		}
		if yes(0.3) {
			d.ProbeWork = 100 * time.Microsecond
		}
		for j := i + 1; j < tiers; j++ {
			if yes(0.7) {
				s.Calls = append(s.Calls, Downstream{Service: fmt.Sprint("s", j), Count: 1 + r.IntN(3)})
			}
		}
		e.Services = append(e.Services, s)
	}
	for i := range 1 + r.IntN(2) {
		e.Clients = append(e.Clients, Client{
			Name: fmt.Sprint("c", i), Count: 1 + r.IntN(4), Service: fmt.Sprint("s", r.IntN(tiers)), Rate: 50 + 500*r.Float64(),
			Timeout: time.Duration(20+r.IntN(400)) * time.Millisecond, Fanout: 1 + r.IntN(3), Once: yes(0.2), Keys: r.IntN(20), KeySkew: 1,
			Skew: r.Float64(), Arrivals: some("poisson", "even"), Zone: some("", "a"),
		})
	}
	for range r.IntN(6) {
		f := Fault{
			At: time.Duration(r.IntN(500)) * time.Millisecond, For: time.Duration(1+r.IntN(900)) * time.Millisecond,
			Service: fmt.Sprint("s", r.IntN(tiers)), Share: r.Float64(), Kind: faultKinds[r.IntN(len(faultKinds))].name,
		}
		switch f.Kind {
		case "slow", "capacity":
			f.Factor = 0.1 + 3*r.Float64()
		case "errors", "overload":
			f.Rate, f.After = r.Float64(), time.Duration(r.IntN(30))*time.Millisecond
		case "restart", "leave":
			f.Cold, f.ColdFor, f.Drain = 3, 100*time.Millisecond, 50*time.Millisecond
		}
		if yes(0.3) {
			f.Every = time.Duration(r.IntN(400)) * time.Millisecond
		}
		e.Faults = append(e.Faults, f)
	}
	names := config.Balancers()
	p := config.Policy{Balancer: config.Balancer{Name: names[r.IntN(len(names))]}}
	if yes(0.7) {
		p.Retry = &rota.Retry{Attempts: 1 + r.IntN(5)}
		if yes(0.5) {
			p.Retry.TryTimeout = time.Duration(5+r.IntN(100)) * time.Millisecond
		}
	}
	if yes(0.5) {
		p.Hedge = &rota.Hedge{Delay: time.Duration(r.IntN(20)) * time.Millisecond}
	}
	if yes(0.5) {
		p.Breaker = &rota.Breaker{}
	}
	if yes(0.3) {
		p.Throttle = &rota.Throttle{}
	}
	if yes(0.3) {
		p.Zone = &rota.ZoneParams{}
	}
	if yes(0.3) {
		p.Subset = &config.Subset{Kind: some("rendezvous", "deterministic"), Size: 2}
	}
	if yes(0.5) {
		p.Budget = rota.Budget{Ratio: 1, MinPerSecond: 1000}
	}
	e.Policies = []Variant{{Name: "p", Policy: p}}
	return e
}

// TestNothingIsLost runs experiments that are drawn at random, lets the calls come to their end, and counts.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(worlds) {
		e, err := fuzzed(rand.New(rand.NewPCG(seed, 8))).Complete()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w := newWorld(e, &e.Policies[0], seed)
		if err := w.live(context.Background(), e.Warmup, e.Steps); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, y := range w.tallies {
			var failed int64
			for _, n := range y.reasons {
				failed += n
			}
			if y.calls != y.good+y.errors || failed != y.errors || y.latency.total != y.calls || y.took.total != y.good {
				t.Errorf("seed %d, %s: %d calls, %d answered, %d failed, %d of them for a reason; %d and %d latencies",
					seed, y.step.Name, y.calls, y.good, y.errors, failed, y.latency.total, y.took.total)
			}
		}
		w.load = 0 // nobody comes any more
		for _, s := range w.sources {
			s.reschedule()
		}
		if err := w.until(context.Background(), w.now+2*time.Minute); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		atRest(t, w)
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, e)
		}
	}
}

// atRest wants a world in which no request is anywhere.
func atRest(t *testing.T, w *world) {
	t.Helper()
	probes := 0 // some balancers ask all the time
	for _, s := range w.services {
		for _, x := range s.servers {
			asked := 0
			for _, r := range x.running {
				if r.aside {
					asked++
				}
			}
			probes += asked
			if x.here.n+x.held.n+x.waiting.n+len(x.running)-asked+x.busy+x.inFlight+len(x.asleep)+len(x.faults) > 0 || x.report.RIF() > 0 {
				t.Errorf("%s has %d requests, holds %d, %d wait, %d run, %d workers are busy, %d things asleep, %d faults, RIF %d", x.inst.Addr,
					x.here.n, x.held.n, x.waiting.n, len(x.running), x.busy, len(x.asleep), len(x.faults), x.report.RIF())
			}
			if x.condition.down || x.condition.paused || x.slowed < 0.999 || x.slowed > 1.001 || x.cold != 1 || x.draining {
				t.Errorf("%s is still %+v", x.inst.Addr, x.condition)
			}
			if l := x.limiter; l != nil {
				if taken, waiting := l.Taken(); taken+waiting > 0 {
					t.Errorf("%s has given out %d places, %d wait for one", x.inst.Addr, taken, waiting)
				}
			}
		}
		for _, c := range s.callers {
			for _, n := range c.cluster.Nodes() {
				if n.InFlight() != 0 {
					t.Errorf("%s has %d in flight on %s", c.name, n.InFlight(), n.Instance().Addr)
				}
			}
		}
	}
	seen := make(map[*request]bool)
	for _, r := range w.spare {
		if seen[r] {
			t.Errorf("request %d is there twice", r.id)
		}
		if seen[r] = true; r.refs != 0 || r.at != nil || r.call != nil || r.pos != 0 || r.patience.pos != 0 {
			t.Errorf("request %d was given back in use: %+v", r.id, r)
		}
	}
	if len(w.spare)+probes != w.made {
		t.Errorf("of %d requests %d came back", w.made, len(w.spare))
	}
	if w.open != 0 {
		t.Errorf("%d calls are open", w.open)
	}
}

// stuck is an actor that never lets time pass.
type stuck struct{ w *world }

func (s *stuck) act(step) { s.w.after(0, s, 0) }

func TestWorldsDoNotStandStill(t *testing.T) {
	e, err := (&Experiment{Name: "e", Services: []Service{{Name: "s"}}, Clients: []Client{{Rate: 1}}, Policies: []Variant{{Name: "p"}}}).Complete()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(e, &e.Policies[0], 1)
	w.after(time.Second, &stuck{w}, 0)
	if err := w.until(context.Background(), time.Minute); fmt.Sprint(err) != "it does not get beyond 1s" {
		t.Errorf("a world that spins ends with %v", err)
	}
	w = newWorld(e, &e.Policies[0], 1)
	w.open = 3
	err = w.while(context.Background(), func() bool { return w.open > 0 })
	if fmt.Sprint(err) != "nothing happens any more at 0s, and 3 calls have no answer" {
		t.Errorf("a world in which nothing happens ends with %v", err)
	}
}
