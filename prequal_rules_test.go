package rota_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

var answered, failing = rota.Outcome{}, broken()

// keep is a pool from which calls remove nothing.
var keep = rota.PrequalParams{Remove: -1}

func (w *probing) pool() []string {
	entries := rota.PoolOf(w.cl)
	slices.SortFunc(entries, func(a, b rota.PoolEntry) int { return cmp.Compare(a.Addr, b.Addr) })
	var list []string
	for _, e := range entries {
		list = append(list, e.Addr)
	}
	return list
}

func (w *probing) entry(i int) (rota.PoolEntry, bool) {
	for _, e := range rota.PoolOf(w.cl) {
		if e.Addr == addr(i) {
			return e, true
		}
	}
	return rota.PoolEntry{}, false
}

func TestPrequalReuse(t *testing.T) {
	for _, c := range []struct {
		probes, remove float64
		n              int
		want           float64
		size           int
	}{
		{3, 1, 100, 1.32, 16},
		{4, .25, 100, 1, 16},
		{2.83, .25, 100, 1, 16},
		{2, .25, 100, 1.40, 16},
		{math.Sqrt2, .25, 100, 2.13, 16},
		{1, .25, 100, 3.39, 16},
		{.71, .25, 100, 2 / (.84*.71 - .25), 16}, // 5.8
		{.5, .25, 100, 2 / (.84*.5 - .25), 16},   // 11.8
		{.3, .25, 100, 100, 16},                  // more than MaxReuse, here set to 100: 2/(.3*.84-.25) = 1000
		{3, 1, 1, 100, 2},
		{3, 1, 2, 100, 2},
		{3, 1, 3, 100, 2},
		{3, 1, 16, 4, 8},
		{3, 1, 17, 2 / (3*9./17 - 1), 8},
		{3, 1, 32, 4, 16},
		{3, 1, 10000, 2 / (3*(1-.0016) - 1), 16},
	} {
		p := rota.PrequalParams{Probes: c.probes, Remove: c.remove, MaxReuse: 100}
		if got, size := p.Reuse(c.n); math.Abs(got-c.want) > .006 || size != c.size {
			t.Errorf("probes %v, remove %v, %d nodes: reuse %.3f of %d, want %.3f of %d", c.probes, c.remove, c.n, got, size, c.want, c.size)
		}
	}
	if got, _ := (rota.PrequalParams{Probes: .5, Remove: .5}).Reuse(100); got != 16 {
		t.Errorf("a pool that loses more than it gains: reuse %v, want 16", got)
	}
}

// The fraction of an answer's uses is drawn, and its mean kept.
func TestPrequalReuseIsRoundedAtRandom(t *testing.T) {
	const probes = 20_000
	w := newProbing(t, 1, 100, rota.Prequal(rota.PrequalParams{}))
	w.pick(answered)
	seen := map[int]int{}
	for range probes {
		w.says(0, 0, ms)
		e, _ := w.entry(0)
		seen[e.Left]++
		if len(seen) > 2 {
			t.Fatalf("uses %v, want 1 or 2", seen)
		}
	}
	if mean := 1 + float64(seen[2])/probes; math.Abs(mean-1.32) > .02 {
		t.Errorf("mean uses %.3f, want 1.32", mean)
	}
}

func TestPrequalHotFrom(t *testing.T) {
	inf := math.Inf(1)
	many := make([]int, 0, 100)
	for i := range 68 {
		many = append(many, 1000+i) // forgotten
	}
	for i := range 32 {
		many = append(many, (i*7+3)%32) // each of 0 to 31 once
	}
	for _, c := range []struct {
		q    float64
		rifs []int
		want float64
	}{
		{.84, nil, inf},
		{.84, []int{5}, 5},
		{.5, []int{4, 1, 3, 2}, 3},
		{-1, []int{4, 1, 3, 2}, 1},
		{1, []int{4, 1, 3, 2}, inf},
		{.999, []int{4, 1, 9, 2}, 9},
		{.75, many, 24},
		{0, many, 26}, // the default, .84
		{-1, many, 0},
		{.5, []int{-3, math.MaxInt, 7}, 7},
	} {
		if got := rota.HotFrom(c.q, c.rifs...); got != c.want {
			t.Errorf("quantile %v of %d probes: hot from %v, want %v", c.q, len(c.rifs), got, c.want)
		}
	}
}

// The sorted copy of the last probes must be what sorting them gives.
func TestPrequalHotFromIsAQuantileOfTheLast32(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		rifs := make([]int, 1+r.IntN(150))
		for i := range rifs {
			rifs[i] = r.IntN(1 + r.IntN(20))
		}
		last := slices.Sorted(slices.Values(rifs[max(0, len(rifs)-32):]))
		q := r.Float64()
		if got, want := rota.HotFrom(q, rifs...), float64(last[int(q*float64(len(last)))]); got != want {
			t.Fatalf("seed %d: quantile %v of %v = %v, want %v", seed, q, last, got, want)
		}
	}
}

type said struct {
	node, rif int
	latency   time.Duration
}

