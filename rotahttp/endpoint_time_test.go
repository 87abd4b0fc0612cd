package rotahttp_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// A replica that asks for a rest gets it, and no longer.
func TestReplicasRestAtTheirWish(t *testing.T) {
	drains := rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Rota-Load", "rif=3, latency-us=1200, state=draining")
		upper(w, r)
	}))
	tests := []struct {
		name  string
		fault rotatest.Fault
		rest  time.Duration
	}{
		{"retry-after in seconds", rotatest.Status(503, "Retry-After", "2"), 2 * time.Second},
		{"quota", rotatest.Status(429, "Retry-After", "3"), 3 * time.Second},
		{"retry-after with a 500", rotatest.Status(500, "Retry-After", "2"), 2 * time.Second},
		{"retry-after too long", rotatest.Status(503, "Retry-After", "999999999999999999999"), rota.MaxRest},
		{"retry-after as a date", rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", time.Now().Add(4*time.Second).UTC().Format(http.TimeFormat))
			w.WriteHeader(503)
		})), 4 * time.Second},
		{"draining", drains, rota.DrainRest},
		{"draining with an error", rotatest.Status(503, "Rota-Load", "state=draining"), rota.DrainRest},
	}
	for _, test := range tests {
		for _, caller := range callers {
			for _, policy := range []rota.Policy{plain, timed} {
				name := test.name + "/" + caller.name + "/" + map[bool]string{true: "plain", false: "timed"}[policy.Hedge == nil]
				t.Run(name, func(t *testing.T) {
					bubble(t, 2, nil, policy, func(t *testing.T, w *world) {
						w.Replica(0).Set(test.fault)
						call := caller.of(w)
						if err := call(t.Context()); err != nil {
							t.Fatal(err)
						}
						w.Replica(0).Heal()
						step := test.rest / 40
						start := time.Now()
						for w.Replica(0).Calls() < 2 {
							if err := call(t.Context()); err != nil || time.Since(start) > time.Minute {
								t.Fatalf("err = %v after %v", err, time.Since(start))
							}
							time.Sleep(step)
						}
						if rest := time.Since(start); rest < test.rest || rest > test.rest+2*step {
							t.Errorf("replica 0 was asked again after %v, want %v", rest, test.rest)
						}
					})
				})
			}
		}
	}
}

// callers make an idempotent call, by Endpoint and by Transport. What they return is reused from call to call.
var callers = []struct {
	name string
	of   func(*world) func(context.Context) error
}{
	{"endpoint", func(w *world) func(context.Context) error {
		e := w.endpoint("GET")
		return func(ctx context.Context) error {
			_, err := e.Call(ctx, "hello")
			return err
		}
	}},
	{"transport", func(w *world) func(context.Context) error {
		rt := w.transport()
		return func(ctx context.Context) error {
			_, _, err := fetch(ctx, rt, "GET", `"hello"`)
			return err
		}
	}},
}

// After 100 answers a call that has waited longer than 95 of 100 is sent to another replica as well; the loser is
// cancelled.
func TestHedging(t *testing.T) {
	for _, caller := range callers {
		t.Run(caller.name, func(t *testing.T) {
			bubble(t, 2, nil, rota.Policy{Hedge: &rota.Hedge{}}, func(t *testing.T, w *world) {
				n := 0
				served := rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					n++
					time.Sleep(time.Duration(n%100+1) * time.Millisecond)
					upper(rw, r)
				}))
				w.Replica(0).Set(served)
				w.Replica(1).Set(served)
				call := caller.of(w)
				for range 100 {
					if err := call(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := w.client.Stats(); got.Hedges != 0 || got.HedgeDelay != 0 {
					t.Errorf("%d hedges after %v, want none before 100 answers", got.Hedges, got.HedgeDelay)
				}
				w.Replica(0).Set(rotatest.Hang())
				w.Replica(1).Heal()
				time.Sleep(time.Second) // until the answers are looked at
				start := time.Now()
				err := call(t.Context())
				took := time.Since(start)
				time.Sleep(20 * time.Millisecond) // in which its reply would save the connection
				synctest.Wait()
				if delay := w.client.Stats().HedgeDelay; err != nil || took != delay || delay < 95*time.Millisecond || delay > 102*time.Millisecond {
					t.Errorf("err = %v after %v, with a delay of %v, want about 95ms", err, took, delay)
				}
				if s := w.client.Stats(); s.Hedges != 1 || w.Replica(0).Cancelled() != 1 || s.Nodes[0].Attempts.Ignored != 1 {
					t.Errorf("%d hedges, %d cancelled, %+v, want the loser to be cancelled",
						s.Hedges, w.Replica(0).Cancelled(), s.Nodes[0].Attempts)
				}
			})
		})
	}
}

func TestNothingIsHedgedThatIsNotIdempotent(t *testing.T) {
	bubble(t, 2, nil, rota.Policy{Hedge: &rota.Hedge{Delay: time.Millisecond}}, func(t *testing.T, w *world) {
		w.Replica(0).Set(rotatest.Slow(time.Second))
		got, err := w.endpoint("POST").Call(t.Context(), "hello")
		if got != "HELLO from replica-0:80" || err != nil || w.Replica(1).Calls() != 0 {
			t.Errorf("Call() = %q, %v, %v, want the slow answer alone", got, err, w.calls())
		}
	})
}

