package rota_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

// fleet is replicas for Do: what each does with an attempt is a func.
type fleet struct {
	t      *testing.T
	client *rota.Client
	mu     sync.Mutex
	do     map[string]func(context.Context) (string, error)
	sent   []string // addresses, in order
}

func newFleet(t *testing.T, n int, cfg rota.Config) *fleet {
	t.Helper()
	f := &fleet{t: t, do: map[string]func(context.Context) (string, error){}}
	if cfg.Resolver == nil {
		cfg.Resolver = rota.Static(instances(n))
	}
	if cfg.Balancer == nil {
		cfg.Balancer = rota.RoundRobinFrom(0)
	}
	cfg.Service = "users"
	client, err := rota.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.client = client
	return f
}

func (f *fleet) set(i int, do func(context.Context) (string, error)) {
	f.do[instances(i + 1)[i].Addr] = do
}

func (f *fleet) op() rota.Op[string] {
	return rota.Op[string]{
		Send: func(ctx context.Context, a *rota.Attempt) (string, error) {
			addr := a.Instance().Addr
			f.mu.Lock()
			f.sent = append(f.sent, addr)
			f.mu.Unlock()
			if do := f.do[addr]; do != nil {
				return do(ctx)
			}
			return addr, nil
		},
	}
}

func (f *fleet) call(ctx context.Context) (string, error) {
	return rota.Do(ctx, f.client, rota.Call{Idempotent: true}, f.op())
}

// close ends the client, and checks that the books balance.
func (f *fleet) close() rota.Stats {
	f.t.Helper()
	if err := f.client.Close(); err != nil {
		f.t.Error(err)
	}
	s := f.client.Stats()
	var ended uint64
	for _, n := range s.Nodes {
		if n.InFlight != 0 {
			f.t.Errorf("%s has %d in flight at the end", n.Instance.Addr, n.InFlight)
		}
		ended += n.Attempts.Success + n.Attempts.Failure + n.Attempts.Overload + n.Attempts.Ignored
	}
	if ended != uint64(len(f.sent)) || s.Calls.InFlight != 0 {
		f.t.Errorf("%d attempts sent, %d recorded; %d calls in flight", len(f.sent), ended, s.Calls.InFlight)
	}
	return s
}

func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func slow(d time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		select {
		case <-time.After(d):
			return "slow", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func fail(context.Context) (string, error) { return "", errBroken }

func addr(i int) string { return instances(i + 1)[i].Addr }

func TestDoRetriesElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.DefaultPolicy()})
		f.set(0, fail)
		got, err := f.call(t.Context())
		if err != nil || got != addr(1) {
			t.Errorf("Do() = %q, %v, want %q", got, err, addr(1))
		}
		if s := f.close(); s.Retries != 1 || s.Calls.Succeeded != 1 {
			t.Errorf("Stats() = %+v, want one retry, one success", s)
		}
	})
}

func TestDoTellsEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.DefaultPolicy()})
		for i := range 3 {
			f.set(i, func(context.Context) (string, error) {
				time.Sleep(time.Duration(i+1) * time.Millisecond)
				return "", errBroken
			})
		}
		_, err := f.call(t.Context())
		var ce *rota.CallError
		if !errors.As(err, &ce) || !errors.Is(err, errBroken) || !errors.Is(err, rota.ErrAttempts) {
			t.Fatalf("Do() = %v, want a CallError of %v", err, errBroken)
		}
		for i, a := range ce.Attempts {
			if a.Instance.Addr != addr(i) || a.Took != time.Duration(i+1)*time.Millisecond || a.Err != errBroken {
				t.Errorf("attempt %d is %+v", i, a)
			}
			if want := fmt.Sprintf("%s: broken (%dms)", addr(i), i+1); !strings.Contains(err.Error(), want) {
				t.Errorf("Error() = %q, want %q in it", err, want)
			}
		}
		f.close()
	})
}

func TestDoReturnsTheLastFailedReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.DefaultPolicy()})
		var discarded atomic.Int32
		op := f.op()
		op.Classify = func(string, error) rota.Outcome { return rota.Outcome{Verdict: rota.Failure, Err: errBroken} }
		op.Discard = func(string) { discarded.Add(1) }
		got, err := rota.Do(t.Context(), f.client, rota.Call{Idempotent: true}, op)
		if err == nil || got != addr(2) || discarded.Load() != 2 {
			t.Errorf("Do() = %q, %v with %d discarded, want %q, an error, 2 discarded", got, err, discarded.Load(), addr(2))
		}
		f.close()
	})
}

func TestOneHungReplicaDoesNotEatTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := rota.DefaultPolicy()
		p.Timeout = 250 * time.Millisecond
		f := newFleet(t, 3, rota.Config{Policy: p})
		f.set(0, hang)
		start := time.Now()
		got, err := f.call(t.Context())
		if err != nil || got != addr(1) || time.Since(start) != 125*time.Millisecond {
			t.Errorf("Do() = %q, %v after %v, want %q after 125ms", got, err, time.Since(start), addr(1))
		}
		f.close()
	})
}

func TestSlowEverywhereIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := rota.DefaultPolicy()
		p.Timeout = 250 * time.Millisecond
		f := newFleet(t, 3, rota.Config{Policy: p})
		for i := range 3 {
			f.set(i, slow(200*time.Millisecond))
		}
		for range 30 {
			if _, err := f.call(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		f.close()
	})
}

func TestTryTimeoutCutsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{Retry: &rota.Retry{TryTimeout: 20 * time.Millisecond, Base: 1}}})
		for i := range 3 {
			f.set(i, hang)
		}
		start := time.Now()
		_, err := f.call(t.Context())
		var ce *rota.CallError
		if !errors.As(err, &ce) || len(ce.Attempts) != 3 || !ce.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Do() = %v, want three attempts that timed out", err)
		}
		if d := time.Since(start); d < 60*time.Millisecond || d > 61*time.Millisecond {
			t.Errorf("took %v, want 60ms", d)
		}
		f.close()
	})
}

func TestDeadlineBoundsTheCall(t *testing.T) {
	for _, policy := range []rota.Policy{{}, rota.DefaultPolicy(), {Hedge: &rota.Hedge{Delay: time.Millisecond}}} {
		synctest.Test(t, func(t *testing.T) {
			policy.Timeout = time.Second
			f := newFleet(t, 3, rota.Config{Policy: policy})
			for i := range 3 {
				f.set(i, hang)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 70*time.Millisecond)
			defer cancel()
			for _, c := range []struct {
				ctx  context.Context
				want time.Duration
			}{{ctx, 70 * time.Millisecond}, {t.Context(), time.Second}} {
				start := time.Now()
				_, err := f.call(c.ctx)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != c.want {
					t.Errorf("Do() = %v after %v, want the deadline's error after %v", err, time.Since(start), c.want)
				}
			}
			f.close()
		})
	}
}

func TestCancelIsNeutral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.DefaultPolicy()})
		for i := range 3 {
			f.set(i, hang)
		}
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			if _, err := f.call(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Do() = %v, want %v", err, context.Canceled)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.call(gone); !errors.Is(err, context.Canceled) { // before anything was sent
			t.Errorf("Do() = %v, want %v", err, context.Canceled)
		}
		s := f.close()
		for _, n := range s.Nodes {
			if n.Attempts.Failure > 0 || n.Opened > 0 {
				t.Errorf("%+v, want nothing held against it", n)
			}
		}
		if s.Calls.Ignored != 21 {
			t.Errorf("%d calls ignored, want 21", s.Calls.Ignored)
		}
	})
}

