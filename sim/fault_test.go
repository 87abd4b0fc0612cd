package sim

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// fleet is a service of n replicas that take 1 ms for a request, whose clients make 1000 calls a second with a deadline of
// 5 s, at random and without retries.
func fleet(n int, faults ...Fault) *Experiment {
	return &Experiment{
		Name: "fleet", Measure: 20 * time.Second, Network: Network{Delay: &Dist{Const: new(time.Duration)}}, Faults: faults,
		Services: []Service{{Name: "s", Replicas: n, Server: Server{Cores: 4, Work: &Dist{Const: ms(1)}}}},
		Clients:  []Client{{Count: 2, Rate: 1000}},
		Policies: []Variant{{Name: "p", Policy: config.Policy{Balancer: config.Balancer{Name: "random"}}}},
	}
}

// lived returns a world that has come to a time of its first step, and how to go on.
func lived(t *testing.T, e *Experiment, to time.Duration) (*world, func(time.Duration)) {
	t.Helper()
	e, err := e.Complete()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(e, &e.Policies[0], 1)
	w.enter(w.newTally(Step{Load: 1}, true))
	w.timeline.start(w, e.Measure)
	w.planFaults(0)
	on := func(to time.Duration) {
		t.Helper()
		if err := w.until(context.Background(), to); err != nil {
			t.Fatal(err)
		}
	}
	on(to)
	return w, on
}

func rowOf(t *testing.T, e *Experiment) *Row {
	t.Helper()
	r, err := Run(t.Context(), e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &r.Runs[0]
}

func about(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if !(math.Abs(got-want) <= off) {
		t.Errorf("%s = %v, want %v ± %v", what, got, want, off)
	}
}

// TestFaults lets each kind of fault happen to one replica of four, from 5 s to 15 s: it meets 2500 of the calls.
func TestFaults(t *testing.T) {
	const from, long = 5 * time.Second, 10 * time.Second
	tests := []struct {
		name            string
		fault           Fault
		errors          float64 // ± 10 %
		by              string
		p50, p90, slows float64 // ms; slows is the max
	}{
		{"down", Fault{Kind: "down"}, 2500, "not repeatable or attempts", 1, 1, 1},
		{"restart", Fault{Kind: "restart", Cold: 40, ColdFor: 2 * time.Second}, 2500, "", 1, 0, 0},
		{"leave", Fault{Kind: "leave"}, 0, "", 1, 1, 1},
		{"pause", Fault{Kind: "pause"}, 1250, "timeout", 1, 0, 0}, // those of the first half have left when it goes on
		{"blackhole", Fault{Kind: "blackhole"}, 2500, "timeout", 1, 0, 0},
		{"slow", Fault{Kind: "slow", Factor: 10}, 0, "", 1, 10, 0},
		{"capacity", Fault{Kind: "capacity", Factor: 0.125}, 0, "", 1, 0, 0},
		{"errors", Fault{Kind: "errors", After: 3 * time.Millisecond}, 2500, "attempts", 1, 0, 0},
		{"some errors", Fault{Kind: "errors", Rate: 0.2}, 500, "attempts", 1, 0, 0},
		{"overload", Fault{Kind: "overload", Rate: 0.2}, 0, "overload", 1, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.fault
			f.At, f.For, f.Replicas = from, long, []int{2}
			r := rowOf(t, fleet(4, f))
			if test.fault.Kind != "overload" { // callers rest for the second that they are told
				about(t, "errors", r.Errors, test.errors, 5+test.errors/10)
			}
			if len(test.by) > 0 && test.fault.Kind != "down" && r.Errors > 0 {
				about(t, "errors by "+test.by, r.ErrorsBy[test.by], r.Errors, 3)
			}
			if test.fault.Kind != "capacity" && test.fault.Kind != "pause" {
				about(t, "p50", r.Answered.P50, test.p50, 0.2)
			}
			if test.slows > 0 {
				about(t, "max", r.Answered.Max, test.slows, 3)
			}
			if test.fault.Kind == "slow" {
				about(t, "p90", r.Latency.P90, 10, 3)
			}
		})
	}
}

func TestPauseHoldsWhatArrives(t *testing.T) {
	w, on := lived(t, fleet(1, Fault{At: time.Second, For: 2 * time.Second, Kind: "pause"}), 2999*time.Millisecond)
	x := w.services[0].servers[0]
	if n := x.held.n + x.here.n; n < 1800 || n > 2200 || int64(n) != w.current.calls-w.current.good {
		t.Errorf("a paused replica has %d requests, want those of two seconds", n)
	}
	good := w.current.good
	on(2*time.Second + 999*time.Millisecond)
	if w.current.good != good {
		t.Error("a paused replica answers")
	}
	on(6 * time.Second)
	if y := w.current; y.errors > 0 || y.calls-y.good > 20 || x.held.n > 0 {
		t.Errorf("afterwards %d calls of %d were answered, %d failed, %d held", y.good, y.calls, y.errors, x.held.n)
	}
	about(t, "the longest", w.current.took.max.Seconds(), 2.5, 0.7)
}

