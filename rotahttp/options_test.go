package rotahttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// fetchWith makes a GET with options.
func fetchWith(ctx context.Context, w *world, method string, o *rotahttp.Options) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(rotahttp.With(ctx, o), method, "http://users/upper?s=abc", nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := w.transport().RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// long answers with n bytes, announced or in chunks.
func long(n int, announced bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !announced {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}
}

// A reply that breaks off while it is held is tried elsewhere; one that breaks off after that reaches the caller.
func TestHeldReplies(t *testing.T) {
	for _, c := range []struct {
		name      string
		size      int
		announced bool
		hold      int64
		whole     bool
	}{
		{"whole", 1000, true, 1024, true},
		{"whole, of unknown length", 1000, false, 1024, true},
		{"exactly as long", 1024, true, 1024, true},
		{"too long", 100_000, true, 1024, false},
		{"not held", 1000, true, 0, false},
		{"nothing in it", 0, true, 1024, true},
	} {
		for _, driver := range drivers {
			t.Run(c.name+"/"+driver.name, func(t *testing.T) {
				bubble(t, 2, long(c.size, c.announced), driver.policy, func(t *testing.T, w *world) {
					w.Replica(0).Set(rotatest.Cut())
					status, body, err := fetchWith(t.Context(), w, "GET", &rotahttp.Options{HoldReply: c.hold})
					if c.whole && (status != 200 || len(body) != c.size || err != nil) {
						t.Errorf("%d, %d bytes, %v; want all %d of the other replica", status, len(body), err, c.size)
					}
					if !c.whole && err == nil {
						t.Errorf("%d, %d bytes; want that they break off", status, len(body))
					}
				})
			})
		}
	}
}

// What is held when it need not be tried again comes as it is.
func TestHeldRepliesOfTheWell(t *testing.T) {
	for _, size := range []int{0, 1, 1024, 5000} {
		bubble(t, 1, long(size, true), plain, func(t *testing.T, w *world) {
			for range 2 { // the second on the same connection
				status, body, err := fetchWith(t.Context(), w, "GET", &rotahttp.Options{HoldReply: 1024})
				if status != 200 || len(body) != size || err != nil {
					t.Errorf("%d, %d bytes, %v; want %d", status, len(body), err, size)
				}
			}
		})
	}
}

// Server-sent events are passed on as they come, whatever the route is held to.
func TestEventsAreNotHeld(t *testing.T) {
	bubble(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, plain, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(rotahttp.With(ctx, &rotahttp.Options{HoldReply: 1 << 16}), "GET", "http://users/", nil)
		resp, err := w.transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		event := make([]byte, 9)
		if _, err := io.ReadFull(resp.Body, event); err != nil || string(event) != "data: 1\n\n" {
			t.Errorf("%q, %v", event, err)
		}
	})
}

// Options reach the call: it is repeated though it is a POST, by its own terms, and its decision is told.
func TestOptionsReachTheCall(t *testing.T) {
	terms, err := rota.NewTerms(rota.Policy{Timeout: time.Minute, Retry: &rota.Retry{Attempts: 2}})
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
		for i := range 3 {
			w.Replica(i).Set(rotatest.Status(500))
		}
		var d *rota.Decision
		route := w.client.Route("mine")
		status, _, err := fetchWith(t.Context(), w, "POST", &rotahttp.Options{
			Repeat: true, Terms: terms, Route: route, Decided: func(got *rota.Decision) { d = got },
		})
		if status != 500 || err != nil || d == nil {
			t.Fatalf("%d, %v, %v", status, err, d)
		}
		if len(d.Tries) != 2 || d.Deadline != time.Minute || d.Route != "mine" {
			t.Errorf("%d tries in %v on route %q, want 2 in 1m0s on mine", len(d.Tries), d.Deadline, d.Route)
		}
	})
}
