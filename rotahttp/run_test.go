package rotahttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
	"github.com/rota-go/rota/rotahttp"
)

// run is a Runner under way in a bubble, on a network in memory.
type run struct {
	*rotahttp.Runner
	t        *testing.T
	listener *memnet.Listener
	stop     context.CancelFunc
	client   *http.Client
	began    time.Time
	ended    chan error
}

// start runs a server. The client keeps its connections.
func start(t *testing.T, r *rotahttp.Runner, srv *http.Server) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := memnet.Listen("server:80")
	r.Listener, r.Signals = l, []os.Signal{}
	tr := &http.Transport{DialContext: dialer(l)}
	x := &run{r, t, l, cancel, &http.Client{Transport: tr}, time.Now(), make(chan error, 1)}
	go func() { x.ended <- r.Run(ctx, srv) }()
	t.Cleanup(func() {
		cancel()
		tr.CloseIdleConnections()
		time.Sleep(time.Minute)
	})
	synctest.Wait()
	return x
}

// leave tells the server to stop.
func (x *run) leave() {
	x.began = time.Now()
	x.stop()
	synctest.Wait()
}

// wantEnd waits for the end of Run.
func (x *run) wantEnd(after time.Duration, want error) {
	x.t.Helper()
	err := <-x.ended
	took := time.Since(x.began)
	if !errors.Is(err, want) {
		x.t.Errorf("Run() = %v, want %v", err, want)
	}
	if took < after || took > after+after/10+600*time.Millisecond { // Shutdown looks twice a second
		x.t.Errorf("Run returned after %v, want %v", took, after)
	}
}

// raw sends text on a connection of its own and returns how the reply begins: "" if there is none.
func (x *run) raw(text string) (status string, c net.Conn) {
	x.t.Helper()
	c, err := x.listener.Dial(x.t.Context())
	if err != nil {
		return "", nil
	}
	io.WriteString(c, text)
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), c
}

func (x *run) get(path string) (status int, load string, closed bool) {
	x.t.Helper()
	resp, _ := get(x.t, x.client, path)
	return resp.StatusCode, resp.Header.Get("Rota-Load"), resp.Close
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

// The life of a server: ready, then not, announced on every reply, still serving; then gone.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drained := 0
		var addr net.Addr
		x := start(t, &rotahttp.Runner{
			Healthz: "/healthz", Readyz: "/readyz",
			Probes:    map[string]http.Handler{"/metrics": http.HandlerFunc(hello)},
			Draining:  func() { drained++ },
			Listening: func(a net.Addr) { addr = a },
		}, &http.Server{Handler: http.HandlerFunc(hello)})
		want := func(path string, status int, state string, closed bool) {
			t.Helper()
			gotStatus, load, gotClosed := x.get(path)
			if gotStatus != status || !strings.HasSuffix(load, "state="+state) || !strings.HasPrefix(load, "rif=0, ") || gotClosed != closed {
				t.Errorf("%s: %d, %q, closed %t, want %d, %s, %t", path, gotStatus, load, gotClosed, status, state, closed)
			}
		}
		if addr == nil || addr.String() != "server:80" {
			t.Errorf("it listens on %v", addr)
		}
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/healthz/", "/other"} {
			want(path, 200, "ok", false)
		}
		x.leave()
		if drained != 1 {
			t.Errorf("Draining was called %d times", drained)
		}
		for time.Since(x.began) < 4*time.Second {
			want("/", 200, "draining", true)
			want("/healthz", 200, "draining", true)
			want("/readyz", 503, "draining", true)
			want("/metrics", 200, "draining", true)
			time.Sleep(500 * time.Millisecond)
		}
		x.wantEnd(4500*time.Millisecond, nil) // a second after the last
		if _, err := x.client.Get("http://server:80/"); err == nil {
			t.Error("it serves still")
		}
	})
}

// How long it takes to leave.
func TestRunWaits(t *testing.T) {
	stay := func(x *run) { // a connection that is not used
		_, c := x.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		x.t.Cleanup(func() { c.Close() })
	}
	tests := []struct {
		name   string
		runner rotahttp.Runner
		before func(*run)
		want   time.Duration
	}{
		{"never called", rotahttp.Runner{}, nil, time.Second},
		{"never called, to be waited out", rotahttp.Runner{WaitOut: true}, nil, 5 * time.Second},
		{"called, and left", rotahttp.Runner{}, func(x *run) { x.get("/"); x.client.CloseIdleConnections() }, time.Second},
		{"a connection that is idle", rotahttp.Runner{}, stay, 5100 * time.Millisecond},
		{"another time to wait", rotahttp.Runner{Wait: 2 * time.Second}, stay, 2100 * time.Millisecond},
		{"none", rotahttp.Runner{Wait: -1}, stay, 100 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := start(t, &test.runner, &http.Server{Handler: http.HandlerFunc(hello)})
				if test.before != nil {
					test.before(x)
				}
				x.leave()
				x.wantEnd(test.want, nil)
			})
		})
	}
}

