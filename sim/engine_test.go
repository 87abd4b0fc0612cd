package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// planned is what the model of the engine knows of something that is to happen.
type planned struct {
	at    time.Duration
	order int
	what  int
}

// witness writes down what happens to it.
type witness struct {
	what int
	seen *[]int
}

func (w *witness) act(step) { *w.seen = append(*w.seen, w.what) }

// TestEngineKeepsTime compares events and timers, set, moved and stopped at random, with a list that is sorted.
func TestEngineKeepsTime(t *testing.T) {
	for seed := range uint64(2 * worlds) {
		r := rand.New(rand.NewPCG(seed, 2))
		var e engine
		var model []planned
		var got, want []int
		timers := make([]timer, 20)
		for i := range timers {
			timers[i].who = &witness{i, &got}
		}
		drop := func(what int) {
			model = slices.DeleteFunc(model, func(p planned) bool { return p.what == what })
		}
		for n := range 2000 {
			in := time.Duration(r.IntN(50))
			switch k := r.IntN(len(timers)); r.IntN(5) {
			case 0:
				e.after(in, &witness{1000 + n, &got}, 0)
				model = append(model, planned{e.now + in, n, 1000 + n})
			case 1:
				e.set(&timers[k], e.now+in-5) // what is past happens now
				drop(k)
				model = append(model, planned{max(e.now+in-5, e.now), n, k})
			case 2:
				e.stop(&timers[k])
				drop(k)
			default:
				slices.SortFunc(model, func(a, b planned) int {
					return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
				})
				if more := e.next(); more != (len(model) > 0) {
					t.Fatalf("seed %d: next() = %v with %d to come", seed, more, len(model))
				}
				if len(model) == 0 {
					continue
				}
				if want = append(want, model[0].what); e.now != model[0].at {
					t.Fatalf("seed %d: it is %v, want %v", seed, e.now, model[0].at)
				}
				model = model[1:]
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: what happened is not in order", seed)
		}
		for i := range timers {
			if in := slices.ContainsFunc(model, func(p planned) bool { return p.what == i }); in != (timers[i].pos > 0) {
				t.Fatalf("seed %d: timer %d says it is at %d, is set: %v", seed, i, timers[i].pos, in)
			}
		}
	}
}
