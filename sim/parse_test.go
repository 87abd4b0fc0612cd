package sim_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/sim"
)

// world is an experiment that is right; the cases below change a line of it.
const world = `{
"name": "e0",
"loads": [0.7, 0.9],
"network": {"loss": 0},
"services": [
{"name": "front", "replicas": 10, "server": {"workers": 4, "work": {"exp": "5ms"}, "limit": {"max": 9}},
"groups": [{"share": 0.5, "work": 2}],
"calls": [{"service": "back", "count": 2}]},
{"name": "back", "replicas": 20, "server": {"work": "1ms"}}
],
"clients": [
{"count": 10}
],
"faults": [{"at": "10s",
"kind": "slow", "factor": 10}],
"policy": {"timeout": "2s", "retry": {"attempts": 2}},
"policies": [
"rr",
{"name": "two",
"policy": {"balancer": {"name": "p2c", "choices": 3}, "retry": "off"},
"calls": {"back": {"retry": {}}},
"servers": {"front": {"work": "3ms", "limit": {"min": 1}}}, "only": [0.9]}
],
"published": [{"policy": "two", "load": 0.9, "metric": "latency_ms.p99",
"value": 3}]
}`

func TestParse(t *testing.T) {
	e, err := sim.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	three := 3 * time.Millisecond
	front := e.Services[0].Server
	front.Work, front.Limit = &sim.Dist{Const: &three}, &sim.Limit{Max: 9, Min: 1}
	base := rota.Policy{Timeout: 2 * time.Second, Retry: &rota.Retry{Attempts: 2}}
	p2c := config.Balancer{Name: "p2c", Params: config.Choices{Choices: 3}}
	off := rota.Policy{Timeout: 2 * time.Second}
	again := rota.Policy{Timeout: 2 * time.Second, Retry: &rota.Retry{}}
	tests := []struct {
		name      string
		got, want any
	}{
		{"seed and seeds", []uint64{e.Seed, uint64(e.Seeds)}, []uint64{1, 1}},
		{"measure", e.Measure, 2 * time.Minute},
		{"a variant that is only named", e.Policies[0].Policy.Policy, base},
		{"its name", e.Policies[0].Name + e.Policies[0].Policy.Balancer.Name, "rrrr"},
		{"a variant's policy over the base", e.Policies[1].Policy, config.Policy{Balancer: p2c, Policy: off}},
		{"the policy of its calls over that", e.Policies[1].Calls["back"], config.Policy{Balancer: p2c, Policy: again}},
		{"its server over the service's", e.Policies[1].Servers["front"], front},
		{"cores", []float64{e.Services[0].Server.Cores, e.Services[1].Server.Cores}, []float64{4, 1}},
		{"order", e.Services[1].Server.Order, "fifo"},
		{"a group", e.Services[0].Groups, []sim.Group{{Share: 0.5, Work: 2, Weight: 1}}},
		{"a client", e.Clients, []sim.Client{{Name: "clients 1", Count: 10, Service: "front", Share: 1, Arrivals: "poisson", Timeout: 5 * time.Second, Fanout: 1}}},
		{"a fault", e.Faults, []sim.Fault{{At: 10 * time.Second, Service: "front", Count: 1, Kind: "slow", Factor: 10}}},
		{"the network", []time.Duration{*e.Network.Delay.Sum[0].Const, *e.Network.Delay.Sum[1].Exp, e.Network.Retransmit, e.Network.ProbeTimeout},
			[]time.Duration{100 * time.Microsecond, 50 * time.Microsecond, 200 * time.Millisecond, 100 * time.Millisecond}},
	}
	for _, test := range tests {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, test.got, test.want)
		}
	}
	if again, err := e.Complete(); err != nil || !reflect.DeepEqual(again, e) {
		t.Errorf("Complete() of what Parse() returned = %+v, %v", again, err)
	}
}

