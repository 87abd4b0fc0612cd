package setup_test

import (
	"os"
	"path/filepath"
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

// routes is a file with these routes, from line 3.
func routes(list ...string) string {
	return "listeners: [{listen: \":1\"}]\nroutes:\n  - " + strings.Join(list, "\n  - ") + "\nservices: {a: {target: \"127.0.0.1:1\"}}\n"
}

// services is a file with this service, in line 3.
func services(a string) string {
	return "listeners: [{listen: \":1\"}]\nservices:\n  a: " + a + "\nroutes: [{service: a}]\n"
}

// Routes that differ in what they fit are two, in any order.
func TestRoutesThatAreAlike(t *testing.T) {
	for _, list := range [][]string{
		{"{service: a, path: /x}", "{service: a, path: /X}"}, {"{service: a, path: /x/}", "{service: a, path: /x}"},
		{"{service: a, host: a.example}", "{service: a, host: b.example}"}, {"{service: a, host: \"[::1]\"}", "{service: a, host: \"*.a\"}"},
		{"{service: a, method: [GET]}", "{service: a, method: [GET, PUT]}"}, {"{service: a, header: {A: b}}", "{service: a, header: {A: \"*\"}}"},
	} {
		if _, err := parse(t, routes(list...)); err != nil {
			t.Errorf("%q: %v", list, err)
		}
	}
}

// What is 0 is 0, and not the default, where that means something.
func TestNothingIsNotTheDefault(t *testing.T) {
	s, err := parse(t, "drain: {wait: 0s}\naccess_log: {sample: 0}\n"+routes("{service: a}"))
	if err != nil || s.Drain.Wait != 0 || s.Drain.Shutdown != 10*time.Second || s.AccessLog.Sample != 0 {
		t.Errorf("%+v, %+v, %v", s.Drain, s.AccessLog, err)
	}
	s, err = parse(t, "access_log: on\n"+routes("{service: a}"))
	if err != nil || s.Drain != setup.DefaultDrain() || s.AccessLog.Sample != 1 {
		t.Errorf("%+v, %+v, %v", s.Drain, s.AccessLog, err)
	}
	if s, _ = parse(t, routes("{service: a}")); s.AccessLog != nil {
		t.Errorf("an access log that nobody asked for: %+v", s.AccessLog)
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
			`rota.yaml:5: routes[0].max_request: "3 apples", want a size`},
		{"a hop's header", "listeners: [{listen: \":1\"}]\nservices: {a: {target: \"127.0.0.1:1\"}}\nroutes:\n  - service: a\n    rewrite: {request: {set: {Connection: close}}}\n",
			"rota.yaml:5: routes[0].rewrite.request.set: Connection is between two hops"},
		{"a bad network", "forwarded: {trust: [10.0.0.1]}" + rest, `rota.yaml:1: forwarded.trust[0]: "10.0.0.1", want a network`},
		{"a page for everybody", "admin: {listen: \":9901\", write: true}" + rest, "rota.yaml:1: admin.write: :9901 is not loopback"},
		{"a bad sample", "access_log: {sample: 2}" + rest, "rota.yaml:1: access_log.sample: 2, want 0 to 1"},
		{"no YAML", "listeners: [", "rota.yaml:"},
		{"a tab", "listeners:\n\t- listen: \":1\"\n", "rota.yaml:2: not YAML: a tab before it, want spaces"},
		{"no text", "listeners:\n  - name: \xff\n", "rota.yaml:2: not YAML"},
		{"a control character", "listeners:\n\n  - name: \x01\n", "rota.yaml:3: not YAML"},
		{"a key twice", "drain: {}\ndrain: {}\n", `rota.yaml:2: key "drain" for the second time`},
		{"no unit", "drain: {wait: 5}" + rest, "rota.yaml:1: drain.wait: 5 has no unit"},
		{"less than nothing", "drain: {wait: -5s}" + rest, "rota.yaml:1: drain.wait: -5s, want >= 0"},
		{"another type", "drain: [1s]" + rest, "rota.yaml:1: drain: "},
		{"one address twice", "listeners:\n  - {listen: \":1\"}\n  - {listen: \":1\", name: b}\n", "rota.yaml:3: listeners[1].listen: :1 is taken"},
		{"the page's address", "admin: {listen: \":1\"}" + rest, "rota.yaml:4: listeners[0].listen: :1 is taken"},
		{"the page's name", "listeners:\n  - {listen: \":1\", name: admin}\n", "rota.yaml:2: listeners[0].name: the socket of the live page"},
		{"one route twice", routes("{service: a, path: /x}", "{service: a, path: /x/, method: []}"), "rota.yaml:4: routes[1]: nothing gets here: routes[0]"},
		{"an escape in a path", routes("{service: a, path: /x%2Fy}"), `rota.yaml:3: routes[0].path: "/x%2Fy", want a path without query`},
		{"a pattern for a path", routes("{service: a, path: /x/*}"), `rota.yaml:3: routes[0].path: "/x/*", want the beginning of a path`},
		{"a path that is never taken", routes("{service: a, path: /x/../y}"), "rota.yaml:3: routes[0].path: \"/x/../y\" has . or .."},
		{"a host with a path", routes("{service: a, host: a/b}"), `rota.yaml:3: routes[0].host: "a/b", want a name`},
		{"Host as a header", routes("{service: a, header: {host: b}}"), "rota.yaml:3: routes[0].header: Host is no header here, want host: of the route"},
		{"Host rewritten as one", routes("{service: a, rewrite: {request: {set: {Host: b}}}}"), "rewrite.request.set: Host is no header here, want rewrite.host"},
		{"a check of less than nothing", services("{target: \":1\", check: {path: /x, interval: -1s, failures: -1}}"), "rota.yaml:3: services.a.check.interval: -1s, want >= 0"},
		{"a check over what is not HTTP", services("{target: \":1\", check: {path: /x, scheme: ftp}}"), `services.a.check.scheme: "ftp", want one of http, https`},
		{"too few replicas", services("{target: \":1\", replicas: -1}"), "rota.yaml:3: services.a.replicas: -1, want >= 0"},
		{"a name that is no host", "services:\n  a b: {target: \":1\"}\n", "rota.yaml:2: services.a b: want a name of letters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error:\n%v\nwant it to say:\n%s", err, c.want)
			}
		})
	}
}

// Files that cannot do what they are there for are named with the line that names them.
func TestFilesThatWillNotDo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("none.pem", "no certificate")
	write("empty", " \n")
	name := write("rota.yaml", strings.ReplaceAll(`listeners:
  - {listen: ":1", tls: {cert: DIR/missing, key: DIR/none.pem}}
  - listen: ":2"
    tls:
      cert: DIR/none.pem
      key: DIR/none.pem
      client_ca: DIR/none.pem
routes: [{service: a}]
services:
  a: {target: "127.0.0.1:1", tls: {ca: DIR}}
admin:
  token_file: DIR/empty
access_log:
  to: DIR/missing/log
`, "DIR", dir))
	s, err := setup.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	err = s.CheckFiles()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{":2: listeners[0].tls.cert: open ", ":5: listeners[1].tls.cert: ", ":7: listeners[1].tls.client_ca: ", ":10: services.a.tls.ca: read ",
		":12: admin.token_file: ", ":14: access_log.to: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], name+want) {
			t.Errorf("error %d is not %q:\n%v", i, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "missing")); err == nil {
		t.Error("the check made a file")
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