func TestPrequalChoice(t *testing.T) {
	for _, c := range []struct {
		name     string
		quantile float64
		answers  []said
		want     int
	}{
		{"the least latency of the cold ones", .75, []said{{0, 1, 30 * ms}, {1, 2, 10 * ms}, {2, 3, 20 * ms}, {3, 9, 1 * ms}}, 1},
		{"hot is from theta on, ties with it included", .5, []said{{0, 1, 30 * ms}, {1, 5, 1 * ms}, {2, 5, 2 * ms}, {3, 5, 3 * ms}}, 0},
		{"all hot: the least in flight", -1, []said{{0, 7, 1 * ms}, {1, 4, 90 * ms}, {2, 9, 2 * ms}, {3, 5, 1 * ms}}, 1},
		{"none hot: the least latency", 1, []said{{0, 1, 30 * ms}, {1, 2, 10 * ms}, {2, 3, 20 * ms}, {3, 900, 1 * ms}}, 3},
		{"a latency that is not known is best of the cold", .75, []said{{0, 1, 1 * ms}, {1, 2, 0}, {2, 1, 2 * ms}, {3, 9, 0}}, 1},
		{"of equal cold ones the fresher", .75, []said{{0, 9, 1 * ms}, {1, 2, 5 * ms}, {2, 3, 5 * ms}, {3, 2, 9 * ms}}, 2},
		{"of equal hot ones the fresher", -1, []said{{0, 2, 1 * ms}, {1, 2, 5 * ms}, {2, 2, 7 * ms}, {3, 4, 9 * ms}}, 2},
		{"a report below nothing is nothing", .75, []said{{0, -9, 2 * ms}, {1, 1, 1 * ms}, {2, 5, 1}, {3, 5, 1}}, 1},
	} {
		p := keep
		p.HotQuantile = c.quantile
		w := newProbing(t, 1, 20, rota.Prequal(p))
		for _, a := range c.answers {
			w.now = w.now.Add(ms)
			w.says(a.node, a.rif, a.latency)
		}
		if got := w.pick(answered); got != addr(c.want) {
			t.Errorf("%s: went to %s, want %s", c.name, got, addr(c.want))
		}
	}
}

// What a call adds to its node is known before the next probe.
func TestPrequalCountsItsOwnCalls(t *testing.T) {
	p := keep
	p.Probes = .5 // many uses
	w := newProbing(t, 1, 100, rota.Prequal(p))
	w.says(0, 2, 10*ms)
	w.says(1, 2, 12*ms)
	w.says(2, 9, 12*ms)
	if got := w.pick(answered); got != addr(0) {
		t.Fatalf("went to %s", got)
	}
	e, _ := w.entry(0)
	if want := 10 * ms * 4 / 3; e.RIF != 3 || e.Latency != want {
		t.Errorf("after a call %v in flight, %v, want 3 and %v", e.RIF, e.Latency, want)
	}
	if got := w.pick(answered); got == addr(0) {
		t.Errorf("the second call went to %s too", got)
	}
}

func TestPrequalUsesAnAnswerSoOften(t *testing.T) {
	p := rota.PrequalParams{Remove: -1, Probes: 4, Delta: 5, HotQuantile: 1} // 6/(4*.84) = 1.79
	uses := 0
	const rounds = 2000
	w := newProbing(t, 1, 100, rota.Prequal(p))
	for range rounds {
		w.says(0, 0, 0) // not known: best whatever it has in flight
		w.says(1, 5, ms)
		w.says(2, 5, ms)
		for w.pick(answered) == addr(0) {
			uses++
		}
	}
	if got := float64(uses) / rounds; math.Abs(got-6/3.36) > .05 {
		t.Errorf("an answer was used %.2f times, want %.2f", got, 6/3.36)
	}
}

func TestPrequalDropsOldAnswers(t *testing.T) {
	p := keep
	p.MaxAge = 100 * ms
	w := newProbing(t, 1, 20, rota.Prequal(p))
	w.says(0, 0, ms)
	w.now = w.now.Add(60 * ms)
	w.says(1, 1, 5*ms)
	w.says(2, 2, 6*ms)
	w.says(3, 3, 7*ms)
	w.now = w.now.Add(50 * ms)
	if got := w.pick(answered); got != addr(1) {
		t.Errorf("went to %s, want %s: the better answer is too old", got, addr(1))
	}
	if _, kept := w.entry(0); kept {
		t.Error("the old answer was kept")
	}
}

func TestPrequalKeepsTheLatestAnswers(t *testing.T) {
	w := newProbing(t, 1, 40, rota.Prequal(keep))
	for i := range 20 {
		w.now = w.now.Add(ms)
		w.says(i, i, time.Duration(i)*ms)
	}
	got := w.pool()
	var want []string
	for i := 4; i < 20; i++ {
		want = append(want, addr(i))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("pool %v, want %v", got, want)
	}
	w.says(7, 50, 3*ms)
	if e, _ := w.entry(7); len(w.pool()) != 16 || e.RIF != 50 {
		t.Errorf("another answer of a node: %v of %d entries, want it to replace the first", e, len(w.pool()))
	}
}

// Calls remove the oldest and the worst in turn; the worst is the hottest, and without a hot one the slowest.
func TestPrequalRemovesTheOldestAndTheWorst(t *testing.T) {
	for _, c := range []struct {
		name     string
		quantile float64
		want     []int // in the order in which they go
	}{
		{"the hottest is worst", -1, []int{5, 3, 4}},
		{"the slowest is worst", 1, []int{5, 2, 4}},
	} {
		p := rota.PrequalParams{Probes: .5, Delta: 100, HotQuantile: c.quantile} // many uses
		w := newProbing(t, 1, 100, rota.Prequal(p))
		for _, a := range []said{{5, 3, 3 * ms}, {4, 4, 4 * ms}, {3, 90, 5 * ms}, {2, 5, 90 * ms}, {1, 1, ms}, {0, 2, 2 * ms}} {
			w.now = w.now.Add(ms)
			w.says(a.node, a.rif, a.latency)
		}
		for i, want := range c.want {
			before := w.pool()
			w.pick(answered)
			var gone []string
			for _, a := range before {
				if !slices.Contains(w.pool(), a) {
					gone = append(gone, a)
				}
			}
			if strings.Join(gone, " ") != addr(want) {
				t.Errorf("%s: call %d removed %v, want %s", c.name, i+1, gone, addr(want))
			}
		}
	}
}
