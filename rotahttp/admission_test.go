package rotahttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// held is a handler whose requests end when they are told to.
type held struct {
	mu      sync.Mutex
	entered []string // X-Name, in order
	release chan struct{}
}

func newHeld() *held { return &held{release: make(chan struct{})} }

func (h *held) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.entered = append(h.entered, r.Header.Get("X-Name"))
	h.mu.Unlock()
	<-h.release
}

func (h *held) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.entered...)
}

// visits sends requests to a handler in the background.
type visits struct {
	h   http.Handler
	all sync.WaitGroup
}

// send returns where the reply will be, with the time it took in the header Took.
func (v *visits) send(ctx context.Context, name string, header ...string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("X-Name", name)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	v.all.Go(func() {
		began := time.Now()
		v.h.ServeHTTP(rec, r)
		rec.Header().Set("Took", time.Since(began).String())
	})
	synctest.Wait()
	return rec
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		gate := rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: 1}})
		v := &visits{h: gate}
		first := v.send(t.Context(), "first")
		second := v.send(t.Context(), "second")
		third := v.send(t.Context(), "third")
		if third.Code != 503 || third.Header().Get("Retry-After") != "1" || third.Body.Len() == 0 {
			t.Errorf("with no place and no room, %d, Retry-After %q, %q", third.Code, third.Header().Get("Retry-After"), third.Body)
		}
		if got := third.Header().Get("Rota-Load"); got != "rif=2, latency-us=0, state=ok" {
			t.Errorf("Rota-Load = %q, want one handled and one that waits", got)
		}
		time.Sleep(10 * time.Millisecond)
		h.release <- struct{}{}
		synctest.Wait()
		if first.Code != 200 || len(h.names()) != 2 {
			t.Errorf("the first has %d, and %v entered", first.Code, h.names())
		}
		h.release <- struct{}{}
		v.all.Wait()
		if second.Code != 200 || second.Header().Get("Took") != "10ms" {
			t.Errorf("the second has %d after %s", second.Code, second.Header().Get("Took"))
		}
	})
}

// Nobody waits for long, nor longer than his caller, and nothing is begun for a caller who is gone.
func TestLimitWaits(t *testing.T) {
	tests := []struct {
		name   string
		header []string
		cancel time.Duration
		status int
		took   time.Duration
	}{
		{name: "patience", status: 503, took: 100 * time.Millisecond},
		{name: "the time is up first", header: []string{"Rota-Timeout-Ms", "30"}, status: 504, took: 30 * time.Millisecond},
		{name: "the time of gRPC", header: []string{"Grpc-Timeout", "31m"}, status: 504, took: 31 * time.Millisecond},
		{name: "the caller leaves", cancel: 20 * time.Millisecond, status: 503, took: 20 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHeld()
				v := &visits{h: rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1}})}
				v.send(t.Context(), "busy")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				rec := v.send(ctx, "waits", test.header...)
				time.Sleep(time.Second)
				h.release <- struct{}{}
				v.all.Wait()
				if rec.Code != test.status || rec.Header().Get("Took") != test.took.String() || len(h.names()) != 1 {
					t.Errorf("%d after %s, want %d after %v; %v entered", rec.Code, rec.Header().Get("Took"), test.status, test.took, h.names())
				}
				if after := v.send(t.Context(), "after"); after.Code != 200 || len(h.names()) != 2 {
					t.Error("the place was lost")
				}
				close(h.release)
				v.all.Wait()
			})
		})
	}
}

