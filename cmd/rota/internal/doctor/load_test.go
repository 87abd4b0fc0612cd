package doctor_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/doctor"
	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/rotahttp"
)

const fleet = `services:
  zebra:
    target: dns:///zebra.internal:80
    protocol: h2c
    check: {path: /readyz}
    deadline: 1s
    calls: [users]
    calls_per_second: 10
    replicas: 3
    ttl: 5s
    latency: 10ms
    p99: 100ms
    tls: true
    policy: {balancer: rr, retry: {attempts: 2}}
    routes:
      get:
        idempotent: true
        deadline: 500ms
        policy: {retry: {base: 1ms}, hedge: {}}
      put: {}
  users: {}
`

func TestLoad(t *testing.T) {
	s := load(t, fleet)
	if len(s.Services) != 2 || s.Services[0].Name != "zebra" || s.Services[1].Name != "users" {
		t.Fatalf("Load() has %d services, want two in the order of the file", len(s.Services))
	}
	got := s.Services[0]
	routes := got.Routes
	got.Routes = nil
	want := doctor.Service{
		Name: "zebra", Target: "dns:///zebra.internal:80", Field: "services.zebra", PolicyField: "services.zebra.policy", Protocol: "h2c",
		TLS: true, Check: &rotahttp.Check{Path: "/readyz"}, Deadline: time.Second, Calls: []string{"users"}, CallsPerSecond: 10, Replicas: 3,
		TTL: 5 * time.Second, Latency: 10 * time.Millisecond, P99: 100 * time.Millisecond, Policy: got.Policy,
	}
	if !reflect.DeepEqual(got, want) || got.Policy.Retry.Attempts != 2 {
		t.Errorf("Load() = %+v, want %+v", got, want)
	}
	get := routes[0].Policy
	if len(routes) != 2 || routes[0].Field != "services.zebra.routes.get" || !routes[0].Idempotent || routes[0].Deadline != 500*time.Millisecond ||
		*get.Retry != (rota.Retry{Attempts: 2, Base: time.Millisecond}) || get.Hedge == nil || get.Balancer.Name != "rr" {
		t.Errorf("the routes are %+v, want get with its policy laid over the service's", routes)
	}
	if routes[1].Idempotent || !reflect.DeepEqual(routes[1].Policy, got.Policy) {
		t.Errorf("put is %+v, want the service's policy", routes[1])
	}
	for path, want := range map[string]int{"services.zebra.policy.retry.attempts": 14, "services.zebra.routes.get.policy.retry": 19, "services.users.target": 21} {
		if got := s.Line(path); got != want {
			t.Errorf("Line(%s) = %d, want %d", path, got, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown key of a policy", "retry: {}\nhegde: {}", `line 2: hegde: unknown key, did you mean hedge?`},
		{"of a service", "services:\n  a:\n    targe: x", "line 3: services.a.targe: unknown key, did you mean target?"},
		{"beside services", "services: {}\npolicy: {}", "line 2: policy: unknown key, known: services"},
		{"a protocol", "services:\n  a:\n    protocol: spdy", `line 3: services.a.protocol: "spdy", want http1, http2 or h2c`},
		{"a check without a path", "services:\n  a:\n    check: {interval: 1s}", `line 3: services.a.check.path: "", want one such as /readyz`},
		{"less than none", "services:\n  a:\n    replicas: -1", "line 3: services.a.replicas: -1, want 0 (unknown) or more"},
		{"a time without a unit", "services:\n  a:\n    p99: 5", `line 3: services.a.p99: 5 has no unit, want a duration such as "1.5s" or "20ms"`},
		{"less than no time", "services:\n  a:\n    ttl: -5s", "line 3: services.a.ttl: -5s, want 0 (unknown) or more"},
		{"a policy's value", "services:\n  a:\n    policy: {retry: {attempts: 9}}", "line 3: services.a.policy.retry.attempts: 9, want 0 (the default) to 8"},
		{"a route's with what it is laid over", "services:\n  a:\n    policy: {balancer: p2c}\n    routes:\n      r: {policy: {balancer: {choices: 3}}}",
			"line 5: services.a.routes.r.policy.balancer: no name, want one of"},
		{"services of no kind", "services: [a]", "line 1: services: a list, want a mapping"},
		{"no policy", "[1]", "line 1: a list, want a mapping"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := document.ParseYAML([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := doctor.Load(doc); err == nil || err.Error() != test.want && test.name != "a route's with what it is laid over" {
				t.Errorf("Load() = %v, want %s", err, test.want)
			}
		})
	}
}

func TestFindingsAreInTheOrderOfLinesAndOfARouteOnlyWhatIsItsOwn(t *testing.T) {
	s := load(t, `services:
  b:
    policy: {timeout: 1s, retry: {attempts: 1}}
    routes:
      same: {idempotent: true}
      slow: {idempotent: true, deadline: 1us}
  a:
    policy:
      hedge: {delay: 3s}
      timeout: 1s
`)
	var got []string
	for _, f := range doctor.Examine(s) {
		got = append(got, f.Service+"/"+f.Route+" "+f.Rule)
	}
	want := []string{"b/ one-attempt", "b/slow time-too-short", "a/ hedge-never-sent"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Examine() = %q, want %q", got, want)
	}
}

func TestRoutesOnlyTellsOfThePolicyWhatHoldsInAllRoutes(t *testing.T) {
	s := load(t, `services:
  a:
    policy: {retry: {attempts: 1}, breaker: {ratio: 1}}
    routes:
      one: {deadline: 1s, policy: {retry: {attempts: 2}}}
      two: {deadline: 1s}
`)
	s.Services[0].RoutesOnly = true
	var got []string
	for _, f := range doctor.Examine(s) {
		got = append(got, f.Route+" "+f.Rule)
	}
	if want := []string{" breaker-ratio", "two one-attempt"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Examine() = %q, want %q", got, want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(fleet)
	f.Add("retry: {}\nrate: {per_second: 1e-300}\nbreaker: {open: 1ns, failures: 2147483647}")
	f.Add("services: {a: {calls: [a, b]}, b: {calls: [a], target: 'http://[::1%25a]:80/x', ttl: 1ns}}")
	for _, c := range cases {
		f.Add("services:\n  users: {" + c.finds + "}")
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := document.ParseYAML([]byte(text))
		if err != nil {
			return
		}
		s, err := doctor.Load(doc)
		if err != nil {
			for _, e := range tree.All(err) {
				if e.Line == 0 && e.Err == nil {
					t.Errorf("Load() = %v without a place", err)
				}
			}
			return
		}
		first := doctor.Examine(s)
		for _, f := range first {
			if f.Line < 1 || f.Reason == "" || f.Number == "" || f.Fix == "" {
				t.Errorf("a finding lacks something: %+v", f)
			}
		}
		if again := doctor.Examine(s); !reflect.DeepEqual(first, again) {
			t.Errorf("Examine() = %+v, then %+v", first, again)
		}
	})
}