// One replica of three hangs, for as long as it likes: with a bound on the call's time no call fails, and the breaker
// finds it out.
func TestOneHungReplicaFailsNoCall(t *testing.T) {
	policy := rota.DefaultPolicy()
	policy.Timeout = 250 * time.Millisecond
	for _, caller := range callers {
		t.Run(caller.name, func(t *testing.T) {
			bubble(t, 3, nil, policy, func(t *testing.T, w *world) {
				w.Replica(1).Set(rotatest.Hang())
				call := caller.of(w)
				slow := 0
				for i := range 1000 {
					start := time.Now()
					if err := call(t.Context()); err != nil {
						t.Fatalf("call %d: %v", i, err)
					}
					if time.Since(start) > 0 {
						slow++
					}
					time.Sleep(20 * time.Millisecond)
				}
				// Five to open the breaker, then trials, up to two a second.
				if slow > 5+45 {
					t.Errorf("%d of 1000 calls had to wait, want 50 at most", slow)
				}
			})
		})
	}
}

// When all hang a call ends with its time, and says so.
func TestDeadlines(t *testing.T) {
	const at = 100 * time.Millisecond
	tests := []struct {
		name   string
		policy rota.Policy
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		cause  error
	}{
		{"the policy's", rota.Policy{Timeout: at, Retry: &rota.Retry{}}, nil, context.DeadlineExceeded},
		{"the policy's, with no second attempt", rota.Policy{Timeout: at}, nil, context.DeadlineExceeded},
		{"the caller's", rota.DefaultPolicy(), within(at), context.DeadlineExceeded},
		{"the caller's, before the policy's", timed, within(at), context.DeadlineExceeded},
		{"the caller's cancel", timed, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(at, cancel)
			return ctx, cancel
		}, context.Canceled},
	}
	for _, test := range tests {
		for _, caller := range callers {
			t.Run(test.name+"/"+caller.name, func(t *testing.T) {
				bubble(t, 2, nil, test.policy, func(t *testing.T, w *world) {
					w.Replica(0).Set(rotatest.Hang())
					w.Replica(1).Set(rotatest.Hang())
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if test.ctx != nil {
						ctx, cancel = test.ctx(ctx)
					}
					defer cancel()
					start := time.Now()
					err := caller.of(w)(ctx)
					if took := time.Since(start); took != at {
						t.Errorf("took %v, want %v", took, at)
					}
					call, ok := errors.AsType[*rota.CallError](err)
					if !ok || !errors.Is(err, test.cause) || call.Timeout() != (test.cause == context.DeadlineExceeded) || len(call.Attempts) == 0 {
						t.Errorf("err = %v, want a *CallError of %v", err, test.cause)
					}
					synctest.Wait()
					var cancelled int
					for i := range w.Len() {
						cancelled += w.Replica(i).Cancelled()
					}
					if cancelled != len(call.Attempts) {
						t.Errorf("%d requests were cancelled, want all %d", cancelled, len(call.Attempts))
					}
					if test.cause == context.Canceled && w.node(0).Attempts.Failure > 0 {
						t.Error("a cancel was counted as the replica's failure")
					}
				})
			})
		}
	}
}

func within(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

// The wait for the first set of instances is in the call's time.
func TestDeadlineBoundsTheWaitForInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := rota.New(rota.Config{Resolver: silent{}, Policy: timed})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		w := &world{Replicas: rotatest.New(t, 0, nil), client: client}
		for _, caller := range callers {
			start := time.Now()
			err := caller.of(w)(t.Context())
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != timed.Timeout {
				t.Errorf("%s: err = %v after %v, want the deadline's after %v", caller.name, err, took, timed.Timeout)
			}
		}
	})
}

// silent is a resolver that knows nothing.
type silent struct{}

func (silent) Resolve(ctx context.Context, _ func([]rota.Instance)) error {
	<-ctx.Done()
	return ctx.Err()
}

// An address that means nothing is a replica that cannot be reached: another one is tried, whatever the method.
func TestAddressThatMeansNothing(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		synctest.Test(t, func(t *testing.T) {
			rs := rotatest.New(t, 1, http.HandlerFunc(upper))
			client, err := rota.New(rota.Config{
				Resolver: rota.StaticAddrs("ftp://a", "replica-0:80"), Policy: plain, Balancer: rota.RoundRobinFrom(0),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			w := &world{Replicas: rs, client: client}
			if got, err := w.endpoint(method).Call(t.Context(), "hello"); got != "HELLO from replica-0:80" || err != nil {
				t.Errorf("%s: Call() = %q, %v", method, got, err)
			}
			if _, got, err := fetch(t.Context(), w.transport(), method, `"hello"`); !strings.HasPrefix(got, `"HELLO`) || err != nil {
				t.Errorf("%s: RoundTrip() = %q, %v", method, got, err)
			}
			if got := w.calls(); !slices.Equal(got, []int{2}) {
				t.Errorf("%s: the replica saw %v requests, want 2", method, got)
			}
		})
	}
}
