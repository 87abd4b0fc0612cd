package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	w := start(t, 1, echo, "")
	resp, body := w.do(t, "PUT", "/a%2Fb/c?x=1&y=%20", "hello", "Host", "users.example", "X-Mine", "yes", "Connection", "X-Secret", "X-Secret", "1",
		"Keep-Alive", "5", "X-Forwarded-For", "6.6.6.6", "Forwarded", "for=6.6.6.6", "X-Real-Ip", "6.6.6.6", "Traceparent", "00-1-2-03")
	if resp.StatusCode != 200 || !strings.HasPrefix(body, "PUT /a%2Fb/c?x=1&y=%20 host=users.example body=\"hello\"\n") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, want := range []string{"X-Mine: yes", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Host: users.example\r\n", "Content-Length: 5", "Traceparent: 00-1-2-03"} {
		if !strings.Contains(body, want) {
			t.Errorf("the replica did not get %q of\n%s", want, body)
		}
	}
	for _, never := range []string{"X-Secret", "Keep-Alive", "6.6.6.6", "Connection"} {
		if strings.Contains(body, never) {
			t.Errorf("the replica got %q:\n%s", never, body)
		}
	}
}

func TestResponsesArriveAsTheyWereSent(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Two"] = []string{"a", "b"}
		h.Set("Rota-Load", "rif=1")
		h.Set("Keep-Alive", "5")
		h.Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}, "")
	resp, body := w.do(t, "GET", "/", "")
	if resp.StatusCode != http.StatusTeapot || body != "short and stout" || len(resp.Header["X-Two"]) != 2 || resp.Header.Get("Set-Cookie") != "a=b" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp.Header.Get("Rota-Load") != "" || resp.Header.Get("Keep-Alive") != "" || resp.ContentLength != 15 {
		t.Errorf("what is between hops got through: %v, length %d", resp.Header, resp.ContentLength)
	}
	if resp, body := w.do(t, "HEAD", "/", ""); body != "" || resp.StatusCode != http.StatusTeapot {
		t.Errorf("HEAD: %d %q", resp.StatusCode, body)
	}
}

func TestRewriting(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "secret")
		echo(w, r)
	}, `
routes:
  - path: /v1
    service: users
    rewrite:
      strip_prefix: /v1
      add_prefix: /api/
      host: inside
      request: {set: {X-Env: prod}, add: {X-Tag: b}, remove: [Cookie]}
      response: {set: {X-Frame-Options: DENY}, remove: [Server]}
`)
	resp, body := w.do(t, "GET", "/v1/users?id=1", "", "Cookie", "a=b", "X-Tag", "a")
	if !strings.HasPrefix(body, "GET /api/users?id=1 host=inside") || !strings.Contains(body, "X-Env: prod") || strings.Contains(body, "Cookie") || strings.Count(body, "X-Tag") != 2 {
		t.Errorf("the replica got\n%s", body)
	}
	if resp.Header.Get("Server") != "" || resp.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the response has %v", resp.Header)
	}
	if _, body := w.do(t, "GET", "/v1", ""); !strings.HasPrefix(body, "GET /api/ ") {
		t.Errorf("/v1 became %s", body)
	}
	if resp, _ := w.do(t, "GET", "/v10", ""); resp.StatusCode != 404 {
		t.Errorf("/v10: %d, want 404: it is not below /v1", resp.StatusCode)
	}
}

// What cannot be passed on is answered here.
func TestRefusals(t *testing.T) {
	w := start(t, 1, echo, `
routes:
  - {path: /get, method: [GET], service: users, max_request: 4}
  - {path: /few, service: users, rate: {per_second: 0.001, burst: 2}}
  - {path: /each, service: users, rate: {per_second: 0.001, burst: 1, by: client}}
  - {path: /long, service: users, max_response: 10}
`)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/nowhere", "", 404}, {"POST", "/get", "", 405}, {"GET", "/get", "1234", 200}, {"GET", "/get", "12345", 413},
		{"GET", "/get/../few", "", 400}, {"GET", "/get/%2e%2e/few", "", 400}, {"GET", "/get/..a", "", 200},
		{"GET", "/few", "", 200}, {"GET", "/few", "", 200}, {"GET", "/few", "", 429},
		{"GET", "/each", "", 200}, {"GET", "/each", "", 429}, {"GET", "/long", "", 502},
	} {
		resp, body := w.do(t, c.method, c.path, c.body)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, resp.StatusCode, body, c.status)
		}
		if c.status == 429 && resp.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
}

