package rota_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

func TestHedgeGoesElsewhereAndTheLoserIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{Hedge: &rota.Hedge{Delay: 5 * time.Millisecond}}})
		f.set(0, hang)
		f.set(1, slow(3*time.Millisecond))
		start := time.Now()
		got, err := f.call(t.Context())
		if err != nil || got != "slow" || time.Since(start) != 8*time.Millisecond {
			t.Errorf("Do() = %q, %v after %v, want the hedge's answer after 8ms", got, err, time.Since(start))
		}
		s := f.close()
		if s.Hedges != 1 || s.Nodes[0].Attempts.Ignored != 1 || s.Nodes[1].Attempts.Success != 1 {
			t.Errorf("Stats() = %+v", s)
		}
	})
}

func TestFirstWinsOverItsHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{Hedge: &rota.Hedge{Delay: 5 * time.Millisecond}}})
		f.set(0, slow(7*time.Millisecond))
		f.set(1, hang)
		start := time.Now()
		if got, err := f.call(t.Context()); err != nil || got != "slow" || time.Since(start) != 7*time.Millisecond {
			t.Errorf("Do() = %q, %v after %v, want the first answer after 7ms", got, err, time.Since(start))
		}
		s := f.close() // waits for the hedge
		if n := s.Nodes[1]; n.Attempts.Ignored != 1 || n.Breaker != "closed" {
			t.Errorf("the hedge's node is %+v, want one ignored", n)
		}
	})
}

func TestNoHedgeBeforeHundredAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{Hedge: &rota.Hedge{}}})
		for i := range 3 {
			f.set(i, slow(4*time.Millisecond))
		}
		for range 99 {
			f.call(t.Context())
		}
		for i := range 3 {
			f.set(i, slow(time.Second))
		}
		f.call(t.Context()) // the hundredth answer
		if s := f.client.Stats(); s.Hedges != 0 {
			t.Errorf("%d hedges before 100 answers", s.Hedges)
		}
		f.call(t.Context())
		s := f.client.Stats()
		if d := s.HedgeDelay; s.Hedges != 1 || d < 4*time.Millisecond || d > 5*time.Millisecond {
			t.Errorf("%d hedges after 100 answers, delay %v, want 1 after a little over 4ms", s.Hedges, d)
		}
		f.close()
	})
}

func TestHungReplicaThatLosesItsHedgesIsFoundOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{
			Hedge: &rota.Hedge{Delay: 5 * time.Millisecond}, Retry: &rota.Retry{}, Breaker: &rota.Breaker{},
		}})
		f.set(0, hang)
		f.set(1, slow(4*time.Millisecond))
		f.set(2, slow(4*time.Millisecond))
		for range 60 {
			if _, err := f.call(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s := f.close(); s.Nodes[0].Opened != 1 || s.Nodes[0].Attempts.Failure != 0 || s.Hedges > 8 {
			t.Errorf("the hung node is %+v after %d hedges, want it out of use after about 100ms", s.Nodes[0], s.Hedges)
		}
	})
}

// A process that stops for a moment loses many attempts at once to their hedges. That is no reason to stop using it.
func TestReplicaThatPausesStaysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, rota.Config{Policy: rota.Policy{
			Hedge: &rota.Hedge{Delay: 5 * time.Millisecond}, Retry: &rota.Retry{}, Breaker: &rota.Breaker{},
			Budget: rota.Budget{Ratio: 1},
		}})
		start := time.Now()
		f.set(0, func(ctx context.Context) (string, error) {
			if d := time.Since(start); d%time.Second < 60*time.Millisecond {
				return slow(60*time.Millisecond - d%time.Second)(ctx)
			}
			return "fast", nil
		})
		var wg sync.WaitGroup
		for range 5000 {
			wg.Go(func() {
				if _, err := f.call(t.Context()); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		if s := f.close(); s.Nodes[0].Opened > 0 || s.Nodes[0].Attempts.Ignored < 50 {
			t.Errorf("the node that pauses is %+v, want it in use though it lost often", s.Nodes[0])
		}
	})
}
