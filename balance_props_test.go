package rota_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// candidate is a balancer that every property is tried on.
type candidate struct {
	name string
	make func() rota.Balancer
}

// everyBalancer returns all of them. A new one is a line here.
func everyBalancer() []candidate {
	return []candidate{
		{"rr", rota.RoundRobin},
		{"p2c", func() rota.Balancer { return rota.PowerOfTwo(0) }},
		{"random", rota.Random},
		{"ll", rota.LeastLoaded},
		{"wrr", func() rota.Balancer { return rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{Blackout: -1}) }},
		{"peak-ewma", func() rota.Balancer { return rota.PeakEWMA(rota.PeakEWMAParams{}) }},
		{"prequal", func() rota.Balancer { return rota.Prequal(rota.PrequalParams{}) }},
		{"echo", func() rota.Balancer { return rota.Echo(rota.EchoParams{}) }},
		{"c3", func() rota.Balancer { return rota.C3(rota.C3Params{}) }},
		{"linear", func() rota.Balancer { return rota.Linear(rota.LinearParams{}) }},
		{"yarp", func() rota.Balancer { return rota.YARP(rota.YARPParams{}) }},
		{"rendezvous", func() rota.Balancer { return rota.Rendezvous(rota.HashParams{}) }},
		{"ring", func() rota.Balancer { return rota.Ring(rota.RingParams{}) }},
		{"maglev", func() rota.Balancer { return rota.Maglev(rota.MaglevParams{}) }},
		{"zone of echo", func() rota.Balancer { return rota.PreferZone(rota.ZoneParams{Zone: "a"}, rota.Echo(rota.EchoParams{})) }},
		{"zone of ring", func() rota.Balancer { return rota.PreferZone(rota.ZoneParams{Zone: "a"}, rota.Ring(rota.RingParams{})) }},
	}
}

// eachBalancer runs a test of all of them, over n seeds; fewer under the race detector.
func eachBalancer(t *testing.T, n uint64, f func(t *testing.T, seed uint64, bal rota.Balancer)) {
	for _, c := range everyBalancer() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range max(n*seeds/1000, 1) {
				f(t, seed, c.make())
			}
		})
	}
}

// zoned puts every third instance into zone a, which some balancers prefer.
func zoned(set []rota.Instance) []rota.Instance {
	for i := range set {
		set[i].Zone = string(rune('a' + i%3))
	}
	return set
}

// farm is a world whose replicas are alike, report their load and answer probes.
type farm struct {
	*world
	index    map[string]int
	replicas []replica
	picked   func(i int)
}

type replica struct {
	running int
	slow    float64                                      // how many times as slow as the others; 0 = as they are
	fault   func() (took time.Duration, o *rota.Outcome) // nil = well
}

const typicalWork = 10 * ms

func newFarm(seed uint64, policy rota.Policy, n int, bal rota.Balancer) *farm {
	f := &farm{world: newWorld(seed, policy, 0, bal), index: indices(n), replicas: make([]replica, n), picked: func(int) {}}
	core := rand.New(rand.NewPCG(seed, 3))
	f.cl = rota.NewCluster(rota.ClusterParams{
		Policy: policy, Balancer: bal, Rand: core.Uint64, Now: epoch,
		Probe: func(n *rota.Node) bool {
			f.after(ms, func() { f.cl.Probed(f.now, n, f.load(f.index[n.Instance().Addr])) })
			return true
		},
		Observer: rota.Observer{
			AttemptEnded: func(rota.AttemptEvent) { f.recorded++ },
			CallEnded:    func(rota.CallEvent) { f.reported++ },
		},
	})
	f.cl.Update(epoch, instances(n))
	f.respond = f.answer
	return f
}

func (f *farm) answer(a *rota.Attempt) (time.Duration, rota.Outcome) {
	i := f.index[a.Instance().Addr]
	r := &f.replicas[i]
	f.picked(i)
	r.running++
	work := float64(typicalWork) * (0.5 + f.ExpFloat64()/2) * max(r.slow, 1) * max(1, float64(r.running)/4)
	took, o := time.Duration(work), rota.Outcome{}
	if r.fault != nil {
		var bad *rota.Outcome
		if took, bad = r.fault(); bad != nil {
			o = *bad
		}
	}
	f.after(took, func() { r.running-- })
	o.Load = f.load(i)
	return took, o
}

func (f *farm) load(i int) rota.Load {
	r := &f.replicas[i]
	noise := 0.9 + 0.2*f.Float64()
	return rota.Load{
		Known: true, RIF: max(r.running-1, 0), Rate: 100 * noise / max(r.slow, 1), Utilization: 0.5,
		Latency: time.Duration(float64(typicalWork) * noise * max(r.slow, 1)),
	}
}

// traffic makes calls for end, every apart on the average, each with a Key of its own.
func (f *farm) traffic(end, every time.Duration) {
	f.ticks(end)
	for at := time.Duration(0); at < end; at += time.Duration(f.ExpFloat64() * float64(every)) {
		call := rota.Call{Idempotent: true, Key: f.Uint64()}
		f.after(at, func() { f.begin(call, time.Time{}) })
	}
}

