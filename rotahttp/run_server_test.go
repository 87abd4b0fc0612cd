package rotahttp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// A handler that has taken its connection is waited for as others are.
func TestRunHijacked(t *testing.T) {
	for _, test := range []struct {
		takes, end time.Duration
		want       error
	}{{8 * time.Second, 8 * time.Second, nil}, {time.Hour, 15 * time.Second, rotahttp.ErrCutOff}} {
		synctest.Test(t, func(t *testing.T) {
			x := start(t, &rotahttp.Runner{}, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
				select {
				case <-time.After(test.takes):
				case <-r.Context().Done():
				}
			})})
			if status, c := x.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(status, "101") {
				t.Fatalf("reply %q", status)
			} else {
				defer c.Close()
			}
			x.leave()
			x.wantEnd(test.end, test.want)
		})
	}
}

// What cannot be listened on, or served, is an error; and whoever asks for readiness otherwise gets no answer from us.
func TestRunErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := rotahttp.Runner{Listening: func(net.Addr) { t.Error("it listens") }}
	err = r.Run(t.Context(), &http.Server{Addr: taken.Addr().String()})
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("Run() = %v, want that the address is taken", err)
	}
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{}, &http.Server{})
		x.listener.Close() // behind its back
		x.wantEnd(0, net.ErrClosed)
	})
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{}, &http.Server{Handler: http.NotFoundHandler()})
		for _, path := range []string{"/healthz", "/readyz"} {
			if got, _, _ := x.get(path); got != 404 {
				t.Errorf("%s: %d, want it off", path, got)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{Readyz: "/readyz"}, &http.Server{})
		resp, err := x.client.Post("http://server:80/readyz", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST of /readyz: %d, %q", resp.StatusCode, resp.Header.Get("Allow"))
		}
	})
}

// What the caller has set in his http.Server stays.
func TestRunKeepsWhatIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var states atomic.Int64
		srv := &http.Server{
			ReadHeaderTimeout: time.Second, IdleTimeout: 3 * time.Second, MaxHeaderBytes: 1000, WriteTimeout: time.Minute,
			ConnState:   func(net.Conn, http.ConnState) { states.Add(1) },
			BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), key{}, "mine") },
			Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Context().Value(key{}) != "mine" {
					t.Error("the base context is lost")
				}
			}),
		}
		x := start(t, &rotahttp.Runner{}, srv)
		x.get("/")
		if srv.ReadHeaderTimeout != time.Second || srv.IdleTimeout != 3*time.Second || srv.MaxHeaderBytes != 1000 || srv.WriteTimeout != time.Minute || states.Load() < 2 {
			t.Errorf("%+v, %d states", srv, states.Load())
		}
	})
}