// A body of unknown length is cut off where the route says.
func TestLongBodiesOfUnknownLength(t *testing.T) {
	w := start(t, 1, echo, "routes: [{service: users, max_request: 100}]")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.front.URL+"/", struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 5000))})
	resp, err := w.front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("%d, want 413", resp.StatusCode)
	}
}

func TestWhatIsSafeIsTriedElsewhere(t *testing.T) {
	const routes = `
routes:
  - {path: /, service: users}
  - {path: /again, service: users, idempotent: true}
  - {path: /once, service: users, retry: off}
`
	w := start(t, 3, echo, routes)
	w.replicas[0].set(status(500))
	w.replicas[1].set(status(500))
	for _, c := range []struct {
		method, path string
		all          bool // every request succeeds
	}{{"GET", "/", true}, {"POST", "/", false}, {"POST", "/again", true}, {"GET", "/once", false}} {
		good := 0
		for range 4 {
			if resp, _ := w.do(t, c.method, c.path, "x"); resp.StatusCode == 200 {
				good++
			}
		}
		if c.all != (good == 4) {
			t.Errorf("%s %s: %d of 4 succeeded", c.method, c.path, good)
		}
		// so that breakers do not open
		w.replicas[0].set(echo)
		w.replicas[1].set(echo)
		for range 6 {
			w.do(t, "GET", "/", "")
		}
		w.replicas[0].set(status(500))
		w.replicas[1].set(status(500))
	}
}

// A response that breaks off is tried elsewhere if it is held, and otherwise breaks off for the client too: it must not take
// half of it for the whole.
func TestResponsesThatBreakOff(t *testing.T) {
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "20000")
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w := start(t, 2, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, strings.Repeat("y", 20_000)) },
		"routes: [{path: /, service: users}, {path: /held, service: users, buffer_response: 64KiB}]")
	w.replicas[0].set(half)
	broke := 0
	for range 4 {
		if _, body, err := w.try(t, "GET", "/", ""); err != nil {
			broke++
		} else if len(body) != 20_000 {
			t.Errorf("%d bytes without an error", len(body))
		}
	}
	for range 4 {
		if _, body, err := w.try(t, "GET", "/held", ""); err != nil || len(body) != 20_000 {
			t.Errorf("held: %d bytes, %v", len(body), err)
		}
	}
	if broke == 0 {
		t.Error("no response broke off")
	}
}

func TestStatusesOfFailures(t *testing.T) {
	const services = "services: {users: {target: \"TARGET\", policy: {balancer: rr, retry: {}, timeout: 300ms}}}\n"
	for _, c := range []struct {
		name   string
		hurt   func(w *world)
		status int
		text   string
	}{
		{"all are gone", func(w *world) {
			for _, r := range w.replicas {
				r.Close()
			}
		}, 502, "no replica answered after 3 attempts"},
		{"all hang", func(w *world) {
			for _, r := range w.replicas {
				r.set(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() })
			}
		}, 504, "no answer in time"},
		{"all say 503", func(w *world) {
			for _, r := range w.replicas {
				r.set(status(503))
			}
		}, 503, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, 2, echo, services)
			c.hurt(w)
			resp, body := w.do(t, "GET", "/", "")
			if resp.StatusCode != c.status || !strings.Contains(body, c.text) {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, body, c.status, c.text)
			}
			if strings.Contains(body, "127.0.0.1") {
				t.Errorf("the client is told of replicas: %q", body)
			}
			resp, _ = w.do(t, "POST", "/", "x", "Content-Type", "application/grpc")
			if c.text != "" && (resp.StatusCode != 200 || resp.Header.Get("Grpc-Status") == "") {
				t.Errorf("gRPC: %d %v, want its own status", resp.StatusCode, resp.Header)
			}
		})
	}
}

// Who leaves takes the request to the replica along.
func TestClientsThatLeave(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	w := start(t, 1, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	}, "")
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", w.front.URL, nil)
	go func() {
		if resp, err := w.front.Client().Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	<-arrived
	cancel()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the replica was not told")
	}
}

