package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/cmd/rota/internal/proxy"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// world is a proxy in front of replicas, all over loopback.
type world struct {
	*proxy.Proxy
	out      bytes.Buffer // what goes to the standard output
	front    *httptest.Server
	replicas []*replica
}

// replica is a server whose handler a test may change.
type replica struct {
	*httptest.Server
	handler atomic.Pointer[http.HandlerFunc]
	calls   atomic.Int64
}

func (r *replica) set(h http.HandlerFunc) { r.handler.Store(&h) }

func (r *replica) addr() string { return strings.TrimPrefix(r.URL, "http://") }

// start runs n replicas that answer with h, and a proxy. text is its file, in which TARGET stands for the replicas; what is
// missing in it of listeners, routes and services is one of each.
func start(t *testing.T, n int, h http.HandlerFunc, text string) *world {
	t.Helper()
	w := &world{}
	for range n {
		r := &replica{}
		r.set(h)
		r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			r.calls.Add(1)
			(*r.handler.Load())(rw, req)
		}))
		r.Config.Protocols = new(http.Protocols)
		r.Config.Protocols.SetHTTP1(true)
		r.Config.Protocols.SetUnencryptedHTTP2(true)
		r.Start()
		t.Cleanup(r.Close)
		w.replicas = append(w.replicas, r)
	}
	p, err := proxy.New(w.parse(t, text), proxy.Params{Log: slog.New(slog.DiscardHandler), Out: &w.out, Err: t.Output(), Observer: rota.Observer{}})
	if err != nil {
		t.Fatal(err)
	}
	w.Proxy = p
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.front = httptest.NewUnstartedServer(p)
	w.front.Config.Protocols = new(http.Protocols)
	w.front.Config.Protocols.SetHTTP1(true)
	w.front.Config.Protocols.SetUnencryptedHTTP2(true)
	w.front.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(t.Output(), nil), 0)
	w.front.Start()
	t.Cleanup(func() {
		w.front.Close()
		_ = p.Close()
	})
	return w
}

func (w *world) parse(t *testing.T, text string) *setup.Setup {
	t.Helper()
	for key, one := range map[string]string{
		"listeners:": "listeners: [{listen: \":0\"}]\n",
		"routes:":    "routes: [{service: users}]\n",
		"services:":  "services: {users: {target: \"TARGET\", policy: {balancer: rr, retry: {}, breaker: {}}}}\n",
	} {
		if !strings.Contains(text, key) {
			text += "\n" + one
		}
	}
	var addrs []string
	for _, r := range w.replicas {
		addrs = append(addrs, r.addr())
	}
	n, err := document.ParseYAML([]byte(strings.ReplaceAll(text, "TARGET", strings.Join(addrs, ","))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.FromTree(n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// do makes a request and returns the response, its body read.
func (w *world) do(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := w.try(t, method, path, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return resp, text
}

func (w *world) try(t *testing.T, method, path, body string, header ...string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.front.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := w.front.Client().Transport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// echo answers with what it got.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s host=%s body=%q\n", r.Method, r.URL.RequestURI(), r.Host, body)
	_ = r.Header.Write(w)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
