package rota_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

// Clients that share a budget make no more retries together than one would with all their calls; and one with few calls
// has a share in those of the others.
func TestSharedBudget(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		shared := rota.NewSharedBudget(rota.Budget{})
		policy := rota.Policy{Retry: &rota.Retry{}, Budget: rota.Budget{Ratio: 1, MinPerSecond: 100}} // which does not hold
		clusters := make([]*rota.Cluster, 3)
		for i := range clusters {
			clusters[i] = rota.NewCluster(rota.ClusterParams{
				Policy: policy, Rand: r.Uint64, Now: epoch.Add(time.Duration(i-1) * 1234 * time.Millisecond), SharedBudget: shared,
			})
			clusters[i].Update(epoch.Add(5*time.Second), instances(3))
		}
		calls, retries := 0, 0
		turn := func(cl *rota.Cluster, now time.Time) {
			calls++
			p := cl.Plan(now, time.Time{}, rota.Call{Idempotent: true})
			for s := p.Next(now); s.Kind != rota.StepDone; s = p.Next(now) {
				if s.Kind == rota.StepWait {
					now = s.At
					continue
				}
				if s.Attempt.Number() > 1 {
					retries++
				}
				p.Ended(now, s.Attempt, rota.Outcome{Verdict: rota.Failure, Err: errBroken})
			}
			p.Close()
		}
		now := epoch.Add(5 * time.Second)
		for range 2000 { // 20 s, most calls through the first
			now = now.Add(10 * time.Millisecond)
			turn(clusters[min(r.IntN(20), 2)], now)
		}
		if most, least := float64(calls)*0.1+20+10, float64(calls)*0.1; float64(retries) > most || float64(retries) < least {
			t.Errorf("seed %d: %d retries of %d calls in 20 s, want %.0f to %.0f", seed, retries, calls, least, most)
		}
		if left := clusters[0].Stats(now).BudgetLeft; left > 1.5 || left != clusters[2].Stats(now).BudgetLeft {
			t.Errorf("seed %d: %.1f tokens are left to one, %.1f to another", seed, left, clusters[2].Stats(now).BudgetLeft)
		}
	}
}

// A client that is closed counts no more; and New looks at a budget that is shared.
func TestSharedBudgetOfClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := rota.NewSharedBudget(rota.Budget{})
		clients := make([]*rota.Client, 2)
		for i := range clients {
			var err error
			if clients[i], err = rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80"), SharedBudget: shared}); err != nil {
				t.Fatal(err)
			}
		}
		defer clients[1].Close()
		op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 1, nil }}
		for range 50 {
			if _, err := rota.Do(t.Context(), clients[0], rota.Call{}, op); err != nil {
				t.Fatal(err)
			}
		}
		if got := clients[1].Stats().BudgetLeft; got != 15 {
			t.Errorf("%v tokens, want 10 and one for ten calls of the other", got)
		}
		clients[0].Close()
		if got := clients[1].Stats().BudgetLeft; got != 10 {
			t.Errorf("%v tokens after the other was closed, want 10", got)
		}
		_, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80"), SharedBudget: rota.NewSharedBudget(rota.Budget{Ratio: rota.MaxAttempts + 1})})
		if err == nil || !strings.Contains(err.Error(), "Budget.Ratio = 9") {
			t.Errorf("New() = %v, want that 9 is too much", err)
		}
	})
}