func TestPausedProcessNeitherGivesUpNorCalls(t *testing.T) {
	e := fleet(1, Fault{At: time.Second, For: 2 * time.Second, Kind: "pause"})
	e.Services[0].Server.Limit = &Limit{Max: 1, Queue: 1000} // waits of 100 ms would be over
	e.Services[0].Calls = []Downstream{{Service: "b"}}
	e.Services = append(e.Services, Service{Name: "b", Replicas: 1, Server: Server{Cores: 4, Work: &Dist{Const: ms(1)}}})
	w, on := lived(t, e, time.Second)
	x, b := w.services[0].servers[0], &w.current.services[1].attempts[0]
	refused, sent := x.refused, *b
	on(2900 * time.Millisecond)
	if x.refused != refused || *b != sent {
		t.Errorf("while it is paused it refuses %d requests and makes %d calls", x.refused-refused, *b-sent)
	}
	on(10 * time.Second)
	if x.refused == refused || *b == sent || len(x.asleep) > 0 {
		t.Errorf("afterwards it refuses %d requests and makes %d calls, %d things are asleep", x.refused-refused, *b-sent, len(x.asleep))
	}
}

func TestFaultsMoveOn(t *testing.T) {
	tests := []struct {
		name  string
		fault Fault
		want  []int // how many are down, a second after another from 500 ms on
	}{
		{"one", Fault{}, []int{1, 1, 0}},
		{"one to the end", Fault{For: -1}, []int{1, 1, 1}},
		{"a share", Fault{Share: 0.5}, []int{3, 3, 0}},
		{"named ones", Fault{Replicas: []int{1, 4}}, []int{2, 2, 0}},
		{"one after the other", Fault{Every: 2 * time.Second}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}},
		{"and they overlap", Fault{Every: time.Second}, []int{1, 2, 2, 2, 2, 2, 1, 0}},
		{"two at a time", Fault{Every: 2 * time.Second, Count: 4}, []int{4, 4, 2, 2, 0}},
		{"named ones, one by one", Fault{Every: 3 * time.Second, Replicas: []int{1, 4}}, []int{1, 1, 0, 1, 1, 0}},
		{"named ones, two by two", Fault{Every: 3 * time.Second, Replicas: []int{1, 4, 5}, Count: 2}, []int{2, 2, 0, 1, 1, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.fault
			if f.Kind = "down"; f.For == 0 {
				f.For = 2 * time.Second
			}
			f.For = max(f.For, 0)
			w, on := lived(t, fleet(6, f), 500*time.Millisecond)
			for _, want := range test.want {
				down := 0
				for k, x := range w.services[0].servers {
					if x.condition.down {
						if down++; f.Replicas != nil && k != 1 && k != 4 && k != 5 {
							t.Errorf("replica %d is down", k)
						}
					}
				}
				if down != want {
					t.Errorf("after %v %d are down, want %d", w.now, down, want)
				}
				on(w.now + time.Second)
			}
		})
	}
}

func TestFaultsOfOneReplicaAddUp(t *testing.T) {
	w, on := lived(t, fleet(1,
		Fault{At: 1 * time.Second, For: 2 * time.Second, Kind: "down"}, Fault{At: 2 * time.Second, For: 3 * time.Second, Kind: "leave"},
		Fault{At: 1 * time.Second, For: 2 * time.Second, Kind: "slow", Factor: 3}, Fault{At: 2 * time.Second, For: 5 * time.Second, Kind: "slow", Factor: 5},
		Fault{At: 6 * time.Second, For: time.Second, Kind: "capacity", Factor: 0.5},
	), 500*time.Millisecond)
	x := w.services[0].servers[0]
	for _, want := range []struct {
		down        bool
		slow, cores float64
	}{{false, 1, 4}, {true, 3, 4}, {true, 15, 4}, {true, 5, 4}, {true, 5, 4}, {false, 5, 4}, {false, 5, 2}, {false, 1, 4}} {
		if x.condition.down != want.down || x.slow != want.slow || x.cores != want.cores {
			t.Errorf("after %v it is down: %v, %v times as slow, with %v cores, want %+v", w.now, x.condition.down, x.slow, x.cores, want)
		}
		on(w.now + time.Second)
	}
	if got := x.inst.Addr; got != "s-0.1" {
		t.Errorf("it came back as %s, want s-0.1", got)
	}
}

