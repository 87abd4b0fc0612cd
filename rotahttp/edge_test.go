package rotahttp_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// Of what comes from outside, the handler sees what is the caller's to say, and the calls made with it carry nothing on.
func TestEdge(t *testing.T) {
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		var seen http.Header
		front := rotatest.New(t, 1, rotahttp.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			seen = r.Header.Clone()
			if _, timed := r.Context().Deadline(); timed {
				t.Error("a deadline from outside counts")
			}
			rw.Header().Set("Rota-Load", "of a replica behind")
			rw.Header().Set("Rota-Retries-Left", "0")
			if _, err := w.endpoint("POST").Call(r.Context(), "hello"); err != nil {
				t.Error(err)
			}
		}), rotahttp.ServerPolicy{ID: "edge", Edge: true}))
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://replica-0:80/", nil)
		if err != nil {
			t.Fatal(err)
		}
		stays := http.Header{"Authorization": {"secret"}, "Idempotency-Key": {"k"}, "Cookie": {"a=b"}, "X-Forwarded-For": {"1.2.3.4"}}
		goes := []string{
			"Rota-Timeout-Ms", "Rota-Hops", "Rota-Attempt", "Rota-Retries-Left", "Rota-Debug", "Rota-Load", "Rota-Anything",
			"Connect-Timeout-Ms", "Grpc-Timeout", "X-Envoy-Expected-Rq-Timeout-Ms", "X-Envoy-Attempt-Count",
			"Traceparent", "Tracestate", "Baggage",
		}
		req.Header = stays.Clone()
		for _, key := range goes {
			req.Header.Set(key, "0")
		}
		req.Header.Set("Rota-Hops", "forged")
		req.Header.Set("X-Request-Id", "forged\tid")
		resp, err := front.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("Rota-Load")+resp.Header.Get("Rota-Retries-Left") != "" {
			t.Errorf("reply %d %v, want 200 and nothing of ours", resp.StatusCode, resp.Header)
		}
		for key, want := range stays {
			if !slices.Equal(seen[key], want) {
				t.Errorf("%s = %q, want %q", key, seen[key], want)
			}
		}
		onward := w.Replica(0).Seen()[0].Header.Clone()
		for _, key := range goes {
			if key == "Rota-Hops" || key == "Rota-Retries-Left" { // our own, behind it
				continue
			}
			if seen[key] != nil || onward[key] != nil {
				t.Errorf("%s = %q in the handler, %q behind it", key, seen[key], onward[key])
			}
		}
		if seen["Rota-Hops"] != nil || onward.Get("Rota-Hops") != "edge" {
			t.Errorf("Rota-Hops = %q, and %q behind, want a trail that begins here", seen["Rota-Hops"], onward.Get("Rota-Hops"))
		}
		if id := seen.Get("X-Request-Id"); len(id) != 12 || onward.Get("X-Request-Id") != id {
			t.Errorf("X-Request-Id = %q, and %q behind, want a new one", id, onward.Get("X-Request-Id"))
		}
	})
}

// A call that left through another service and comes back at the edge is a loop like any other.
func TestEdgeSeesLoops(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Rota-Hops", "edge,other")
	rec := httptest.NewRecorder()
	rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{ID: "edge", Edge: true}).ServeHTTP(rec, r)
	if rec.Code != http.StatusLoopDetected {
		t.Errorf("status %d, want 508", rec.Code)
	}
}

// The request's own headers are not touched: who wraps the Gate, or logs afterwards, sees what came.
func TestEdgeLeavesTheRequestAlone(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{"Rota-Timeout-Ms": {"0"}, "Baggage": {"b"}, "X-Request-Id": {"mine"}, "Accept": {"a"}}
	before := maps.Clone(r.Header)
	rec := httptest.NewRecorder()
	rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{Edge: true}).ServeHTTP(rec, r)
	if !maps.EqualFunc(r.Header, before, slices.Equal) || rec.Code != 404 {
		t.Errorf("the headers are %v, were %v; status %d", r.Header, before, rec.Code)
	}
}

// The deadline of the request's own context is none from outside: it stays.
func TestEdgeKeepsTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	rotahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("the deadline is gone")
		}
	}), rotahttp.ServerPolicy{Edge: true}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
}
