package sim

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// chain is three services that call each other, and a client that calls the first; the last fails every request.
func chain(bare bool, p rota.Policy) *Experiment {
	service := func(name string, calls ...Downstream) Service {
		return Service{Name: name, Replicas: 3, Bare: bare, Server: Server{Cores: 8, Work: &Dist{Const: ms(1)}}, Calls: calls}
	}
	return &Experiment{
		Name: "chain", Measure: 20 * time.Second, Network: Network{Delay: &Dist{Const: new(time.Duration)}},
		Services: []Service{service("a", Downstream{Service: "b"}), service("b", Downstream{Service: "c"}), service("c")},
		Clients:  []Client{{Rate: 50}},
		Faults:   []Fault{{Service: "c", Share: 1, Kind: "errors"}},
		Policies: []Variant{{Name: "p", Policy: config.Policy{Policy: p}}},
	}
}

var unbounded = rota.Policy{Retry: &rota.Retry{Attempts: 3}, Budget: rota.Budget{MinPerSecond: 1e6}}

func TestThreeTiersMultiply(t *testing.T) {
	r := rowOf(t, chain(true, unbounded))
	for i, want := range []float64{3, 9, 27} { // some are made after the end
		about(t, r.Services[i].Name+"'s attempts for each call of a user", r.Services[i].AttemptsPerCall, want, 0.01*want)
	}
	if r.Errors != r.Calls {
		t.Errorf("%v calls of %v fail, want all", r.Errors, r.Calls)
	}
}

// TestOneLayerRepeats is the same with servers that pass on the number of the attempt, and that it was repeated below.
func TestOneLayerRepeats(t *testing.T) {
	r := rowOf(t, chain(false, unbounded))
	for i, want := range []float64{1, 1, 3} { // some are made after the end
		about(t, r.Services[i].Name+"'s attempts for each call of a user", r.Services[i].AttemptsPerCall, want, 0.01*want)
	}
	if got := r.ErrorsBy["final"]; got != r.Errors || got == 0 {
		t.Errorf("%v of %v errors are final", got, r.Errors)
	}
}

// TestRepeatedRequestsAreNotRepeatedBelow lets the first tier fail half of the requests: those that come again are second
// attempts, for which b is called once only.
func TestRepeatedRequestsAreNotRepeatedBelow(t *testing.T) {
	for _, bare := range []bool{false, true} {
		e := chain(bare, unbounded)
		e.Faults = []Fault{{Service: "a", Share: 1, Kind: "errors"}}
		w, on := lived(t, e, time.Second)
		a := w.services[0].servers[0]
		a.faults = nil
		numbers := map[int]int{}
		for range 5000 {
			on(w.now + time.Millisecond)
			for _, s := range w.services[1].servers {
				for r := s.here.first; r != nil; r = r.links[inHere].next {
					numbers[r.number]++
				}
			}
		}
		if bare && (numbers[1] == 0 || numbers[2]+numbers[3] > 0) || !bare && (numbers[1] == 0 || numbers[2] == 0 || numbers[3] == 0) {
			t.Errorf("bare %v: the attempts' numbers at the second tier are %v", bare, numbers)
		}
	}
}

// TestDeadlinesArePassedOn lets the last tier hang, with calls that have 200 ms.
func TestDeadlinesArePassedOn(t *testing.T) {
	for _, bare := range []bool{false, true} {
		e := chain(bare, rota.Policy{})
		e.Clients[0].Timeout = 200 * time.Millisecond
		e.Faults = []Fault{{Service: "c", Share: 1, Kind: "slow", Factor: 1e6}}
		for i := range e.Services {
			e.Services[i].Server.Zombie = true // nobody is told who leaves, so only deadlines end anything
		}
		w, on := lived(t, e, 10*time.Second)
		w.load = 0
		w.sources[0].reschedule()
		on(w.now + 300*time.Millisecond)
		b := 0
		for _, x := range w.services[1].servers {
			b += x.here.n
		}
		if bare != (b > 100) || !bare && b > 0 {
			t.Errorf("bare %v: %d requests wait at the second tier, 300 ms after the last call of 200 ms", bare, b)
		}
		on(w.now + 6*time.Second)
		for _, x := range w.services[1].servers {
			if x.here.n > 0 {
				t.Errorf("bare %v: %d requests wait at the second tier for ever", bare, x.here.n)
			}
		}
	}
}

func TestFanOutWaitsForAll(t *testing.T) {
	e := chain(false, rota.Policy{})
	e.Faults = nil
	e.Services[0].Calls = []Downstream{{Service: "b", Count: 3}, {Service: "c", Count: 2}}
	e.Services[1].Calls = nil
	e.Clients[0].Fanout = 4
	r := rowOf(t, e)
	for i, want := range []float64{4, 12, 8} {
		about(t, r.Services[i].Name+"'s attempts for each request of a user", r.Services[i].AttemptsPerCall, want, 0.01*want)
	}
	if r.AttemptsPerCall != 1 || r.Errors > 0 {
		t.Errorf("%v attempts a call and %v errors", r.AttemptsPerCall, r.Errors)
	}
	about(t, "p50: one's own work, then 3 calls at once, then 2", r.Latency.P50, 3, 0.3)
	e.Faults = []Fault{{Service: "c", Kind: "errors", Rate: 0.1, Share: 1}}
	r = rowOf(t, e)
	about(t, "share of requests of which one call in eight fails", r.Errors/r.Calls, 1-0.43047, 0.05) // 1 - 0.9^8
	if n := r.ErrorsBy["attempts"]; n != r.Errors {
		t.Errorf("%v errors, %v of them of attempts", r.Errors, n)
	}
}
