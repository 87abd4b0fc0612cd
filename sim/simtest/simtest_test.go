package simtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/sim"
	"github.com/rota-go/rota/sim/simtest"
)

// recorder is a test that writes down how it fails.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// fatal returns what a test fails with that does not go on.
func fatal(t *testing.T, f func(t testing.TB)) (text string) {
	r := &recorder{TB: t}
	defer func() {
		if recover() != nil {
			text = strings.Join(r.errors, "\n")
		}
	}()
	f(r)
	return ""
}

func TestGoodPolicyPasses(t *testing.T) {
	r := simtest.Run(t, simtest.Fleet{
		Replicas: 5, Load: 0.6,
		Policy:   rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}},
		Balancer: func() rota.Balancer { return rota.PowerOfTwo(2) },
		Faults:   []sim.Fault{{At: 5 * time.Second, For: 5 * time.Second, Kind: "errors"}},
	})
	r.P99(500 * time.Millisecond)
	r.AtMost("error_share", 0.01)
	r.AtMost("attempts_per_call", 1.1)
	r.AtMost("services.fleet.utilization", 0.7)
	r.AtLeast("goodput", 250)
	r.Recovers(2 * time.Second)
}

// favourite is a bad balancer of a user's own: it takes the first replica that it can.
func favourite(nodes []*rota.Node) rota.Picker { return first(nodes) }

type first []*rota.Node

func (f first) Pick(p *rota.Pick) *rota.Node {
	for _, n := range f {
		if p.Usable(n) {
			return n
		}
	}
	return nil
}

func TestBadPolicyIsCaught(t *testing.T) {
	tests := []struct {
		name  string
		fleet simtest.Fleet
		check func(*simtest.Result)
		want  string // the beginning of the error
		end   string
	}{
		{
			"everybody calls the first", simtest.Fleet{Load: 0.2, Balancer: func() rota.Balancer { return favourite }, Seed: 7},
			func(r *simtest.Result) { r.AtMost("imbalance", 1.5) },
			"imbalance = 10, want at most 1.5", "(simtest, policy policy, load 0.2, seed 7)",
		},
		{
			"which is slow", simtest.Fleet{Load: 0.2, Balancer: func() rota.Balancer { return favourite }, Seeds: 3, Measure: 5 * time.Second},
			func(r *simtest.Result) { r.P99(100 * time.Millisecond) },
			"latency_ms.p99 = 999", "(simtest, policy policy, load 0.2, seed 1 and 2 more)",
		},
		{
			"a budget that is none", simtest.Fleet{
				Policy: rota.Policy{Retry: &rota.Retry{Attempts: 4}, Budget: rota.Budget{MinPerSecond: 1e6}},
				Faults: []sim.Fault{{Share: 1, Kind: "errors"}},
			},
			func(r *simtest.Result) { r.AtMost("attempts_per_call", 1.2) },
			"attempts_per_call = 3.99", "",
		},
		{
			"no retries", simtest.Fleet{Faults: []sim.Fault{{Share: 0.5, Kind: "down"}}},
			func(r *simtest.Result) { r.AtMost("error_share", 0.01) }, "error_share = 0.", "",
		},
		{
			"less goodput than that", simtest.Fleet{}, func(r *simtest.Result) { r.AtLeast("goodput", 1e6) }, "goodput = 7", "",
		},
		{
			"no recovery", simtest.Fleet{Faults: []sim.Fault{
				{At: time.Second, For: time.Second, Share: 1, Kind: "down"}, {At: 2 * time.Second, For: 17999 * time.Millisecond, Share: 1, Kind: "down"}}},
			func(r *simtest.Result) { r.Recovers(5 * time.Second) }, "recovery_s is never, want at most 5", "",
		},
		{
			"a number there is not", simtest.Fleet{}, func(r *simtest.Result) { r.AtMost("p99", 5) },
			`simtest: "p99" is no number of a result, want error_share, `, "",
		},
		{
			"a recovery from nothing", simtest.Fleet{}, func(r *simtest.Result) { r.Recovers(time.Second) },
			"simtest: there is no recovery_s: it wants faults", "",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			test.check(simtest.Run(r, test.fleet))
			if got := strings.Join(r.errors, "\n"); !strings.HasPrefix(got, test.want) || !strings.HasSuffix(got, test.end) {
				t.Errorf("the test fails with %q, want %q … %q", got, test.want, test.end)
			}
		})
	}
}

func TestFleetThatCannotBeMeant(t *testing.T) {
	got := fatal(t, func(t testing.TB) { simtest.Run(t, simtest.Fleet{Replicas: -1}) })
	if want := "simtest: sim: services[0].replicas: -1, want 1 to 1000000"; got != want {
		t.Errorf("Run() fails with %q, want %q", got, want)
	}
	got = fatal(t, func(t testing.TB) { simtest.File(t, "testdata/nothing.json") })
	if want := "simtest: open testdata/nothing.json"; !strings.HasPrefix(got, want) {
		t.Errorf("File() fails with %q, want %q", got, want)
	}
	got = fatal(t, func(t testing.TB) { simtest.File(t, "testdata/bad.json") })
	if want := "simtest: testdata/bad.json: line 3: measrue: unknown key, did you mean measure?"; got != want {
		t.Errorf("File() fails with %q, want %q", got, want)
	}
}

func TestFile(t *testing.T) {
	results := simtest.File(t, "testdata/fleet.json")
	if len(results) != 4 {
		t.Fatalf("%d results, want two policies under two loads", len(results))
	}
	for _, r := range results {
		r.AtMost("error_share", 0)
		r.AtMost("latency_ms.p50", 50)
	}
	if got, want := results[3].String(), "fleet, policy ll-p2c, load 0.8, seed 1"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