func TestParseFillsSteps(t *testing.T) {
	doc := edit(t, `"loads": [0.7, 0.9]`, `"measure": "7s", "steps": [{"load": 0.5}, ["busy", "3s", 2]], "lists": ["latency_ms.p50"]`)
	doc = strings.Replace(strings.Replace(doc, `, "only": [0.9]`, "", 1), `"load": 0.9,`, `"step": "busy",`, 1)
	e, err := sim.Parse([]byte(strings.Replace(doc, `"at": "10s"`, `"at": "9s"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := []sim.Step{{Name: "step 1", For: 7 * time.Second, Load: 0.5}, {Name: "busy", For: 3 * time.Second, Load: 2}}
	if !reflect.DeepEqual(e.Steps, want) || e.Loads != nil {
		t.Errorf("steps %+v and loads %v, want %+v and none", e.Steps, e.Loads, want)
	}
	_, err = sim.Parse([]byte(doc))
	if got := fmt.Sprint(err); got != "line 14: faults[0].at: 10s, want 0 to less than 10s, when the run ends" {
		t.Errorf("a fault after the end: %v", err)
	}
}

func TestParseSharesWhatIsLeft(t *testing.T) {
	e, err := sim.Parse([]byte(edit(t, `{"count": 10}`,
		`{"share": 0.4}, {}, {"rate": 5}, {"name": "c"}, {"service": "back"}`)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.4, 0.3, 0, 0.3, 1} {
		if got := e.Clients[i].Share; got < want-1e-9 || got > want+1e-9 {
			t.Errorf("clients[%d].share = %v, want %v", i, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"no JSON", `"name": "e0",`, `"name" "e0",`, `line 2: not JSON: invalid character '"' after object key`},
		{"an unknown key", `"count": 10`, `"cuont": 10`, "line 12: clients[0].cuont: unknown key, did you mean count?"},
		{"an unknown key of a policy", `"attempts": 2`, `"atempts": 2`, "line 16: policy.retry.atempts: unknown key, did you mean attempts?"},
		{"an unknown key of a variant", `"retry": "off"`, `"retry": {"bse": 1}`, "line 20: policies[1].policy.retry.bse: unknown key, did you mean base?"},
		{"a bad value of a variant's calls", `{"retry": {}}`, `{"retry": {"attempts": 99}}`, "line 21: policies[1].calls.back.retry.attempts: 99, want 0 (the default) to 8"},
		{"an unknown balancer", `"rr",`, `"rx",`, `line 18: policies[0].policy.balancer: "rx": unknown balancer, did you mean rr?`},
		{"a work without a unit", `"exp": "5ms"`, `"exp": 5`, `line 6: services[0].server.work.exp: 5 has no unit, want a duration such as "1.5s" or "20ms"`},
		{"a work of two kinds", `"exp": "5ms"`, `"exp": "5ms", "const": "1ms"`,
			"line 6: services[0].server.work: 2 kinds of distribution, want one of const, exp, uniform, normal, lognormal, quantiles, sum, mix"},
		{"a name that no file has", `"e0"`, `"a/b"`, `line 2: name: "a/b", want letters, digits and . _ -, because files are called so`},
		{"no name", `"name": "e0",`, ``, `line 1: name: "", want letters, digits and . _ -, because files are called so`},
		{"too many seeds", `"name": "e0",`, `"name": "e0", "seeds": -1,`, "line 2: seeds: -1, want 1 to 10000"},
		{"loads and steps", `"loads": [0.7, 0.9],`, `"loads": [0.9], "steps": [{}],`,
			"line 3: loads: there are steps as well: a load for each run, or steps of one run, not both"},
		{"a negative load", `[0.7, 0.9]`, `[-0.7, 0.9]`, "line 3: loads[0]: -0.7, want > 0"},
		{"a load twice", `[0.7, 0.9]`, `[0.9, 0.9]`, "line 3: loads[1]: 0.9, want every load once"},
		{"loss of all", `"loss": 0`, `"loss": 1`, "line 4: network.loss: 1, want 0 to less than 1"},
		{"no replicas", `"replicas": 20`, `"replicas": -1`, "line 9: services[1].replicas: -1, want 1 to 1000000"},
		{"a service twice", `{"work": "1ms"}}`, `{"work": "1ms"}}, {"name": "back"}`, `line 9: services[2].name: "back" is services[1] already`},
		{"an order there is not", `"workers": 4`, `"workers": 4, "order": "fofo"`, `line 6: services[0].server.order: "fofo": unknown order, did you mean fifo?`},
		{"an algorithm there is not", `"max": 9`, `"algorithm": "x"`,
			`line 6: services[0].server.limit.algorithm: "x", want one of dip, vegas, vegas-plain, gradient, gradient2, failsafe, envoy, aimd`},
		{"a queue without workers", `"workers": 4`, `"queue": 4`,
			"line 6: services[0].server.workers: 0, want some: without, all requests are worked on at once, and none waits in a queue\n" +
				"line 22: policies[1].servers.front.workers: 0, want some: without, all requests are worked on at once, and none waits in a queue"},
		{"strata that leave something", `"workers": 4`, `"capacity": {"strata": [[0.5, 1, 1]]}`,
			"line 6: services[0].server.capacity.strata: the shares add up to 0.5, want 1"},
		{"a group of nobody", `"share": 0.5, `, ``, "line 7: services[0].groups[0]: share 0 and count 0, want one of them"},
		{"groups of more than all", `"share": 0.5, `, `"count": 11, `, "line 7: services[0].groups: 11 replicas of 10"},
		{"calls to nobody", `"service": "back"`, `"service": "bakc"`, `line 8: services[0].calls[0].service: "bakc": unknown service, did you mean back?`},
		{"a cycle", `"replicas": 20`, `"calls": [{"service": "front"}]`, "line 9: services[1].calls[0]: a cycle of calls: front -> back -> front"},
		{"clients of nobody", `"count": 10`, `"service": "x"`, `line 12: clients[0].service: "x": unknown service, known: front, back`},
		{"a share beyond 1", `"count": 10`, `"share": 1.5`, "line 12: clients[0].share: 1.5, want 0 to 1"},
		{"a rate and a share", `"count": 10`, `"share": 0.5, "rate": 3`, "line 12: clients[0].share: there is a rate as well: one of them says how much"},
		{"nothing left", `{"count": 10}`, `{"share": 1}, {}`, "line 12: clients[1]: no rate, and the shares of other clients leave nothing of 1"},
		{"a share of what costs nothing", `"work": {"exp": "5ms"}`, `"work": 0`,
			"line 12: clients[0].rate: 0, want a rate: requests to front cost nothing, so no number of them is a share of what it can do"},
		{"a client's name twice", `{"count": 10}`, `{"name": "a", "share": 0.5}, {"name": "a"}`, `line 12: clients[1].name: "a" is clients[0] already`},
		{"too many keys", `"count": 10`, `"keys": 10000001`, "line 12: clients[0].keys: 10000001, want 0 to 10000000"},
		{"cold for no time", `"slow", "factor": 10`, `"restart", "cold": 3`, "line 14: faults[0].cold_for: 0s, want > 0: cold for how long"},
		{"not cold for a time", `"slow", "factor": 10`, `"restart", "cold_for": "3s"`, "line 14: faults[0].cold: 0, want > 0"},
		{"arrivals there are not", `"count": 10`, `"arrivals": "poison"`, `line 12: clients[0].arrivals: "poison": unknown kind of arrivals, did you mean poisson?`},
		{"a fault there is not", `"kind": "slow"`, `"kind": "slwo"`, `line 15: faults[0].kind: "slwo": unknown kind of fault, did you mean slow?`},
		{"a fault after the end", `"at": "10s"`, `"at": "120s"`, "line 14: faults[0].at: 2m0s, want 0 to less than 2m0s, when the run ends"},
		{"a fault without its factor", `, "factor": 10`, ``, "line 14: faults[0].factor: 0, want a factor"},
		{"a fault with what it does not use", `"factor": 10`, `"factor": 10, "cold": 3`, "line 15: faults[0].cold: 3, want none: slow does not use it"},
		{"a replica there is not", `"factor": 10`, `"factor": 10, "replicas": [3, 10]`, "line 15: faults[0].replicas[1]: 10, want 0 to 9"},
		{"two ways of saying which", `"factor": 10`, `"factor": 10, "replicas": [3], "count": 1`, "line 14: faults[0]: want one of replicas, count and share"},
		{"a policy twice", `"rr",`, `"rr", "rr",`, `line 18: policies[1].name: "rr" is policies[0] already`},
		{"a server there is not", `"servers": {"front"`, `"servers": {"fornt"`, `line 22: policies[1].servers.fornt: "fornt": unknown service, did you mean front?`},
		{"calls that nobody makes", `"calls": {"back"`, `"calls": {"bcak"`, `line 21: policies[1].calls.bcak: "bcak": unknown service, did you mean back?`},
		{"only what is not a load", `"only": [0.9]`, `"only": [0.8, 0.9]`, "line 22: policies[1].only[0]: 0.8, want one of the loads [0.7 0.9]"},
		{"published of nobody", `"policy": "two", "load"`, `"policy": "tow", "load"`, `line 24: published[0].policy: "tow": unknown policy, did you mean two?`},
		{"published where it does not run", `"load": 0.9, "metric"`, `"load": 0.7, "metric"`, "line 24: published[0].load: 0.7, want one of the loads [0.9]"},
		{"a metric there is not", `latency_ms.p99`, `latency_ms.p98`, `line 24: published[0].metric: "latency_ms.p98": unknown metric, did you mean latency_ms.p90?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := sim.Parse([]byte(edit(t, test.old, test.new)))
			if fmt.Sprint(err) != test.want {
				t.Errorf("Parse() = %v\nwant %s", err, test.want)
			}
		})
	}
}

// edit is world with one piece of it replaced.
func edit(t *testing.T, old, with string) string {
	t.Helper()
	if strings.Count(world, old) != 1 {
		t.Fatalf("%q is there %d times, want once", old, strings.Count(world, old))
	}
	return strings.Replace(world, old, with, 1)
}

func TestParseWantsAWorld(t *testing.T) {
	_, err := sim.Parse([]byte(`{"name": "e"}`))
	want := "line 1: clients: none, want at least one\nline 1: policies: none, want at least one\nline 1: services: none, want at least one"
	if fmt.Sprint(err) != want {
		t.Errorf("Parse() = %v\nwant %s", err, want)
	}
}

func TestCompleteChecksWhatIsWrittenInGo(t *testing.T) {
	e := sim.Experiment{
		Name:     "e",
		Services: []sim.Service{{Name: "s", Server: sim.Server{Work: &sim.Dist{}}}},
		Clients:  []sim.Client{{}},
		Policies: []sim.Variant{{Name: "a", Policy: config.Policy{Balancer: config.Balancer{Name: "x"}}}},
	}
	want := fmt.Sprintf(`policies[0].policy: config: Balancer.Name = "x", want one of %q`, config.Balancers()) + "\n" +
		"services[0].server.work: 0 kinds of distribution, want one of const, exp, uniform, normal, lognormal, quantiles, sum, mix"
	if _, err := e.Complete(); fmt.Sprint(err) != want {
		t.Errorf("Complete() = %v\nwant %s", err, want)
	}
	if e.Seeds != 0 || e.Clients[0].Service != "" {
		t.Errorf("Complete() changed the experiment: %+v", e)
	}
}

func TestMetric(t *testing.T) {
	recovery := 3.0
	r := sim.Row{
		Latency: sim.Latency{P99: 7}, ErrorsBy: map[string]float64{"timeout": 2}, Recovery: &recovery,
		Services: []sim.ServiceRun{{Name: "a"}, {Name: "b.c", Utilization: 0.5}}, Load: 0.9,
	}
	tests := []struct {
		name string
		want float64
		ok   bool
	}{
		{"load", 0.9, true}, {"latency_ms.p99", 7, true}, {"errors_by.timeout", 2, true}, {"errors_by.other", 0, true},
		{"recovery_s", 3, true}, {"shed_s", 0, false}, {"services.b.c.utilization", 0.5, true}, {"services.x.utilization", 0, false},
		{"", 0, false}, {"latency_ms", 0, false}, {"latency_ms.p99.x", 0, false}, {"policy", 0, false}, {"services.a", 0, false},
	}
	for _, test := range tests {
		if got, ok := r.Metric(test.name); got != test.want || ok != test.ok {
			t.Errorf("Metric(%q) = %v, %v, want %v, %v", test.name, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(world))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := sim.Parse(doc)
		if err != nil {
			return
		}
		if _, err := e.Complete(); err != nil {
			t.Errorf("Parse() lets pass what Complete() does not: %v", err)
		}
	})
}
