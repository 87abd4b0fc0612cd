package breaker_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

const (
	open  = time.Second
	limit = 5
)

func tripped(t *testing.T) *breaker.Breaker {
	t.Helper()
	b := new(breaker.Breaker)
	for i := range limit {
		if failing := b.Failure(breaker.Ticket{}, 0, open, limit, false); failing != (i == limit-1) {
			t.Fatalf("failure %d: failing = %t", i+1, failing)
		}
	}
	if b.State(0) != breaker.Failing || b.Row() != limit || b.Wait(0) != 0 {
		t.Fatalf("after %d failures: %v with a row of %d", limit, b.State(0), b.Row())
	}
	if !b.Open(open) || b.Open(open) {
		t.Fatal("Open() has to open once")
	}
	return b
}

func TestFailuresInARowOpen(t *testing.T) {
	b := tripped(t)
	if _, ok := b.Allow(open-1, open, false); ok || b.State(open-1) != breaker.Open || b.Wait(open/2) != open/2 {
		t.Errorf("before its time: allowed %t, %v, wait %v", ok, b.State(open-1), b.Wait(open/2))
	}
	if b.State(open) != breaker.HalfOpen {
		t.Errorf("State() after %v = %v, want half-open", open, b.State(open))
	}
}

func TestSuccessEndsTheRow(t *testing.T) {
	b := new(breaker.Breaker)
	for range 10 * limit {
		for range limit - 1 {
			b.Failure(breaker.Ticket{}, 0, open, limit, false)
		}
		b.Success(breaker.Ticket{})
	}
	if b.State(0) != breaker.Closed {
		t.Errorf("State() = %v, want closed", b.State(0))
	}
}

func TestTripFailsAtOnce(t *testing.T) {
	b := new(breaker.Breaker)
	if !b.Failure(breaker.Ticket{}, 0, open, limit, true) || b.State(0) != breaker.Failing {
		t.Errorf("State() = %v, want failing", b.State(0))
	}
	if b.Success(breaker.Ticket{}) != breaker.Failing || b.State(0) != breaker.Closed {
		t.Errorf("State() after a success = %v, want closed", b.State(0))
	}
	if !b.Trip() || b.Trip() || b.State(0) != breaker.Failing {
		t.Errorf("State() after Trip = %v, want failing", b.State(0))
	}
}

func TestOneTrialAtATimeDecides(t *testing.T) {
	b := tripped(t)
	trial, ok := b.Allow(open, open, false)
	if !ok || !trial.Trial() {
		t.Fatal("no trial after the time was over")
	}
	if _, ok := b.Allow(open, open, false); ok {
		t.Error("a second call beside the trial")
	}
	if b.Failure(trial, open, open, limit, false) || b.State(open) != breaker.Open {
		t.Errorf("after a failed trial: %v, want open", b.State(open))
	}
	trial, _ = b.Allow(2*open, open, false)
	if b.Success(trial) != breaker.HalfOpen || b.State(2*open) != breaker.Closed {
		t.Errorf("after a good trial: %v, want closed", b.State(2*open))
	}
}

func TestNeutralTrialGivesItsPlaceToTheNext(t *testing.T) {
	b := tripped(t)
	for range 100 {
		trial, ok := b.Allow(open, open, false)
		if !ok {
			t.Fatal("the breaker is stuck half-open")
		}
		b.Neutral(trial, open)
	}
}

func TestTrialThatNeverReportsLosesItsPlace(t *testing.T) {
	b := tripped(t)
	lost, _ := b.Allow(open, open, false)
	next, ok := b.Allow(2*open, open, false)
	if !ok {
		t.Fatal("the breaker is stuck half-open")
	}
	if b.Success(lost) != breaker.Closed || b.Failure(lost, 2*open, open, limit, false) {
		t.Error("the lost trial decided")
	}
	if b.Success(next) != breaker.HalfOpen {
		t.Error("the next trial did not decide")
	}
}

func TestCallsFromBeforeItOpenedDecideNothing(t *testing.T) {
	b := tripped(t)
	old := breaker.Ticket{}
	if b.Success(old) != breaker.Closed || b.Failure(old, open, open, limit, true) || b.State(0) != breaker.Open {
		t.Errorf("State() = %v, want open", b.State(0))
	}
	b.Neutral(old, 0)
	if _, ok := b.Allow(0, open, false); ok {
		t.Error("a neutral end of an old call opened the door")
	}
}

// A replica that is well again is in use again within the open time and one trial, whatever happened before.
func TestHealthyReplicaIsReadmittedInBoundedTime(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := new(breaker.Breaker)
		now := time.Duration(0)
		var out []breaker.Ticket
		for range 200 {
			now += time.Duration(r.Int64N(int64(open / 4)))
			if tk, ok := b.Allow(now, open, false); ok {
				out = append(out, tk)
			}
			if len(out) == 0 {
				continue
			}
			i := r.IntN(len(out))
			switch tk := out[i]; r.IntN(4) {
			case 0:
				b.Success(tk)
			case 1:
				if b.Failure(tk, now, open, limit, r.IntN(10) == 0) {
					b.Open(now + open)
				}
			case 2:
				b.Neutral(tk, now)
			case 3: // never reports
			}
			out = append(out[:i], out[i+1:]...)
		}
		now += open
		tk, ok := b.Allow(now, open, false)
		if !ok {
			t.Fatalf("seed %d: no call is admitted %v after the last event", seed, open)
		}
		b.Success(tk)
		if b.State(now) != breaker.Closed {
			t.Fatalf("seed %d: %v after a success, want closed", seed, b.State(now))
		}
	}
}

func TestConcurrentCallsGetOneTrial(t *testing.T) {
	for range 100 {
		b := tripped(t)
		var trials atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, ok := b.Allow(open, open, false); ok {
					trials.Add(1)
				}
			})
		}
		wg.Wait()
		if trials.Load() != 1 {
			t.Fatalf("%d trials at once, want 1", trials.Load())
		}
	}
}

// In a panic every call goes through; the first answer closes the breaker, and failures neither do nor put off its trial.
func TestForcedCalls(t *testing.T) {
	b := tripped(t)
	first, ok := b.Allow(0, open, true)
	second, ok2 := b.Allow(0, open, true)
	if !ok || !ok2 || first.Trial() {
		t.Fatalf("forced calls: %t, %t, trial %t", ok, ok2, first.Trial())
	}
	if b.Failure(first, open-1, open, limit, true) || b.Wait(0) != open {
		t.Errorf("a forced failure changed it: %v, wait %v", b.State(0), b.Wait(0))
	}
	if b.Overdue(open) != 0 || b.Overdue(3*open) != 2*open {
		t.Errorf("Overdue() = %v and %v, want 0 and %v", b.Overdue(open), b.Overdue(3*open), 2*open)
	}
	if b.Success(second) != breaker.Open || b.State(0) != breaker.Closed {
		t.Errorf("after a forced success: %v, want closed", b.State(0))
	}
}
