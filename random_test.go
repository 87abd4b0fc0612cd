package rota_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func weighted(weights ...int) []rota.Instance {
	set := instances(len(weights))
	for i, w := range weights {
		set[i].Weight = w
	}
	return set
}

// shares counts what n picks choose; the nodes never do anything.
func shares(seed uint64, bal rota.Balancer, set []rota.Instance, n int) map[string]int {
	cl := rota.NewCluster(rota.ClusterParams{Balancer: bal, Now: epoch, Rand: rand.New(rand.NewPCG(seed, 0)).Uint64})
	cl.Update(epoch, set)
	pick, got := cl.Picks(epoch), map[string]int{}
	for range n {
		got[pick().Instance().Addr]++
	}
	return got
}

func TestRandomDrawsByWeight(t *testing.T) {
	const picks = 20_000
	for _, tt := range []struct {
		name    string
		weights []int
	}{
		{"one", []int{7}},
		{"none given", []int{0, 0, 0}},
		{"equal", []int{5, 5, 5, 5}},
		{"one in three heavier", []int{1, 1, 2}},
		{"one far heavier", []int{1, 1, 1, 1, 1000}},
		{"one far lighter", []int{100, 100, 1}},
		{"all different", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			total := 0
			for _, w := range tt.weights {
				total += max(w, 1)
			}
			for seed := range uint64(20) {
				got := shares(seed, rota.Random(), weighted(tt.weights...), picks)
				for i, w := range tt.weights {
					p := float64(max(w, 1)) / float64(total)
					sigma := math.Sqrt(picks * p * (1 - p))
					if d := float64(got[addr(i)]) - picks*p; math.Abs(d) > 5*sigma+1 {
						t.Errorf("seed %d: node %d of weight %d got %d of %d, want %.0f", seed, i, w, got[addr(i)], picks, picks*p)
					}
				}
			}
		})
	}
}

// A dead node's share goes to all others, not to the next in line.
func TestRandomSpreadsAroundADeadNode(t *testing.T) {
	w := newWorld(1, rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}}, 5, rota.Random())
	got := map[string]int{}
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(0) {
			return ms, broken()
		}
		got[a.Instance().Addr]++
		return ms, rota.Outcome{}
	}
	const calls = 8000
	for i := range calls {
		w.after(time.Duration(i)*ms, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	}
	w.run()
	for i := 1; i < 5; i++ {
		if g := got[addr(i)]; g < calls/4*9/10 || g > calls/4*11/10 {
			t.Errorf("node %d answered %d of %d calls, want a quarter", i, g, calls)
		}
	}
}