// A request that is in flight when the drain begins says so in its reply, and one that takes too long is cut off.
func TestRunRequestsInFlight(t *testing.T) {
	tests := []struct {
		name     string
		takes    time.Duration
		shutdown time.Duration
		want     error
		end      time.Duration
	}{
		{"ends while the others move", 2 * time.Second, 0, nil, 2 * time.Second},
		{"ends in the shutdown", 12 * time.Second, 0, nil, 12 * time.Second},
		{"is cut off", time.Hour, 0, rotahttp.ErrCutOff, 15100 * time.Millisecond},
		{"is cut off earlier", time.Hour, time.Second, rotahttp.ErrCutOff, 6100 * time.Millisecond},
		{"is cut off at once", time.Hour, -1, rotahttp.ErrCutOff, 5100 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told error
				x := start(t, &rotahttp.Runner{Shutdown: test.shutdown}, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(test.takes):
						io.WriteString(w, "done")
					case <-r.Context().Done():
						told = r.Context().Err()
					}
				})})
				replied := make(chan string, 1)
				go func() {
					resp, err := x.client.Post("http://server:80/", "text/plain", strings.NewReader("not read"))
					if err != nil {
						replied <- "error"
						return
					}
					b, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					replied <- fmt.Sprint(string(b), resp.Close, strings.HasSuffix(resp.Header.Get("Rota-Load"), "draining"))
				}()
				synctest.Wait()
				x.leave()
				x.wantEnd(test.end, test.want)
				got := <-replied
				if want := "donetrue true"; test.want == nil && got != want {
					t.Errorf("the caller has %q, want %q", got, want)
				}
				if synctest.Wait(); test.want != nil && (got != "error" || told == nil) {
					t.Errorf("the caller has %q, the handler was told %v", got, told)
				}
			})
		})
	}
}

// Abort ends it in any phase.
func TestRunAbort(t *testing.T) {
	for _, after := range []time.Duration{-1, 0, time.Second, 5050 * time.Millisecond, 7 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				abort := make(chan struct{})
				x := start(t, &rotahttp.Runner{Abort: abort}, &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
				})})
				go x.client.Get("http://server:80/")
				synctest.Wait()
				if after >= 0 {
					x.leave()
					time.Sleep(after)
				}
				x.began = time.Now()
				close(abort)
				x.wantEnd(0, rotahttp.ErrCutOff)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		abort := make(chan struct{})
		x := start(t, &rotahttp.Runner{Abort: abort}, &http.Server{})
		close(abort)
		x.wantEnd(0, nil) // nothing was cut off
	})
}

// The health checks are answered though there is no place.
func TestReadyWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		gate := rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: -1}})
		x := start(t, &rotahttp.Runner{Healthz: "/healthz", Readyz: "/readyz"}, &http.Server{Handler: gate})
		go x.client.Get("http://server:80/")
		synctest.Wait()
		for path, want := range map[string]int{"/": 503, "/healthz": 200, "/readyz": 200} {
			if got, load, _ := x.get(path); got != want || load != "rif=1, latency-us=0, state=ok" {
				t.Errorf("%s: %d, %s, want %d", path, got, load, want)
			}
		}
		close(h.release)
	})
}

// A Gate inside of other middlewares is drained if Run knows of it, and the replies of the others say so too.
func TestRunGateInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := rotahttp.Handler(http.HandlerFunc(hello), rotahttp.ServerPolicy{})
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/forbidden" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			gate.ServeHTTP(w, r)
		})
		x := start(t, &rotahttp.Runner{Gate: gate}, &http.Server{Handler: outer})
		x.get("/")
		x.leave()
		if !gate.Draining() {
			t.Error("the gate does not drain")
		}
		for _, path := range []string{"/", "/forbidden"} {
			if _, _, closed := x.get(path); !closed {
				t.Errorf("%s does not close its connection", path)
			}
		}
	})
}
