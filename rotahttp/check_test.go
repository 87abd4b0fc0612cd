package rotahttp_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// checked replies to checks with a status, and is well otherwise.
func checked(status int) rotatest.Fault {
	return rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(status)
		}
	}))
}

func (w *world) checks(i int) (n int) {
	for _, r := range w.Replica(i).Seen() {
		if r.URI == "/readyz" {
			n++
		}
	}
	return n
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		fault  rotatest.Fault
		out    bool
		checks int // within a minute, at least; 1 = exactly
	}{
		{"well", checked(200), false, 50},
		{"moved", checked(302), false, 50},
		{"not ready", checked(503), true, 50},
		{"hung", rotatest.Hang(), true, 25},
		{"dead", rotatest.Refuse(), true, 0},
		{"half a reply", rotatest.Cut(), true, 50},
		{"forbidden says nothing", checked(403), false, 50},
		{"too many says nothing", checked(429), false, 50},
		{"not there", checked(404), false, 1},
		{"not allowed", checked(405), false, 1},
		{"not implemented", checked(501), false, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				rt := w.transport()
				rt.Check = &rotahttp.Check{Path: "/readyz", Interval: time.Second}
				call(t, rt) // the first one begins the checks
				w.Replica(0).Set(test.fault)
				time.Sleep(time.Minute)
				synctest.Wait()
				if out := w.node(0).Breaker != "closed"; out != test.out {
					t.Errorf("the breaker is %s, want it out of use: %t", w.node(0).Breaker, test.out)
				}
				if n := w.checks(0); n < test.checks || test.checks == 1 && n != 1 {
					t.Errorf("%d checks in a minute, want %d", n, test.checks)
				}
				w.Replica(0).Set(checked(200))
				time.Sleep(4 * time.Second) // the time of a check that hangs, an interval with its scatter, and a check
				synctest.Wait()
				if w.node(0).Breaker != "closed" {
					t.Errorf("four seconds after it was well again the breaker is %s", w.node(0).Breaker)
				}
			})
		})
	}
}

func call(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	resp, err := rt.RoundTrip(request(t.Context(), "GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}

// A replica that leaves is not checked any more, and its connections are closed; one that comes is checked.
func TestChecksAndConnectionsFollowTheSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 2, http.HandlerFunc(upper))
		set := make(chan []rota.Instance)
		client, err := rota.New(rota.Config{Resolver: sets(set), Policy: plain, Balancer: rota.RoundRobinFrom(0)})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Replicas: rs, client: client}
		defer w.check(t)
		both := []rota.Instance{{Addr: "replica-0:80"}, {Addr: "replica-1:80"}}
		set <- both
		rt := w.transport()
		rt.Check = &rotahttp.Check{Path: "/readyz", Interval: time.Second}
		for range 4 {
			call(t, rt)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := rs.InUse(); n != 2 {
			t.Errorf("%d connections are open, want an idle one to each replica", n)
		}
		set <- both[1:]
		synctest.Wait()
		gone := w.checks(0)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := rs.InUse(); n != 1 || w.checks(0) != gone {
			t.Errorf("%d connections are open, %d checks of the one that left, want 1 and 0", n, w.checks(0)-gone)
		}
		set <- both
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := w.checks(0) - gone; n < 8 {
			t.Errorf("%d checks of the one that came back, want about 10", n)
		}
	})
}

// sets is a Resolver that a test tells what to say.
type sets chan []rota.Instance

func (s sets) Resolve(ctx context.Context, update func([]rota.Instance)) error {
	for {
		select {
		case set := <-s:
			update(set)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
