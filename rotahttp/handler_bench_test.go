package rotahttp_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/rota-go/rota/rotahttp"
)

// discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkHandler is a request to a handler that does nothing. "bare" is that handler alone.
func BenchmarkHandler(b *testing.B) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain := http.Header{}
	full := http.Header{"Rota-Timeout-Ms": {"250"}, "Rota-Hops": {"a,b"}}
	run := func(name string, h http.Handler, header http.Header) {
		b.Run(name, func(b *testing.B) {
			w := &discard{header: http.Header{}}
			r := request(context.Background(), "GET", nil)
			r.Header = header
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	run("bare", next, plain)
	run("nothing on the wire", rotahttp.Handler(next, rotahttp.ServerPolicy{}), plain)
	run("deadline and trail", rotahttp.Handler(next, rotahttp.ServerPolicy{}), full)
	run("and a limit", rotahttp.Handler(next, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{}}), full)
	run("at the edge", rotahttp.Handler(next, rotahttp.ServerPolicy{Edge: true}), full)

	// One request is in the handler, and there is one place.
	entered, done := make(chan bool), make(chan bool)
	busy := rotahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- true; <-done }),
		rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: -1}})
	go busy.ServeHTTP(&discard{header: http.Header{}}, request(context.Background(), "GET", nil))
	<-entered
	run("rejected", busy, full)
	close(done)
}
