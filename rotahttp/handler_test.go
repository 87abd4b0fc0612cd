package rotahttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

func TestHandlerRefuses(t *testing.T) {
	hops := func(n int) string { return strings.TrimSuffix(strings.Repeat("x,", n), ",") }
	tests := []struct {
		name, header, value string
		status              int
	}{
		{"nothing", "", "", 200},
		{"its own id", "Rota-Hops", "me", 508},
		{"its own id, among others", "Rota-Hops", "a, me ,b", 508},
		{"an id that contains its own", "Rota-Hops", "me2,some", 200},
		{"15 processes", "Rota-Hops", hops(15), 200},
		{"16 processes", "Rota-Hops", hops(16), 508},
		{"a trail without end", "Rota-Hops", strings.Repeat("x", 100_000), 508},
		{"no time", "Rota-Timeout-Ms", "0", 504},
		{"no time, at length", "Rota-Timeout-Ms", "0000000000", 504},
		{"time", "Rota-Timeout-Ms", "1", 200},
		{"garbage time", "Rota-Timeout-Ms", "soon", 200},
		{"negative time", "Rota-Timeout-Ms", "-1", 200},
		{"signed time", "Rota-Timeout-Ms", "+0", 200},
		{"too much time", "Rota-Timeout-Ms", "99999999999", 200},
		{"broken time", "Rota-Timeout-Ms", "0.0", 200},
		{"garbage trail", "Rota-Hops", ",,;\x7f,", 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			called := false
			next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })
			r := httptest.NewRequest("GET", "/", nil)
			if test.header != "" {
				r.Header[test.header] = []string{test.value}
			}
			rec := httptest.NewRecorder()
			rotahttp.Handler(next, rotahttp.ServerPolicy{ID: "me"}).ServeHTTP(rec, r)
			if rec.Code != test.status || called != (test.status == 200) {
				t.Errorf("status = %d, called = %t, want %d", rec.Code, called, test.status)
			}
		})
	}
}

func TestHandlerRefuseHook(t *testing.T) {
	var got []int
	h := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{
		ID: "me",
		Refuse: func(w http.ResponseWriter, r *http.Request, status int, why string) {
			if why == "" {
				t.Error("no reason was given")
			}
			got = append(got, status)
			w.WriteHeader(status)
		},
	})
	for key, value := range map[string]string{"Rota-Hops": "me", "Rota-Timeout-Ms": "0"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(key, value)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if slices.Sort(got); !slices.Equal(got, []int{504, 508}) {
		t.Errorf("Refuse was called with %v, want 504 and 508", got)
	}
}

func TestHandlerDeadline(t *testing.T) {
	tests := []struct {
		value string
		want  time.Duration // 0 = none
	}{
		{"", 0}, {"garbage", 0}, {"-5", 0}, {"1e3", 0}, {"99999999999", 0},
		{"1", time.Millisecond}, {"250", 250 * time.Millisecond}, {"9999999999", 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ctx context.Context
				h := rotahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					ctx = r.Context()
					deadline, ok := ctx.Deadline()
					if left := time.Until(deadline); ok != (test.want > 0) || ok && left != test.want {
						t.Errorf("the deadline is in %v, %t, want %v", left, ok, test.want)
					}
				}), rotahttp.ServerPolicy{})
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Rota-Timeout-Ms", test.value)
				h.ServeHTTP(httptest.NewRecorder(), r)
				if test.want > 0 && ctx.Err() == nil {
					t.Error("the context outlives the request")
				}
			})
		})
	}
}

// front is a service between two others: it serves what callers ask of it by calling w.
func (w *world) front(t *testing.T, id string, call func(context.Context) error) *rotatest.Replicas {
	return rotatest.New(t, 1, rotahttp.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := call(r.Context()); err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
		}
	}), rotahttp.ServerPolicy{ID: id}))
}

// What a caller tells of a call goes on to the calls made for it: trace and request id unchanged, the trail with this
// process on it, the time that is left.
func TestHeadersTravel(t *testing.T) {
	unchanged := http.Header{
		"Traceparent":  {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"Tracestate":   {"rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE"},
		"Baggage":      {"userId=alice,serverNode=DF%2028"},
		"X-Request-Id": {"f058ebd6-02f7-4d3f-942e-904344e8cde5"},
	}
	for _, caller := range callers {
		t.Run(caller.name, func(t *testing.T) {
			bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(rotatest.Status(500).After(30 * time.Millisecond))
				front := w.front(t, "front", caller.of(w))
				req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://replica-0:80/", nil)
				req.Header = unchanged.Clone()
				req.Header.Set("Rota-Hops", "a,b")
				req.Header.Set("Rota-Timeout-Ms", "100")
				req.Header.Set("Authorization", "secret")
				resp, err := front.Transport().RoundTrip(req)
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("RoundTrip() = %v, %v, want 200", resp, err)
				}
				resp.Body.Close()
				for i, want := range []http.Header{
					{"Rota-Timeout-Ms": {"100"}, "Rota-Attempt": nil, "Rota-Retries-Left": {"2"}, "Rota-Hops": {"a,b,front"}},
					{"Rota-Timeout-Ms": {"70"}, "Rota-Attempt": {"2"}, "Rota-Retries-Left": {"1"}, "Rota-Hops": {"a,b,front"}},
				} {
					got := w.Replica(i).Seen()[0].Header
					for key, v := range unchanged {
						want[key] = v
					}
					want["Authorization"] = nil
					for key, v := range want {
						if !slices.Equal(got[key], v) {
							t.Errorf("attempt %d: %s = %q, want %q", i+1, key, got[key], v)
						}
					}
				}
			})
		})
	}
}

