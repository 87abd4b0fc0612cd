package rota_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// forSeeds checks a property over many worlds. It stops at the first seed that breaks it.
func forSeeds(t *testing.T, property func(seed uint64) *world) {
	t.Helper()
	for seed := range uint64(seeds) {
		if w := property(seed); len(w.wrong) > 0 {
			t.Fatalf("seed %d: %s (and %d more)", seed, w.wrong[0], len(w.wrong)-1)
		}
	}
}

// randomPolicy draws a policy in which anything may be on or off.
func randomPolicy(w *world) rota.Policy {
	p := rota.Policy{Timeout: time.Duration(w.IntN(3)) * 150 * time.Millisecond}
	if w.IntN(4) > 0 {
		p.Retry = &rota.Retry{Attempts: w.IntN(5), TryTimeout: time.Duration(w.IntN(4)-1) * 40 * time.Millisecond}
	}
	if w.IntN(2) > 0 {
		p.Hedge = &rota.Hedge{Delay: time.Duration(w.IntN(3)) * 15 * time.Millisecond}
	}
	if w.IntN(4) > 0 {
		p.Breaker = &rota.Breaker{}
	}
	if w.IntN(3) == 0 {
		p.Rate = &rota.Rate{PerSecond: float64(20 + w.IntN(200)), Burst: w.IntN(5)}
	}
	if w.IntN(4) == 0 {
		p.Budget = rota.Budget{Ratio: float64(w.IntN(3)-1) / 5, MinPerSecond: float64(w.IntN(3) - 1)}
	}
	if w.IntN(3) == 0 {
		p.Throttle = &rota.Throttle{K: float64(w.IntN(3)), MinPerSecond: float64(w.IntN(3) - 1)}
	}
	return p
}

func balancers(i int) rota.Balancer {
	if i%2 == 0 {
		return rota.RoundRobin()
	}
	return rota.PowerOfTwo(2 + i%3)
}

// stormy answers with every fault there is.
func (w *world) stormy(a *rota.Attempt) (time.Duration, rota.Outcome) {
	ms := func(n int) time.Duration { return time.Duration(w.IntN(n*1000)+1) * time.Microsecond }
	switch w.IntN(10) {
	case 0:
		return ms(5), rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	case 1:
		return ms(2), rota.Outcome{Verdict: rota.Failure, Unsent: true, Err: errRefused}
	case 2:
		return ms(2), rota.Outcome{Verdict: rota.Overload, RetryAfter: ms(200), Err: errFull}
	case 3:
		return 10 * time.Second, rota.Outcome{} // as good as never
	case 4:
		return ms(3), rota.Outcome{Draining: w.IntN(50) == 0}
	}
	return ms(20), rota.Outcome{}
}

// storm is a world where everything goes wrong: every fault, random policies, callers that leave, sets that change.
func storm(seed uint64) *world {
	draw := newWorld(seed, rota.Policy{}, 1, nil)
	w := newWorld(seed, randomPolicy(draw), 1+draw.IntN(6), balancers(int(seed)))
	w.respond = w.stormy
	for range 60 {
		w.after(time.Duration(w.IntN(1_000_000))*time.Microsecond, func() {
			f := w.begin(rota.Call{Idempotent: w.IntN(3) > 0}, w.deadline())
			if w.IntN(8) == 0 {
				w.after(time.Duration(w.IntN(30))*time.Millisecond, func() { f.leave(context.Canceled) })
			}
		})
	}
	for range 5 {
		w.after(time.Duration(w.IntN(1000))*time.Millisecond, func() {
			w.cl.Update(w.now, instances(6)[:w.IntN(7)]) // sometimes empty
		})
	}
	w.run()
	return w
}

func (w *world) deadline() time.Time {
	if w.IntN(2) == 0 {
		return time.Time{}
	}
	return w.now.Add(time.Duration(1+w.IntN(200)) * time.Millisecond)
}

// Promises 2, 3, 5, 8 and the deadline of 6 are checked by the world itself, after every step.
func TestBooksBalanceInAnyStorm(t *testing.T) { forSeeds(t, storm) }

