package budget_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/budget"
	"github.com/rota-go/rota/internal/window"
)

func TestStartsWithItsFloor(t *testing.T) {
	var b budget.Budget
	terms := budget.Params{Now: 0, Ratio: 0.1, Floor: 10}
	for i := range 10 {
		if left := b.Left(terms); left != float64(10-i) {
			t.Errorf("Left() = %v, want %d", left, 10-i)
		}
		if !b.Withdraw(terms) {
			t.Fatalf("token %d refused", i+1)
		}
	}
	if b.Withdraw(terms) {
		t.Error("an eleventh token")
	}
	b.Return()
	if !b.Withdraw(terms) {
		t.Error("a returned token is lost")
	}
	terms.Now = 11 * time.Second
	if left := b.Left(terms); left != 10 {
		t.Errorf("Left() after 11s = %v, want 10", left)
	}
}

// Over any run, withdrawals are at most ratio x calls + floor at the start + floor a window.
func TestWithdrawalsAreBounded(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 0))
		var b budget.Budget
		var calls window.Counter
		spent := 0
		now := time.Duration(0)
		for range 2000 {
			now += time.Duration(r.Int64N(int64(time.Second) >> r.IntN(8)))
			calls.Add(now)
			for range 3 {
				if b.Withdraw(budget.Params{Now: now, Ratio: 0.1, Floor: 10, Calls: calls.Recent(now)}) {
					spent++
				}
			}
			if most := 0.1*float64(calls.Total()) + 10 + now.Seconds(); float64(spent) > most {
				t.Fatalf("seed %d: %d withdrawn after %d calls in %v, want at most %.1f", seed, spent, calls.Total(), now, most)
			}
		}
	}
}
