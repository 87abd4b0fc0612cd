package config_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
)

func TestParseJSON(t *testing.T) {
	tests := []struct {
		name, doc string
		want      config.Policy
	}{
		{"nothing", `{}`, config.Policy{}},
		{"parts with their defaults", `{"retry": {}, "hedge": true, "breaker": "on"}`,
			config.Policy{Policy: rota.Policy{Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{}}}},
		{"parts off", `{"retry": "off", "hedge": false, "breaker": null}`, config.Policy{}},
		{"values", `{"timeout": "1s", "retry": {"attempts": 2, "try_timeout": "-1s"}, "budget": {"min_per_second": 0.5},
			"slow_start": "3s", "rate": {"per_second": 1e3, "burst": 7}, "breaker": {"max_ejected": 0.5}}`,
			config.Policy{Policy: rota.Policy{
				Timeout:   time.Second,
				Retry:     &rota.Retry{Attempts: 2, TryTimeout: -time.Second},
				Budget:    rota.Budget{MinPerSecond: 0.5},
				SlowStart: 3 * time.Second,
				Rate:      &rota.Rate{PerSecond: 1000, Burst: 7},
				Breaker:   &rota.Breaker{MaxEjected: 0.5},
			}}},
		{"a throttle, a zone and a subset", `{"throttle": {"k": 3}, "zone": {"spill": -1}, "subset": {"size": 20}}`,
			config.Policy{
				Policy: rota.Policy{Throttle: &rota.Throttle{K: 3}},
				Zone:   &rota.ZoneParams{Spill: -1}, Subset: &config.Subset{Size: 20},
			}},
		{"parameters in parameters", `{"balancer": {"name": "c3", "probing": {"pool": 8, "max_age": "2s"}}}`, config.Policy{
			Balancer: config.Balancer{Name: "c3", Params: rota.C3Params{Probing: rota.PrequalParams{Pool: 8, MaxAge: 2 * time.Second}}}}},
		{"a balancer by name", `{"balancer": "p2c"}`,
			config.Policy{Balancer: config.Balancer{Name: "p2c", Params: config.Choices{}}}},
		{"a balancer with parameters", `{"balancer": {"choices": 3, "name": "p2c"}}`,
			config.Policy{Balancer: config.Balancer{Name: "p2c", Params: config.Choices{Choices: 3}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := config.ParseJSON([]byte(test.doc))
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("ParseJSON() = %+v, %v, want %+v", got, err, test.want)
			}
			if err := got.Validate(); err != nil {
				t.Errorf("Validate() = %v", err)
			}
		})
	}
}

