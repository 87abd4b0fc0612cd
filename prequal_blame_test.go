package rota_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// A failing node comes back when it is well.
func TestPrequalForgives(t *testing.T) {
	w := newProbing(t, 1, 20, rota.Prequal(rota.PrequalParams{}))
	r := rand.New(rand.NewPCG(1, 9))
	load := func(int) rota.Load { return rota.Load{Known: true, RIF: r.IntN(4), Latency: 20 * ms} }
	well := func(int) (time.Duration, rota.Outcome) { return 4 * ms, answered }
	w.fleet(4000, load, func(i int) (time.Duration, rota.Outcome) {
		if i == 3 {
			return ms, failing
		}
		return 4 * ms, answered
	})
	w.fleet(6000, load, well) // 30 s
	got := w.fleet(20_000, load, well)
	if got[3] < 700 || got[3] > 1300 {
		t.Errorf("when it was well again it got %d calls of 20000, want about 1000", got[3])
	}
}

// What is held against a node ends, however much it was.
func TestBlameFades(t *testing.T) {
	w := newProbing(t, 1, 1, rota.Prequal(rota.PrequalParams{}))
	for range 100 {
		w.pick(failing)
	}
	for _, c := range []struct {
		after time.Duration
		want  float64
	}{{0, 8}, {10 * time.Second, 8 / 2.708}, {30 * time.Second, 8 / 16.375}, {70 * time.Second, 0}} {
		if got := w.node(0).Blame(c.after); math.Abs(got-c.want) > .01 {
			t.Errorf("after %v %v is held against the node, want %.2f", c.after, got, c.want)
		}
	}
	w.pick(answered)
	if got := w.node(0).Blame(0); got != 2 {
		t.Errorf("after a success %v, want 2", got)
	}
}