// run is world.run, and wants no promise broken.
func (f *farm) run(t *testing.T, seed uint64) {
	t.Helper()
	f.world.run()
	for _, w := range f.wrong {
		t.Fatalf("seed %d: %s", seed, w)
	}
}

// Equal replicas get equal shares in the long run, busy or not.
func TestEqualReplicasGetEqualShares(t *testing.T) {
	oneGoroutine(t)
	for _, every := range []time.Duration{3 * ms, 50 * ms} {
		t.Run(fmt.Sprintf("every=%v", every), func(t *testing.T) {
			eachBalancer(t, 3, func(t *testing.T, seed uint64, bal rota.Balancer) {
				const nodes = 6
				f := newFarm(seed, rota.Policy{}, nodes, bal)
				got := make([]int, nodes)
				f.picked = func(i int) { got[i]++ }
				f.traffic(4000*every, every)
				f.run(t, seed)
				for _, g := range got {
					if want := f.calls / nodes; g < want*7/10 || g > want*13/10 {
						t.Errorf("seed %d: %v of %d calls, want each within 30 %% of %d", seed, got, f.calls, want)
						break
					}
				}
			})
		})
	}
}

// A replica that was bad for a while and is well again gets its share again. There is no breaker here to help.
func TestNoReplicaStarves(t *testing.T) {
	oneGoroutine(t)
	faults := map[string]func() (time.Duration, *rota.Outcome){
		"fails at once": func() (time.Duration, *rota.Outcome) {
			return ms / 10, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		},
		"is slow": func() (time.Duration, *rota.Outcome) { return 100 * typicalWork, &rota.Outcome{} },
		"refuses": func() (time.Duration, *rota.Outcome) {
			return ms / 10, &rota.Outcome{Verdict: rota.Overload, Err: errFull}
		},
		"hangs and fail": func() (time.Duration, *rota.Outcome) {
			return 5 * time.Second, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			eachBalancer(t, 2, func(t *testing.T, seed uint64, bal rota.Balancer) {
				const nodes, begin, end, again, last = 6, 10 * time.Second, 25 * time.Second, 85 * time.Second, 115 * time.Second
				f := newFarm(seed, rota.Policy{Retry: &rota.Retry{}}, nodes, bal)
				got, all := 0, 0
				f.picked = func(i int) {
					if now := f.now.Sub(epoch); now >= again {
						all++
						if i == 0 {
							got++
						}
					}
				}
				f.after(begin, func() { f.replicas[0].fault = fault })
				f.after(end, func() { f.replicas[0].fault = nil })
				f.traffic(last, 30*ms)
				f.run(t, seed)
				if want := all / nodes; got < want/2 || got > want*3/2 {
					t.Errorf("seed %d: a minute after it was well it got %d of %d calls, want about %d", seed, got, all, want)
				}
			})
		})
	}
}

// watched is a picker whose every choice is checked.
type watched struct {
	rota.Picker
	nodes []*rota.Node
	wrong func(format string, args ...any)
}

func (w watched) Pick(p *rota.Pick) *rota.Node {
	var usable []*rota.Node
	for _, n := range w.nodes {
		if p.Usable(n) {
			usable = append(usable, n)
		}
	}
	n := w.Picker.Pick(p)
	switch {
	case n == nil && len(usable) > 0:
		w.wrong("no node was picked, though %d are usable", len(usable))
	case n != nil && !slices.Contains(w.nodes, n):
		w.wrong("%s was picked, which is not in the set", n.Instance().Addr)
	case n != nil && !slices.Contains(usable, n):
		w.wrong("%s was picked, which is not usable", n.Instance().Addr)
	}
	return n
}

func (w watched) Ended(n *rota.Node, e *rota.End) {
	if l, ok := w.Picker.(rota.Learner); ok {
		l.Ended(n, e)
	}
}

func (w watched) Probed(now time.Duration, n *rota.Node, l rota.Load) {
	if p, ok := w.Picker.(rota.Prober); ok {
		p.Probed(now, n, l)
	}
}

func (w watched) Tick(t *rota.Tick) time.Duration {
	if k, ok := w.Picker.(rota.Ticker); ok {
		return k.Tick(t)
	}
	return time.Second
}