// A deadline that passed in the queue is looked at again, also when the place and the end come together.
func TestExpiredInTheQueueIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		v := &visits{h: rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1}})}
		v.send(t.Context(), "busy")
		var recs []*httptest.ResponseRecorder
		for range 20 {
			recs = append(recs, v.send(t.Context(), "waits", "Rota-Timeout-Ms", "30"))
		}
		time.Sleep(30 * time.Millisecond) // all timers are due, and the place is free
		close(h.release)
		v.all.Wait()
		for _, rec := range recs {
			if rec.Code == 200 && len(h.names()) == 1 {
				t.Errorf("a call has %d though it was not handled", rec.Code)
			}
		}
		if n := len(h.names()); n > 1 {
			t.Errorf("%d calls were begun though their time was up", n-1)
		}
	})
}

// A handler that panics, or takes the connection, gives its place back like any other.
func TestPlacesComeBack(t *testing.T) {
	panics := true
	gate := rotahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if panics {
			panic(http.ErrAbortHandler)
		}
	}), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: -1}})
	for range 3 {
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler {
					t.Error("the panic did not pass")
				}
			}()
			gate.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}()
	}
	panics = false
	rec := httptest.NewRecorder()
	if gate.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil)); rec.Code != 200 || rec.Header().Get("Rota-Load")[:6] != "rif=0," {
		t.Errorf("%d, %s", rec.Code, rec.Header().Get("Rota-Load"))
	}
}

// The longer an overload lasts, the later and the more at random callers are to come back; always in whole seconds.
func TestRetryAfterOfAnOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		v := &visits{h: rotahttp.Handler(h, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: 2}})}
		v.send(t.Context(), "busy")
		var recs []*httptest.ResponseRecorder
		for range 1200 {
			recs = append(recs, v.send(t.Context(), "more"))
			time.Sleep(20 * time.Millisecond)
		}
		close(h.release)
		v.all.Wait()
		seen := make(map[int]bool)
		for _, rec := range recs {
			if rec.Code != 503 {
				continue
			}
			n, err := strconv.Atoi(rec.Header().Get("Retry-After"))
			if err != nil || n < 1 || n > 5 {
				t.Fatalf("Retry-After = %q", rec.Header().Get("Retry-After"))
			}
			seen[n] = true
		}
		if len(seen) != 5 {
			t.Errorf("callers come back after %v seconds, want 1 to 5", seen)
		}
	})
}

// The limit that is measured lets a server that has little to do alone.
func TestAdaptiveLimitLetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &visits{h: rotahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(10 * time.Millisecond)
		}), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{}})}
		var recs []*httptest.ResponseRecorder
		for range 2000 {
			recs = append(recs, v.send(t.Context(), "", "Rota-Timeout-Ms", "1000"))
			time.Sleep(time.Millisecond)
		}
		v.all.Wait()
		for i, rec := range recs {
			if rec.Code != 200 {
				t.Fatalf("request %d has %d", i, rec.Code)
			}
		}
	})
}

// Every algorithm that the documentation names is one, and any of them lets a request through.
func TestLimitAlgorithms(t *testing.T) {
	for _, name := range []string{"", "dip", "vegas", "gradient", "failsafe", "envoy", "gradient2", "aimd", "vegas-plain"} {
		l := &rotahttp.Limit{Algorithm: name}
		if err := l.Validate(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		rec := httptest.NewRecorder()
		gate := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{Limit: l})
		gate.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code != 404 {
			t.Errorf("%q: %d", name, rec.Code)
		}
	}
}

// Handler cannot tell of a mistake, so Run does, before it listens; wherever the gate is.
func TestRunRejectsWrongLimit(t *testing.T) {
	gate := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Algorithm: "newest"}})
	for name, run := range map[string]func(string) error{
		"the handler": func(addr string) error {
			return new(rotahttp.Runner).Run(t.Context(), &http.Server{Addr: addr, Handler: gate})
		},
		"inside": func(addr string) error {
			return (&rotahttp.Runner{Gate: gate}).Run(t.Context(), &http.Server{Addr: addr})
		},
	} {
		err := run("no port")
		const want = `rotahttp: Limit.Algorithm = "newest", want one of dip, `
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: Run() = %v, want %s", name, err, want)
		}
	}
}
