package setup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

func parse(t *testing.T, text string) (*setup.Setup, error) {
	t.Helper()
	n, err := document.ParseYAML([]byte(text))
	if err != nil {
		return nil, document.Errors("rota.yaml", err)
	}
	s, err := setup.FromTree(n)
	return s, document.Errors("rota.yaml", err)
}

const whole = `
listeners:
  - listen: :8090
  - {listen: "127.0.0.1:8443", tls: {cert: c.pem, key: k.pem, client_ca: ca.pem, min: "1.3"}, protocols: [http2], edge: true}
routes:
  - path: /v1
    method: [GET, HEAD]
    service: users
    idempotent: true
    timeout: 250ms
    retry: {attempts: 2}
    hedge: off
    buffer_response: 64KiB
    max_request: 1MB
    rate: {per_second: 100, by: client}
    rewrite: {strip_prefix: /v1, request: {set: {X-Env: prod}, remove: [Cookie]}}
  - service: users
services:
  users:
    target: 127.0.0.1:8080,127.0.0.1:8081
    policy:
      timeout: 2s
      retry: {}
      hedge: {}
      breaker: {}
      balancer: {name: p2c, choices: 3}
    check: {path: /readyz, interval: 2s}
access_log: {sample: 0.5, format: json}
forwarded: {trust: [10.0.0.0/8], hops: 2}
drain: {wait: 1s}
`

func TestEverythingIsRead(t *testing.T) {
	s, err := parse(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Routes[0]
	if r.BufferResponse != 64<<10 || r.MaxRequest != 1e6 || r.Name != "GET,HEAD /v1" || s.Routes[1].Path != "/" {
		t.Errorf("routes %+v", s.Routes)
	}
	users := s.Services["users"]
	p, own, err := users.Policy.For(&r)
	if err != nil || !own || p.Timeout != 250*time.Millisecond || p.Retry.Attempts != 2 || p.Hedge != nil || p.Breaker == nil {
		t.Errorf("the route's policy: %+v, %t, %v", p, own, err)
	}
	if p, own, _ := users.Policy.For(&s.Routes[1]); own || p.Timeout != 2*time.Second || p.Hedge == nil {
		t.Errorf("the other route's policy: %+v, %t", p, own)
	}
	if s.Admin == nil || s.Admin.Listen != setup.DefaultAdmin || s.AccessLog.To != "stderr" || s.Forwarded.Send != "x-forwarded" {
		t.Errorf("defaults: %+v %+v %+v", s.Admin, s.AccessLog, s.Forwarded)
	}
	if l := s.Listeners[1]; !l.Edge || l.TLS.Min != "1.3" || len(l.Protocols) != 1 || len(s.Files()) != 3 {
		t.Errorf("the listener %+v names %v", l, s.Files())
	}
}

// Every mistake is named with its line, its key, and what was expected.
func TestMistakesAreNamed(t *testing.T) {
	const rest = "\nroutes: [{service: a}]\nservices: {a: {target: \"127.0.0.1:1\"}}\nlisteners: [{listen: \":1\"}]\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "rota.yaml:1: the document is empty"}, {"null", "null", "the file is empty"},
		{"no listeners", "routes: [{service: a}]\nservices: {a: {target: \"127.0.0.1:1\"}}\n", "rota.yaml:1: listeners: there is none"},
		{"unknown key", "lisen: 1" + rest, `rota.yaml:1: lisen: `},
		{"not an address", "listeners:\n  - listen: 8090\nroutes: [{service: a}]\nservices: {a: {target: \"127.0.0.1:1\"}}\n", "rota.yaml:2: listeners[0].listen: "},
		{"unknown service", "services: {users: {target: \"127.0.0.1:1\"}}\nlisteners: [{listen: \":1\"}]\nroutes:\n  - service: usres\n",
			"rota.yaml:4: routes[0].service: "},
		{"no target", "listeners: [{listen: \":1\"}]\nroutes: [{service: a}]\nservices:\n  a: {protocol: http1}\n", "rota.yaml:4: services.a.target: want addresses"},
		{"a bad target", "listeners: [{listen: \":1\"}]\nroutes: [{service: a}]\nservices:\n  a:\n    target: \"http:/x\"\n", "rota.yaml:5: services.a.target: "},
		{"a bad policy", "listeners: [{listen: \":1\"}]\nroutes: [{service: a}]\nservices:\n  a:\n    target: 127.0.0.1:1\n    policy: {retry: {attempts: 99}}\n",
			"rota.yaml:6: services.a.policy.retry.attempts: "},
		{"a bad override", "listeners: [{listen: \":1\"}]\nservices: {a: {target: \"127.0.0.1:1\"}}\nroutes:\n  - service: a\n    retry: {attempts: 99}\n",
			"rota.yaml:5: routes[0].retry.attempts: "},
		{"a bad size", "listeners: [{listen: \":1\"}]\nservices: {a: {target: \"127.0.0.1:1\"}}\nroutes:\n  - service: a\n    max_request: 3 apples\n",
			"rota.yaml:5: routes[0].max_request: want a size"},
		{"a hop's header", "listeners: [{listen: \":1\"}]\nservices: {a: {target: \"127.0.0.1:1\"}}\nroutes:\n  - service: a\n    rewrite: {request: {set: {Connection: close}}}\n",
			"rota.yaml:5: routes[0].rewrite.request.set: Connection is between two hops"},
		{"a bad network", "forwarded: {trust: [10.0.0.1]}" + rest, `rota.yaml:1: forwarded.trust[0]: "10.0.0.1", want a network`},
		{"a page for everybody", "admin: {listen: \":9901\", write: true}" + rest, "rota.yaml:1: admin.write: :9901 is not loopback"},
		{"a bad sample", "access_log: {sample: 2}" + rest, "rota.yaml:1: access_log.sample: 2, want more than 0"},
		{"no YAML", "listeners: [", "rota.yaml:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error:\n%v\nwant it to say:\n%s", err, c.want)
			}
		})
	}
}

func TestFilesThatAreMissing(t *testing.T) {
	s, err := parse(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckFiles(nil); err == nil || !strings.Contains(err.Error(), "listeners[1].tls.cert: open c.pem") {
		t.Errorf("%v, want that c.pem cannot be opened", err)
	}
}

func FuzzSetup(f *testing.F) {
	f.Add(whole)
	f.Add("listeners: [{listen: x}]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(t, text)
		if err != nil {
			return
		}
		for i := range s.Routes {
			sv := s.Services[s.Routes[i].Service]
			if _, _, err := sv.Policy.For(&s.Routes[i]); err != nil {
				t.Errorf("a route that was taken has no policy: %v", err)
			}
		}
	})
}