func TestParseJSONRefuses(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"no JSON", `{`, "line 1: the document ends too early"},
		{"an unknown part", "{\n\"retyr\": {}}", "line 2: retyr: unknown key, did you mean retry?"},
		{"an unknown key", "{\"retry\": {\n\"atempts\": 3}}", "line 2: retry.atempts: unknown key, did you mean attempts?"},
		{"too many attempts", "{\"retry\": {\n\"attempts\":\n9}}", "line 2: retry.attempts: 9, want 0 (the default) to 8"},
		{"a rate of nothing", "{\n\"rate\": {}}", "line 2: rate.per_second: 0, want > 0"},
		{"a subset of none", "{\"subset\":\n{}}", "line 2: subset.size: 0, want >= 1"},
		{"a subset of no kind", "{\"subset\": {\"size\": 1,\n\"kind\": \"x\"}}", `line 2: subset.kind: "x", want rendezvous or deterministic`},
		{"a zone that is never healthy", "{\"zone\": {\n\"min_healthy\": 2}}", "line 2: zone.min_healthy: 2, want 0 to 1"},
		{"an unknown balancer", "{\n\"balancer\": \"p2x\"}", `line 2: balancer: "p2x": unknown balancer, did you mean p2c?`},
		{"the same, the long way", "{\"balancer\":\n{\n\"name\": \"p2x\"}}", `line 3: balancer: "p2x": unknown balancer, did you mean p2c?`},
		{"a balancer without a name", "{\n\"balancer\": {}}", fmt.Sprintf("line 2: balancer: no name, want one of %q", config.Balancers())},
		{"a balancer that is none", `{"balancer": 3}`, "line 1: balancer: want the name of a balancer, or a mapping of name and parameters"},
		{"an unknown parameter", "{\"balancer\": {\"name\": \"p2c\",\n\"choice\": 1}}", "line 2: balancer.choice: unknown key, did you mean choices?"},
		{"a parameter that another has", "{\"balancer\": {\"name\": \"rr\",\n\"choices\": 1}}", "line 2: balancer.choices: unknown key, there are none"},
		{"a parameter out of range", "{\"balancer\": {\"name\": \"p2c\",\n\"choices\": -1}}", "line 2: balancer.choices: -1, want 0 (the default) or more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := config.ParseJSON([]byte(test.doc)); fmt.Sprint(err) != test.want {
				t.Errorf("ParseJSON() = %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	tests := []struct{ name, base, over, want string }{
		{"a part on the way", `{"timeout": "1s", "retry": {"attempts": 2}}`, `{"retry": {"base": "5ms"}}`,
			`{"timeout": "1s", "retry": {"attempts": 2, "base": "5ms"}}`},
		{"a part off", `{"retry": {"attempts": 2}}`, `{"retry": "off"}`, `{}`},
		{"a part on", `{"retry": "off"}`, `{"retry": {}}`, `{"retry": {}}`},
		{"another balancer", `{"balancer": {"name": "p2c", "choices": 3}}`, `{"balancer": {"name": "rr"}}`, `{"balancer": "rr"}`},
		{"another balancer, by name", `{"balancer": {"name": "p2c", "choices": 3}}`, `{"balancer": "rr"}`, `{"balancer": "rr"}`},
		{"the same balancer", `{"balancer": {"name": "p2c", "choices": 3}}`, `{"balancer": {"name": "p2c"}}`, `{"balancer": {"name": "p2c", "choices": 3}}`},
		{"parameters alone", `{"balancer": "p2c"}`, `{"balancer": {"choices": 4}}`, `{"balancer": {"name": "p2c", "choices": 4}}`},
		{"over nothing", `{}`, `{"balancer": {"name": "p2c"}}`, `{"balancer": "p2c"}`},
		{"over a name", `{"balancer": "rr"}`, `{"balancer": {"name": "p2c"}}`, `{"balancer": "p2c"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := config.Parse(config.Merge(read(t, test.base), read(t, test.over)))
			want, _ := config.Parse(read(t, test.want))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Merge() = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestBalancersBuildAPickerForTheirNodes(t *testing.T) {
	for _, name := range append(config.Balancers(), "") {
		p := config.Policy{Balancer: config.Balancer{Name: name}}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: Validate() = %v", name, err)
		}
		now := time.Unix(1, 0)
		cl := rota.NewCluster(rota.ClusterParams{
			Service: "s", Balancer: p.NewBalancer(), Rand: func() uint64 { return 1 << 63 }, Now: now,
		})
		cl.Update(now, []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}})
		plan := cl.Plan(now, now.Add(time.Second), rota.Call{})
		if step := plan.Next(now); step.Kind != rota.StepSend || step.Attempt == nil {
			t.Errorf("%s: Next() = %+v, want an attempt", name, step)
		}
	}
}

func TestNewSubset(t *testing.T) {
	set := make([]rota.Instance, 100)
	for i := range set {
		set[i].Addr = fmt.Sprint(i)
	}
	tests := []struct {
		name   string
		subset *config.Subset
		same   bool // for clients that differ in nothing but the index
	}{
		{"rendezvous", &config.Subset{Size: 20}, true},
		{"deterministic", &config.Subset{Kind: "deterministic", Size: 20}, false},
	}
	for _, test := range tests {
		p := config.Policy{Subset: test.subset}
		first, second := p.NewSubset("id", 0)(set), p.NewSubset("id", 1)(set)
		if len(first) != 20 || reflect.DeepEqual(first, second) != test.same {
			t.Errorf("%s: %d replicas, the same as another client: %v, want 20, %v", test.name, len(first), !test.same, test.same)
		}
	}
	if (&config.Policy{}).NewSubset("id", 0) != nil {
		t.Error("NewSubset() without a subset is not nil")
	}
}

func TestNewBalancerInKeepsToTheZone(t *testing.T) {
	tests := []struct {
		name, own, told, want string
	}{
		{"told", "", "b", "b"},
		{"its own", "c", "b", "c"},
	}
	for _, test := range tests {
		p := config.Policy{Zone: &rota.ZoneParams{Zone: test.own, Spill: -1}}
		now := time.Unix(1, 0)
		cl := rota.NewCluster(rota.ClusterParams{
			Service: "s", Balancer: p.NewBalancerIn(test.told), Rand: func() uint64 { return 1 << 40 }, Now: now,
		})
		cl.Update(now, []rota.Instance{{Addr: "a", Zone: "a"}, {Addr: "b", Zone: "b"}, {Addr: "c", Zone: "c"}})
		step := cl.Plan(now, now.Add(time.Second), rota.Call{}).Next(now)
		if got := step.Attempt.Instance().Addr; got != test.want {
			t.Errorf("%s: the call goes to %s, want %s", test.name, got, test.want)
		}
	}
}

func TestBalancerRefuses(t *testing.T) {
	tests := []struct {
		name string
		b    config.Balancer
		want string
	}{
		{"an unknown name", config.Balancer{Name: "x"}, fmt.Sprintf(`config: Balancer.Name = "x", want one of %q`, config.Balancers())},
		{"parameters of another", config.Balancer{Name: "p2c", Params: 3}, "config: Balancer.Params = int, want config.Choices for p2c"},
		{"bad parameters", config.Balancer{Name: "p2c", Params: config.Choices{Choices: -1}}, "config: Choices = -1, want 0 (the default) or more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.b.Validate(); fmt.Sprint(err) != test.want {
				t.Errorf("Validate() = %v, want %s", err, test.want)
			}
			defer func() {
				if recover() == nil {
					t.Error("New() did not panic")
				}
			}()
			test.b.New()
		})
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"balancer": {"name": "p2c", "choices": 3}, "retry": {}, "timeout": "1s"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := config.ParseJSON(doc)
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Errorf("ParseJSON() lets pass what Validate() does not: %v", err)
		}
		p.NewBalancer()
	})
}

func read(t *testing.T, doc string) *tree.Node {
	t.Helper()
	n, err := tree.ParseJSON([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
