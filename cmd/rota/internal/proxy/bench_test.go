package proxy_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rota-go/rota/cmd/rota/internal/proxy"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/rotadash"
	"github.com/rota-go/rota/rotahttp"
)

// sink is a client that is not there.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkForward is a request on its way to a replica over loopback and back, without the server in front: with everything
// on that rota proxy has on, and by a bare httputil.ReverseProxy. Both have the replica's work in them.
func BenchmarkForward(b *testing.B) {
	replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer replica.Close()
	simple := setup.Simple{Listen: ":0", To: strings.TrimPrefix(replica.URL, "http://")}
	s, err := simple.Setup()
	if err != nil {
		b.Fatal(err)
	}
	dash, err := rotadash.New(rotadash.Params{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := proxy.New(s, proxy.Params{
		Log: slog.New(slog.DiscardHandler), Observer: dash.Observer(), Metrics: proxy.NewMetrics(prometheus.NewRegistry()),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := p.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	target, err := url.Parse(replica.URL)
	if err != nil {
		b.Fatal(err)
	}
	bare := &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(target); pr.SetXForwarded() },
		Transport: rotahttp.NewTransport(),
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"rota", p}, {"reverseproxy", bare}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/users?id=1", nil)
				r.Header["User-Agent"] = []string{"bench"}
				r.Header["Accept"] = []string{"*/*"}
				c.handler.ServeHTTP(&sink{http.Header{}}, r)
			}
		})
	}
}