func TestPanicReachesTheCallerWithTheBooksClosed(t *testing.T) {
	for _, policy := range []rota.Policy{{}, {Hedge: &rota.Hedge{Delay: time.Millisecond}}} {
		for culprit := range 2 {
			if culprit == 1 && policy.Hedge == nil {
				continue // only one attempt is made
			}
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, 2, rota.Config{Policy: policy})
				f.set(0, hang)
				f.set(culprit, func(context.Context) (string, error) { panic("boom") })
				func() {
					defer func() {
						if v := recover(); v != "boom" {
							t.Errorf("recover() = %v, want boom", v)
						}
					}()
					f.call(t.Context())
				}()
				f.close()
			})
		}
	}
}

func TestGoexitInSendClosesTheBooks(t *testing.T) {
	for _, policy := range []rota.Policy{{}, {Hedge: &rota.Hedge{Delay: time.Millisecond}}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 2, rota.Config{Policy: policy})
			f.set(0, func(context.Context) (string, error) { runtime.Goexit(); return "", nil })
			ended := make(chan bool)
			go func() {
				defer close(ended)
				f.call(t.Context())
			}()
			<-ended
			f.close()
		})
	}
}

// resolver is a Resolver whose sets come from the test.
type resolver func(ctx context.Context, update func([]rota.Instance)) error

func (r resolver) Resolve(ctx context.Context, update func([]rota.Instance)) error {
	return r(ctx, update)
}

func TestFirstSetIsAwaitedWithinTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDNS := errors.New("no such host")
		tries := 0
		f := newFleet(t, 3, rota.Config{Resolver: resolver(func(ctx context.Context, update func([]rota.Instance)) error {
			if tries++; tries < 3 {
				return errDNS
			}
			update(instances(3))
			<-ctx.Done()
			return ctx.Err()
		})})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := f.call(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDNS) || time.Since(start) != 20*time.Millisecond {
			t.Errorf("Do() = %v after %v, want the deadline's error with the resolver's after 20ms", err, time.Since(start))
		}
		if _, err := f.call(t.Context()); err != nil {
			t.Errorf("Do() = %v, want it to wait for the first set", err)
		}
		f.close()
	})
}

func TestClosedClientRefusesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1, rota.Config{})
		f.close()
		f.client.Close() // twice is once
		if _, err := f.call(t.Context()); !errors.Is(err, rota.ErrClosed) {
			t.Errorf("Do() = %v, want %v", err, rota.ErrClosed)
		}
	})
}

// Promises 3, 6 and 8 with real goroutines: a storm of calls, over many seeds.
func TestDoKeepsItsBooksInAnyStorm(t *testing.T) {
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed, rota.Policy{}, 1, nil)
			f := newFleet(t, 1+w.IntN(4), rota.Config{Policy: randomPolicy(w), Balancer: balancers(int(seed))})
			var mu sync.Mutex
			op := f.op()
			op.Send = func(ctx context.Context, a *rota.Attempt) (string, error) {
				mu.Lock()
				f.sent = append(f.sent, a.Instance().Addr)
				took, o := w.stormy(a)
				mu.Unlock()
				if s, err := slow(took)(ctx); err != nil || o.Verdict == rota.Success {
					return s, err
				}
				return "", o.Err
			}
			var wg sync.WaitGroup
			for range 15 {
				mu.Lock()
				start, leave := time.Duration(w.IntN(100))*time.Millisecond, time.Duration(1+w.IntN(60))*time.Millisecond
				safe, cancels := w.IntN(3) > 0, w.IntN(2) == 0
				mu.Unlock()
				wg.Go(func() {
					time.Sleep(start)
					ctx, cancel := context.WithTimeout(t.Context(), leave)
					defer cancel()
					if cancels {
						time.AfterFunc(leave/2, cancel)
					}
					began := time.Now()
					_, err := rota.Do(ctx, f.client, rota.Call{Idempotent: safe}, op)
					if d := time.Since(began); d > leave {
						t.Errorf("seed %d: a call took %v, its deadline was %v", seed, d, leave)
					}
					var ce *rota.CallError
					if err != nil && !errors.As(err, &ce) {
						t.Errorf("seed %d: Do() = %T %v", seed, err, err)
					}
				})
			}
			wg.Wait()
			f.close()
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
