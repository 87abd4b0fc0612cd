package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// pile leaves as many attempts in flight as counts add up to.
func pile(w *world, counts ...int) {
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return time.Hour, rota.Outcome{} }
	total := 0
	for _, c := range counts {
		total += c
	}
	for range total {
		w.begin(rota.Call{}, time.Time{})
	}
}

func (w *world) inFlight() []int {
	var got []int
	for _, n := range w.cl.Nodes() {
		got = append(got, n.InFlight())
	}
	return got
}

func TestLeastLoadedFillsByWeight(t *testing.T) {
	for _, tt := range []struct {
		name    string
		weights []int
		want    []int // in flight, when as many calls as that hang
	}{
		{"equal", []int{1, 1, 1}, []int{4, 4, 4}},
		{"two to one", []int{1, 2, 1}, []int{3, 6, 3}},
		{"ten to one", []int{1, 10}, []int{2, 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{}, 0, rota.LeastLoaded())
			w.cl.Update(epoch, weighted(tt.weights...))
			pile(w, tt.want...)
			for i, got := range w.inFlight() {
				if got != tt.want[i] {
					t.Errorf("%v in flight, want %v", w.inFlight(), tt.want)
					break
				}
			}
		})
	}
}

// Calls one after the other find all nodes idle, and shall not all meet the first; nor start over at every change of
// the set.
func TestLeastLoadedBreaksTiesInTurn(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 5, rota.LeastLoaded())
	var got []string
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		got = append(got, a.Instance().Addr)
		return 0, rota.Outcome{}
	}
	for i := range 20 {
		w.after(time.Duration(i)*ms, func() {
			w.begin(rota.Call{}, time.Time{})
			set := instances(6)
			set[5].Weight = i + 1
			w.cl.Update(w.now, set[:5+i/10])
		})
	}
	w.run()
	for i := 1; i < len(got); i++ {
		if got[i] == got[i-1] {
			t.Fatalf("twice in a row to one node: %v", got)
		}
	}
	if len(got) < 20 || got[0] != got[5] {
		t.Errorf("%v, want turns of five nodes", got)
	}
}

// All that fail get a 64th of the calls together, however many they are.
func TestLeastLoadedTriesWhatFailedNowAndThen(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	const nodes, bad, calls = 20, 15, 64_000
	w := newWorld(1, rota.Policy{}, nodes, rota.LeastLoaded())
	tried, index := 0, indices(nodes)
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if index[a.Instance().Addr] < bad {
			tried++
			return ms, broken()
		}
		return ms, rota.Outcome{}
	}
	for i := range calls {
		w.after(time.Duration(i)*10*ms, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	w.run()
	if tried < calls/64*8/10 || tried > calls/64*12/10 {
		t.Errorf("%d of %d calls went to nodes that fail, want a 64th", tried, calls)
	}
}

// indices tells an instance's place in instances(n).
func indices(n int) map[string]int {
	m := map[string]int{}
	for i, inst := range instances(n) {
		m[inst.Addr] = i
	}
	return m
}