func TestRestartIsColdAndDrains(t *testing.T) {
	w, on := lived(t, fleet(2, Fault{At: 2 * time.Second, For: time.Second, Drain: time.Second, Kind: "restart",
		Cold: 3, ColdFor: time.Second, Replicas: []int{0}}), 1500*time.Millisecond)
	x := w.services[0].servers[0]
	before := w.current.services[0].attempts[0]
	if !x.draining {
		t.Error("it does not say that it will stop")
	}
	on(1999 * time.Millisecond)
	if n := w.current.services[0].attempts[0] - before; n > 5 {
		t.Errorf("it gets %d attempts after it has said so", n)
	}
	on(2500 * time.Millisecond)
	if !x.condition.down {
		t.Error("it does not stop")
	}
	on(3500 * time.Millisecond)
	if x.condition.down || x.draining || x.slow != 3 {
		t.Errorf("afterwards it is %+v", x.condition)
	}
	on(4500 * time.Millisecond)
	if x.slow != 1 {
		t.Errorf("it stays cold: %+v", x.condition)
	}
}

// TestWorkForNobody times all calls out, by a server that drops what nobody waits for and by one that does not.
func TestWorkForNobody(t *testing.T) {
	for _, zombie := range []bool{false, true} {
		e := fleet(1)
		e.Services[0].Server = Server{Workers: 1, Work: &Dist{Const: ms(100)}, Zombie: zombie}
		e.Clients = []Client{{Rate: 8, Timeout: 50 * time.Millisecond}}
		r := rowOf(t, e)
		want, wasted := 0.4, 0.0 // half of the work of those that find it idle, and they do
		if zombie {
			want, wasted = 0.8, r.Calls
		} else if r.Services[0].Utilization > want || r.Services[0].Utilization < 0.3 {
			t.Errorf("utilization of cancelled work = %v, want somewhat less than %v", r.Services[0].Utilization, want)
		}
		if r.Errors != r.Calls {
			t.Errorf("%v calls of %v time out, want all", r.Errors, r.Calls)
		}
		if zombie {
			about(t, "utilization", r.Services[0].Utilization, want, 0.1)
		}
		about(t, "worked off for nobody", r.Services[0].Wasted, wasted, 12)
	}
}

// TestLateRequestsAreDropped has a server that does not notice who leaves, and one that at least looks at the deadline.
func TestLateRequestsAreDropped(t *testing.T) {
	for _, late := range []bool{false, true} {
		e := fleet(1)
		e.Services[0].Server = Server{Workers: 1, Work: &Dist{Const: ms(10)}, Zombie: true, DropLate: late}
		e.Clients = []Client{{Rate: 200, Timeout: 100 * time.Millisecond}}
		r := rowOf(t, e)
		s := r.Services[0]
		if late && (s.Dropped < 1500 || r.Goodput < 10) || !late && (s.Dropped != 0 || r.Goodput > 5) {
			t.Errorf("drop_late %v: %v dropped, %v answered a second", late, s.Dropped, r.Goodput)
		}
		e.Services[0].Bare = true
		if s := rowOf(t, e).Services[0]; s.Dropped != 0 {
			t.Errorf("a server that knows nothing of deadlines drops %v", s.Dropped)
		}
	}
}

// TestVariantsBringTheirBalancer also wants subsets and zones to be those of the policy.
func TestVariantsBringTheirBalancer(t *testing.T) {
	e := fleet(10)
	e.Policies[0].NewBalancer = func() rota.Balancer {
		return func(nodes []*rota.Node) rota.Picker { return onlyFirst(nodes) }
	}
	if r := rowOf(t, e); r.Imbalance != 10 {
		t.Errorf("imbalance = %v, want 10: all calls go to the first replica", r.Imbalance)
	}
	e.Services[0].Zones, e.Clients[0].Zone = []string{"a", "b"}, "b"
	e.Policies[0].Policy.Zone = &rota.ZoneParams{}
	w, _ := lived(t, e, time.Second)
	if a := w.current.services[0].attempts; a[1] == 0 || a[0] > 0 {
		t.Errorf("attempts %v, want all at the first replica of zone b", a)
	}
	e = fleet(10)
	e.Clients[0].Count = 1
	e.Policies[0].Policy.Subset = &config.Subset{Size: 3}
	w, _ = lived(t, e, time.Second)
	used := 0
	for _, n := range w.current.services[0].attempts {
		if n > 0 {
			used++
		}
	}
	if used != 3 {
		t.Errorf("a client uses %d replicas, want 3", used)
	}
}

type onlyFirst []*rota.Node

func (o onlyFirst) Pick(p *rota.Pick) *rota.Node {
	for _, n := range o {
		if p.Usable(n) {
			return n
		}
	}
	return nil
}