// Who may ask is told why a request went where it did; others are not.
func TestDebug(t *testing.T) {
	for text, want := range map[string]bool{"": true, "debug: {trust: [10.0.0.0/8]}": false} {
		w := start(t, 2, echo, text)
		resp, body := w.do(t, "GET", "/", "", "Rota-Debug", "1")
		got := resp.Header.Get("Rota-Debug")
		if want != strings.Contains(got, `"tries":[{"replica":"127.0.0.1:`) {
			t.Errorf("%q: Rota-Debug: %q", text, got)
		}
		if strings.Contains(body, "Rota-Debug") {
			t.Error("the replica was asked")
		}
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} { // a proxy on this machine, for anybody
			resp, body := w.do(t, "GET", "/", "", "Rota-Debug", "1", header, "1.1 192.0.2.1")
			if resp.Header.Get("Rota-Debug") != "" || strings.Contains(body, "Rota-Debug") {
				t.Errorf("it was told to whom a proxy asked for, by %s", header)
			}
		}
		if resp, _ := w.do(t, "GET", "/", ""); resp.Header.Get("Rota-Debug") != "" {
			t.Error("it was told to who did not ask")
		}
	}
}

// Whoever came through a proxy that is trusted is whom it says, to be told or not.
func TestDebugThroughATrustedProxy(t *testing.T) {
	w := start(t, 1, echo, "debug: {trust: [10.0.0.0/8]}\nforwarded: {trust: [127.0.0.0/8]}")
	for from, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "192.0.2.1": false, "10.1.2.3, 192.0.2.1": false, "unknown": false} {
		resp, _ := w.do(t, "GET", "/", "", "Rota-Debug", "1", "X-Forwarded-For", from)
		if got := resp.Header.Get("Rota-Debug") != ""; got != want {
			t.Errorf("%s was told: %t, want %t", from, got, want)
		}
	}
	if resp, _ := w.do(t, "GET", "/", "", "Rota-Debug", "1", "Forwarded", "for=10.1.2.3"); resp.Header.Get("Rota-Debug") != "" {
		t.Error("whom nobody knows was told")
	}
}

func TestForwardedOfTrustedProxies(t *testing.T) {
	for _, c := range []struct {
		text   string
		header []string
		want   []string
	}{
		{"forwarded: {trust: [127.0.0.0/8]}", []string{"X-Forwarded-For", "6.6.6.6, 1.2.3.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "a.example"},
			[]string{"X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Host: a.example\r\n"}},
		{"forwarded: {trust: [127.0.0.0/8], hops: 2, send: both}", []string{"X-Forwarded-For", "6.6.6.6, 1.2.3.4, 5.6.7.8", "Forwarded", `for=a, for="b,c";proto=https`},
			[]string{"X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n", `Forwarded: for=a, for="b,c";proto=https, for=127.0.0.1;proto=http;host="`}},
		{"forwarded: {send: none}", []string{"X-Forwarded-For", "6.6.6.6"}, nil},
		{"forwarded: {send: forwarded}", []string{"Forwarded", "for=6.6.6.6"}, []string{"Forwarded: for=127.0.0.1;proto=http;host="}},
	} {
		w := start(t, 1, echo, c.text)
		_, body := w.do(t, "GET", "/", "", c.header...)
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in\n%s", c.text, want, body)
			}
		}
		if strings.Contains(body, "6.6.6.6") {
			t.Errorf("%s: what nobody vouches for was passed on:\n%s", c.text, body)
		}
	}
}

// Requests with the same value of the key's header go to the same replica.
func TestKeys(t *testing.T) {
	w := start(t, 5, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host, r.Context().Value(http.LocalAddrContextKey))
	},
		"routes: [{service: users, key: x-user}]\nservices: {users: {target: \"TARGET\", policy: {balancer: ring}}}")
	for _, user := range []string{"ann", "bob", "eve"} {
		_, first := w.do(t, "GET", "/", "", "X-User", user)
		for range 5 {
			if _, body := w.do(t, "GET", "/", "", "X-User", user); body != first {
				t.Errorf("%s went to %s, and before to %s", user, body, first)
			}
		}
	}
}
