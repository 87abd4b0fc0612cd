package sim

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota/config"
)

// TestEveryPolicyMeetsTheSameWorld compares what the actors of worlds with different policies, and even different servers,
// have drawn so far: the next number of each is the same only if all before were.
func TestEveryPolicyMeetsTheSameWorld(t *testing.T) {
	e, err := (&Experiment{
		Name: "e",
		Services: []Service{{Name: "s", Replicas: 10, Server: Server{
			Cores: 2, Work: &Dist{Exp: ms(10)}, Capacity: &Capacity{Strata: []Stratum{{0.5, 0.5, 1}, {0.5, 1, 2}}, Dwell: 200 * time.Millisecond},
		}}},
		Clients: []Client{{Count: 5, Keys: 50, KeySkew: 1, Timeout: 200 * time.Millisecond}},
	}).Complete()
	if err == nil {
		t.Fatal("an experiment without policies is complete")
	}
	var want []uint64
	for i, name := range config.Balancers() {
		v := &Variant{Name: name, Policy: config.Policy{Balancer: config.Balancer{Name: name}}}
		if i%2 > 0 {
			s := e.Services[0].Server
			s.Limit, s.Cores, s.Workers = &Limit{Max: 4}, 3, 7
			v.Servers = map[string]Server{"s": s}
		}
		w := newWorld(e, v, 1)
		w.enter(w.newTally(Step{Load: 0.9}, true))
		if err := w.until(context.Background(), time.Second); err != nil {
			t.Fatal(err)
		}
		got := []uint64{uint64(w.current.calls)}
		for _, s := range w.sources {
			got = append(got, s.rand.Uint64(), uint64(s.arrival.at), s.keys())
		}
		m := w.services[0].machine
		got = append(got, m.rand.Uint64())
		for k, x := range w.services[0].servers {
			got = append(got, uint64(m.rank[k]), uint64(1e6*x.machine))
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s meets another world than %s", name, config.Balancers()[0])
		}
	}
}

// TestCapacitiesAreExactAndChange watches the machines of 20 replicas for an hour.
func TestCapacitiesAreExactAndChange(t *testing.T) {
	const dwell = 10 * time.Second
	strata := []Stratum{{0.25, 0.5, 0.6}, {0.5, 1, 1}, {0.25, 2, 6}}
	e, _ := (&Experiment{
		Name:     "e",
		Services: []Service{{Name: "s", Replicas: 20, Server: Server{Capacity: &Capacity{Strata: strata, Dwell: dwell}}}},
		Clients:  []Client{{Rate: 1e-9}},
	}).Complete()
	w := newWorld(e, &Variant{Name: "v"}, 1)
	w.enter(w.newTally(Step{Load: 1}, false))
	s := w.services[0]
	mix := func() []float64 {
		var list []float64
		for _, x := range s.servers {
			list = append(list, x.cores)
		}
		return list
	}
	first := mix()
	slices.Sort(first)
	changes, last := 0, s.machine.rank[7]
	for w.now < time.Hour {
		w.next()
		now := mix()
		slices.Sort(now)
		if !slices.Equal(now, first) {
			t.Fatalf("at %v the capacities are %v, at first %v", w.now, now, first)
		}
		if s.machine.rank[7] != last {
			last = s.machine.rank[7]
			changes++
		}
	}
	for i, want := range []float64{0.51, 0.53, 0.55, 0.57, 0.59, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2.4, 3.2, 4, 4.8, 5.6} {
		if math.Abs(first[i]-want) > 1e-9 {
			t.Errorf("the capacities are %v, want at %d %v, the quantile of the strata", first, i, want)
		}
	}
	if changes < 300 || changes > 420 {
		t.Errorf("a replica changed %d times in an hour, want about 360", changes)
	}
}