// What is picked is in the set, has not been tried by the call and does not rest; and something is picked when anything
// is usable. Meanwhile replicas come and go, fail, and ask to be left alone.
func TestWhatIsPickedIsUsable(t *testing.T) {
	eachBalancer(t, 10, func(t *testing.T, seed uint64, bal rota.Balancer) {
		const most, end = 12, 10 * time.Second
		var f *farm
		policy := rota.Policy{Retry: &rota.Retry{Attempts: 5}, Budget: rota.Budget{Ratio: 1}}
		policy.SlowStart = -1 // in slow start Usable throws dice
		f = newFarm(seed, policy, most,
			func(nodes []*rota.Node) rota.Picker {
				return watched{bal(nodes), nodes, func(format string, args ...any) { f.broken(format, args...) }}
			})
		for i := range f.replicas {
			if f.IntN(2) == 0 {
				f.replicas[i].fault = func() (time.Duration, *rota.Outcome) {
					switch f.IntN(3) {
					case 0:
						return ms, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
					case 1:
						return ms, &rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Duration(f.IntN(2000)) * ms, Err: errFull}
					}
					return typicalWork, nil
				}
			}
		}
		for at := time.Duration(0); at < end; at += time.Duration(f.IntN(800)) * ms {
			f.after(at, func() {
				set := zoned(instances(most))
				f.Shuffle(most, func(i, j int) { set[i], set[j] = set[j], set[i] })
				set = set[:1+f.IntN(most)]
				for i := range set {
					set[i].Weight = f.IntN(4)
				}
				f.cl.Update(f.now, set)
				f.cl.Tick(f.now)
			})
		}
		f.traffic(end, 10*ms)
		f.run(t, seed)
	})
}

// What was learned of a replica outlives changes of the set: one that is slow gets no more because others come and go.
func TestKnowledgeOutlivesTheSet(t *testing.T) {
	share := func(t *testing.T, seed uint64, bal rota.Balancer, churn bool) float64 {
		const nodes, end = 6, 15 * time.Second
		f := newFarm(seed, rota.Policy{}, nodes, bal)
		f.replicas[0].slow = 20
		got, all := 0.0, 0.0
		f.picked = func(i int) {
			if i < nodes-1 && f.now.Sub(epoch) > 5*time.Second {
				all++
				if i == 0 {
					got++
				}
			}
		}
		f.cl.Update(f.now, instances(nodes-1))
		for i := range int(end / (100 * ms)) {
			f.after(time.Duration(i)*100*ms, func() {
				if churn {
					f.cl.Update(f.now, instances(nodes-i%2))
					f.cl.Tick(f.now)
				}
			})
		}
		f.traffic(end, 5*ms)
		f.run(t, seed)
		return got / all
	}
	for _, c := range everyBalancer() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(max(2*seeds/1000, 1)) {
				calm, churn := share(t, seed, c.make(), false), share(t, seed, c.make(), true)
				if churn > calm*1.5+0.02 {
					t.Errorf("seed %d: the slow one got %.3f of the calls, and %.3f when others came and went", seed, calm, churn)
				}
			}
		})
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	for _, c := range everyBalancer() {
		for _, n := range []int{1, 3, 100} {
			pick := rehearsed(c.make(), zoned(instances(n))).Picks(epoch.Add(time.Second))
			if allocs := testing.AllocsPerRun(1000, func() { pick() }); allocs > 0 {
				t.Errorf("%s, %d nodes: %v allocations a pick", c.name, n, allocs)
			}
		}
	}
}

// Calls, updates and ticks at the same time: for the race detector, and nothing is left in flight.
func TestBalancersInAStorm(t *testing.T) {
	for _, c := range everyBalancer() {
		t.Run(c.name, func(t *testing.T) {
			const callers, calls, nodes = 4, 1000 + 2*seeds, 8
			cl := rota.NewCluster(rota.ClusterParams{
				Policy:   rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}},
				Balancer: c.make(), Now: epoch, Rand: rand.Uint64, Concurrent: true,
			})
			cl.Update(epoch, zoned(instances(nodes)))
			var wg sync.WaitGroup
			for g := range callers {
				wg.Go(func() { stormyCalls(cl, rand.New(rand.NewPCG(uint64(g), 0)), calls) })
			}
			wg.Go(func() {
				for i := range calls / 10 {
					now := epoch.Add(time.Duration(i) * 10 * ms)
					cl.Update(now, zoned(instances(nodes-i%3)))
					cl.Tick(now)
				}
			})
			wg.Wait()
			for _, n := range cl.Nodes() {
				if n.InFlight() != 0 {
					t.Errorf("%s has %d in flight at the end", n.Instance().Addr, n.InFlight())
				}
			}
		})
	}
}

func stormyCalls(cl *rota.Cluster, r *rand.Rand, calls int) {
	for i := range calls {
		now := epoch.Add(time.Duration(i) * ms)
		p := cl.Plan(now, time.Time{}, rota.Call{Idempotent: true, Key: r.Uint64()})
		for s := p.Next(now); s.Kind != rota.StepDone; s = p.Next(now) {
			if s.Kind == rota.StepWait {
				now = s.At
				continue
			}
			now = now.Add(time.Duration(r.IntN(int(10 * ms))))
			o := rota.Outcome{Verdict: rota.Verdict(max(0, r.IntN(20)-16)), Err: errBroken}
			o.Load = rota.Load{Known: true, RIF: r.IntN(9), Latency: ms, Rate: r.Float64(), Utilization: r.Float64()}
			p.Ended(now, s.Attempt, o)
		}
		p.Close()
	}
}