// Of several layers that repeat, one does: what was repeated below in vain is not repeated above, and what is repeated
// above is not repeated below.
func TestOneLayerRepeats(t *testing.T) {
	for _, caller := range callers {
		t.Run(caller.name, func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				for i := range 3 {
					w.Replica(i).Set(rotatest.Status(500))
				}
				ask := caller.of(w)
				front := w.front(t, "front", func(ctx context.Context) error {
					if ask(ctx) != nil || w.client.Stats().Calls.Failed > 0 { // a Transport returns the failed reply
						return errors.New("below")
					}
					return nil
				})
				client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("replica-0:80"), Policy: plain})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				above := &rotahttp.Transport{Client: client, Base: front.Transport()}
				resp, err := above.RoundTrip(request(t.Context(), "GET", nil))
				if err != nil || resp.StatusCode != 502 {
					t.Fatalf("RoundTrip() = %v, %v, want 502", resp, err)
				}
				resp.Body.Close()
				if n := front.Replica(0).Calls(); n != 1 {
					t.Errorf("the front was asked %d times though it had repeated the call itself", n)
				}
				if got := fmt.Sprint(w.calls()); got != "[1 1 1]" {
					t.Errorf("requests: %s, want one to each", got)
				}
				req := request(t.Context(), "GET", nil)
				req.URL.Host = "replica-0:80"
				req.Header.Set("Rota-Attempt", "2")
				if resp, err = front.Transport().RoundTrip(req); err != nil || resp.StatusCode != 502 {
					t.Fatalf("RoundTrip() = %v, %v, want 502", resp, err)
				}
				resp.Body.Close()
				if got := w.calls(); got[0]+got[1]+got[2] != 4 {
					t.Errorf("requests: %v; want one more", got)
				}
				for i, n := range w.calls() {
					if h := w.Replica(i).Seen()[n-1].Header; n == 2 && h.Get("Rota-Attempt") != "2" {
						t.Errorf("a call made for one that is repeated says %v, want Rota-Attempt: 2", h)
					}
				}
			})
		})
	}
}

// What the caller of a Transport sets himself is his, but the trail and the time are rota's.
func TestHeadersOfTheRequestStay(t *testing.T) {
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		front := w.front(t, "front", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			req := request(ctx, "GET", nil)
			req.Header.Set("Traceparent", "mine")
			req.Header.Set("Rota-Hops", "forged")
			req.Header.Set("Rota-Timeout-Ms", "1")
			resp, err := w.transport().RoundTrip(req)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		})
		req, _ := http.NewRequest("GET", "http://replica-0:80/", nil)
		req.Header.Set("Traceparent", "theirs")
		req.Header.Set("X-Request-Id", "id")
		resp, err := front.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got := w.Replica(0).Seen()[0].Header
		for key, want := range map[string]string{
			"Traceparent": "mine", "X-Request-Id": "id", "Rota-Hops": "front", "Rota-Timeout-Ms": "50",
		} {
			if got.Get(key) != want {
				t.Errorf("%s = %q, want %q", key, got.Get(key), want)
			}
		}
	})
}

// A front that is listed among its own replicas says so, once, and the call is answered elsewhere.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := 0
		var front http.Handler // the service of replica 0
		rs := rotatest.New(t, 2, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rotatest.Addr(r) == "replica-0:80" {
				front.ServeHTTP(w, r)
				return
			}
			upper(w, r)
		}))
		client, err := rota.New(rota.Config{Resolver: rs.Resolver(), Policy: plain, Balancer: rota.RoundRobinFrom(0)})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Replicas: rs, client: client}
		defer w.check(t)
		e := w.endpoint("POST")
		e.Idempotent = true
		front = rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served++
			s, err := e.Call(r.Context(), "hello")
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			io.WriteString(w, s)
		}), rotahttp.ServerPolicy{})
		status, got, err := fetchFrom(t.Context(), rs.Transport(), "replica-0:80")
		if status != 200 || got != "HELLO from replica-1:80" || err != nil || served != 1 {
			t.Errorf("reply = %d %q, %v, and the front served %d, want the answer of replica 1, once", status, got, err, served)
		}
		if n := w.node(0).Attempts; n.Failure != 1 {
			t.Errorf("the loop was counted as %+v, want one failure", n)
		}
	})
}

func fetchFrom(ctx context.Context, rt http.RoundTripper, addr string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/", nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
