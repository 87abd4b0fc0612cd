package rotahttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// The load is told at its path and nowhere else, to those who may know.
func TestLoadPath(t *testing.T) {
	tests := []struct {
		name         string
		policy       rotahttp.ServerPolicy
		method, path string
		told         bool
	}{
		{"GET", rotahttp.ServerPolicy{}, "GET", "/.rota/load", true},
		{"HEAD", rotahttp.ServerPolicy{}, "HEAD", "/.rota/load", true},
		{"with a query", rotahttp.ServerPolicy{}, "GET", "/.rota/load?x=1", true},
		{"POST is somebody's request", rotahttp.ServerPolicy{}, "POST", "/.rota/load", false},
		{"below", rotahttp.ServerPolicy{}, "GET", "/.rota/load/x", false},
		{"another path", rotahttp.ServerPolicy{LoadPath: "/load"}, "GET", "/load", true},
		{"not where it would be", rotahttp.ServerPolicy{LoadPath: "/load"}, "GET", "/.rota/load", false},
		{"nowhere", rotahttp.ServerPolicy{LoadPath: "-"}, "GET", "/.rota/load", false},
		{"at the edge", rotahttp.ServerPolicy{Edge: true}, "GET", "/.rota/load", false},
		{"at the edge, though there is a path", rotahttp.ServerPolicy{Edge: true, LoadPath: "/load"}, "GET", "/load", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			handled := false
			gate := rotahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled = true }), test.policy)
			rec := httptest.NewRecorder()
			gate.ServeHTTP(rec, httptest.NewRequest(test.method, test.path, nil))
			h := rec.Header()
			told := rec.Code == 204 && h.Get("Rota-Load") == "rif=0, latency-us=0, state=ok" && h.Get("Cache-Control") == "no-store"
			if told != test.told || handled == test.told {
				t.Errorf("%d %v, handled %t, want it told: %t", rec.Code, h, handled, test.told)
			}
		})
	}
}

// It is told when there is no place left, and while the server drains, which it does not keep from leaving.
func TestLoadPathUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		gate := rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: 1}})
		v := &visits{h: gate}
		v.send(t.Context(), "handled")
		v.send(t.Context(), "waiting")
		ask := func() http.Header {
			rec := httptest.NewRecorder()
			gate.ServeHTTP(rec, httptest.NewRequest("GET", rotahttp.DefaultLoadPath, nil))
			if rec.Code != 204 {
				t.Errorf("status %d, want 204", rec.Code)
			}
			return rec.Header()
		}
		time.Sleep(40 * time.Millisecond)
		if got := ask().Get("Rota-Load"); got != "rif=2, latency-us=30000, state=ok" {
			t.Errorf("Rota-Load = %q, want two requests of 40 ms", got)
		}
		close(h.release)
		v.all.Wait()
		var over atomic.Bool
		done := make(chan bool)
		go func() {
			for !over.Load() {
				time.Sleep(100 * time.Millisecond)
				if h := ask(); !strings.HasSuffix(h.Get("Rota-Load"), "state=draining") || h.Get("Connection") != "close" {
					t.Errorf("while it drains it says %v", h)
				}
			}
			done <- true
		}()
		began := time.Now()
		if err := gate.Drain(t.Context()); err != nil || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("Drain() = %v after %v, want a second", err, time.Since(began))
		}
		over.Store(true)
		<-done
	})
}

// Nothing of what is around the gate of a Runner sees a probe.
func TestLoadPathOfRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := rotahttp.Handler(http.HandlerFunc(hello), rotahttp.ServerPolicy{})
		var logged []string
		around := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			logged = append(logged, r.URL.Path)
			gate.ServeHTTP(w, r)
		})
		x := start(t, &rotahttp.Runner{Gate: gate}, &http.Server{Handler: around})
		for _, path := range []string{"/", rotahttp.DefaultLoadPath, "/"} {
			if _, load, _ := x.get(path); !strings.HasPrefix(load, "rif=0, ") {
				t.Errorf("%s: Rota-Load = %q", path, load)
			}
		}
		if len(logged) != 2 {
			t.Errorf("what is around the gate has seen %q, want two requests", logged)
		}
	})
}

// A request whose caller left tells nothing of how long one takes, and none stays in flight: neither that, nor one whose
// handler panics, or takes the connection.
func TestEndsOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/left":
				<-r.Context().Done()
			case "/panic":
				panic(http.ErrAbortHandler)
			case "/hijack":
				c, _, _ := w.(http.Hijacker).Hijack()
				time.Sleep(100 * time.Millisecond)
				c.Close()
			default:
				time.Sleep(2 * time.Millisecond)
			}
		}), rotahttp.ServerPolicy{}))
		client.Timeout = 50 * time.Millisecond
		for _, path := range []string{"/", "/left", "/panic", "/hijack"} {
			if resp, err := client.Get("http://server:80" + path); err == nil {
				resp.Body.Close()
			}
		}
		synctest.Wait()
		if resp, _ := get(t, client, rotahttp.DefaultLoadPath); resp.Header.Get("Rota-Load") != "rif=1, latency-us=2000, state=ok" {
			t.Errorf("while a connection is taken: %q", resp.Header.Get("Rota-Load"))
		}
		time.Sleep(60 * time.Millisecond)
		if resp, _ := get(t, client, rotahttp.DefaultLoadPath); resp.Header.Get("Rota-Load") != "rif=0, latency-us=2000, state=ok" {
			t.Errorf("after all: %q", resp.Header.Get("Rota-Load"))
		}
	})
}