// Promise 7.
func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds) {
		if a, b := storm(seed), storm(seed); !bytes.Equal(a.log, b.log) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// Promise 1.
func TestAttemptsAreBoundedByTheBudget(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(seed uint64) *world {
		w := newWorld(seed, rota.Policy{
			Timeout: 250 * time.Millisecond, Retry: &rota.Retry{Attempts: 5}, Hedge: &rota.Hedge{Delay: 2 * time.Millisecond},
		}, 1+int(seed%5), balancers(int(seed)))
		bad := w.IntN(11) // tenths of attempts that fail or hang
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			if w.IntN(10) >= bad {
				return time.Millisecond, rota.Outcome{}
			}
			if w.IntN(2) == 0 {
				return time.Hour, rota.Outcome{}
			}
			return time.Millisecond, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
		const span = 25
		for range 100 + w.IntN(300) {
			w.after(time.Duration(w.IntN(span*1000))*time.Millisecond, func() {
				w.begin(rota.Call{Idempotent: true}, time.Time{})
			})
		}
		w.run()
		if most := float64(w.calls)*1.1 + 10 + span; float64(w.sent) > most {
			w.broken("%d attempts for %d calls in %d s, want at most %.0f", w.sent, w.calls, span, most)
		}
		return w
	})
}

// Promise 4: what has recovered is in use again within two seconds, and an empty update changes nothing.
func TestRecoveredReplicasAreUsedAgain(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(seed uint64) *world {
		w := newWorld(seed, rota.Policy{
			Timeout: 250 * time.Millisecond, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
		}, 1+int(seed%4), balancers(int(seed)))
		var recovered time.Time
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			if !w.now.Before(recovered) {
				return time.Millisecond, rota.Outcome{}
			}
			return w.stormy(a)
		}
		recovered = epoch.Add(3 * time.Second)
		for range 120 {
			w.after(time.Duration(w.IntN(3000))*time.Millisecond, func() { w.begin(rota.Call{Idempotent: w.IntN(2) == 0}, time.Time{}) })
		}
		w.after(3*time.Second, func() {
			if w.cl.Update(w.now, nil) {
				w.broken("an empty set replaced a good one")
			}
		})
		var before int
		w.after(9*time.Second, func() { before = len(w.failures) })
		for i := range 100 {
			w.after(9*time.Second+time.Duration(i*10)*time.Millisecond, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
		}
		w.run()
		if n := len(w.failures) - before; n > 0 {
			w.broken("%d calls failed after everything had recovered: %v", n, w.failures[before])
		}
		return w
	})
}

// Promise 6: callers that leave, however many, take no replica out of use.
func TestCancelHurtsNobody(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(seed uint64) *world {
		w := newWorld(seed, rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{Failures: 1}}, 3, balancers(int(seed)))
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			return time.Duration(1+w.IntN(20)) * time.Millisecond, rota.Outcome{}
		}
		for range 150 {
			w.after(time.Duration(w.IntN(1000))*time.Millisecond, func() {
				f := w.begin(rota.Call{Idempotent: true}, time.Time{})
				w.after(time.Duration(w.IntN(10))*time.Millisecond, func() {
					f.leave([]error{context.Canceled, context.DeadlineExceeded}[w.IntN(2)])
				})
			})
		}
		w.run()
		for _, n := range w.cl.Stats(w.now).Nodes {
			if n.Opened > 0 || n.Attempts.Failure > 0 {
				w.broken("%s: %+v", n.Instance.Addr, n)
			}
		}
		return w
	})
}

// Promise 8, where it is not the world that checks it: errors.Is reaches the reason and every cause.
func TestErrorReachesEveryCause(t *testing.T) {
	w := newWorld(1, rota.Policy{Retry: &rota.Retry{}}, 3, rota.RoundRobinFrom(0))
	outcomes := []rota.Outcome{
		{Verdict: rota.Failure, Err: errBroken}, {Verdict: rota.Overload, Err: errFull}, {Verdict: rota.Failure, Err: errRefused},
	}
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) { return time.Millisecond, outcomes[a.Number()-1] }
	w.begin(rota.Call{Idempotent: true}, time.Time{})
	w.run()
	if len(w.failures) != 1 {
		t.Fatalf("%d failures, want 1", len(w.failures))
	}
	for _, want := range []error{errBroken, errFull, errRefused, rota.ErrAttempts} {
		if !errors.Is(w.failures[0], want) {
			t.Errorf("errors.Is(%v, %v) = false", w.failures[0], want)
		}
	}
}
