package limit_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

// E13 for the default: a server that is offered three times what it can do does at least 90 % of it, nobody with a place
// takes three times as long as at half the load, ten minutes of that teach it nothing, and then it rejects none.
func TestOverloadScript(t *testing.T) {
	for seed := range uint64(seeds) {
		s := newScript(seed, limit.Config{})
		s.run(3, 2*time.Second)
		minutes := 2
		if seed == 0 {
			minutes = 2 * sizes
		}
		for minute := range minutes {
			if p := s.run(3, time.Minute); p.good < 0.9 || p.p99 > 3 {
				t.Errorf("seed %d: minute %d at 3x: %v, want at least 90 %% and at most 3x", seed, minute, p)
			}
		}
		s.run(0.5, time.Second)
		if p := s.run(0.5, 20*time.Second); p.rejected > 0.001 || p.p99 > 1.2 {
			t.Errorf("seed %d: after the overload: %v, %.1f %% rejected", seed, p, 100*p.rejected)
		}
	}
}

// Why there is a limit at all, and a guard: what the others make of the same script.
func TestOverloadScriptOfOthers(t *testing.T) {
	if sizes < len(worlds) {
		t.Skip("minutes under the race detector, which finds nothing in one goroutine")
	}
	run := func(c limit.Config, lasts time.Duration) (early, late, after phase) {
		s := newScript(1, c)
		s.run(3, 2*time.Second)
		early = s.run(3, 10*time.Second)
		s.run(3, lasts)
		late = s.run(3, 10*time.Second)
		s.run(0.5, 10*time.Second)
		return early, late, s.run(0.5, 10*time.Second)
	}
	for _, a := range []limit.Algorithm{limit.Vegas, limit.Gradient, limit.Failsafe, limit.Envoy} {
		early, late, after := run(limit.Config{Algorithm: a}, 30*time.Second)
		// After it, Envoy's limit is pinned once more.
		if early.good < 0.8 || late.good < 0.8 || late.p99 > 2 || after.rejected > 0.1 {
			t.Errorf("%s: at 3x %v, minutes later %v, after it %v with %.1f %% rejected", a, early, late, after, 100*after.rejected)
		}
	}
	if early, late, _ := run(limit.Config{Algorithm: limit.Gradient2}, 4*time.Minute); late.limit < 2*early.limit || late.p99 < 1.2*early.p99 {
		t.Errorf("gradient2: %v, and minutes later %v: it drifts to its bound of 200", early, late)
	}
	if _, late, after := run(limit.Config{Algorithm: limit.VegasPlain}, 30*time.Second); late.good > 0.5 || after.rejected < 0.5 {
		t.Errorf("vegas-plain: %v: the shortest of random latencies is no base", late)
	}
	if _, late, after := run(limit.Config{Max: 1 << 30}, 10*time.Second); late.good > 0 || after.good > 0 {
		t.Errorf("no limit: %v, afterwards %v: all work is for callers that have gone", late, after)
	}
}

// A server that becomes four times slower for all is not taken for an overloaded one.
func TestGuardFollowsTheServer(t *testing.T) {
	for _, a := range []limit.Algorithm{limit.Vegas, limit.Gradient} {
		w := newWorld(1, limit.Config{Algorithm: a}, 32, 5*time.Millisecond)
		w.run(2000, 10*time.Second)
		w.service = func() time.Duration { return w.exp(20 * time.Millisecond) }
		w.run(1200, 20*time.Second)
		w.run(1200, 10*time.Second)
		if share := float64(w.rejected) / float64(w.offered); share > 0.02 {
			t.Errorf("%s: %.1f %% are rejected, limit %d", a, 100*share, w.limiter.Limit(w.now))
		}
	}
}

// Whatever is measured, there is at least one place and never more than there can be; nothing is allocated for it.
func TestAlgorithmsKeepTheirBounds(t *testing.T) {
	for _, a := range limit.Algorithms() {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 3))
			l := limit.New(limit.Config{Algorithm: a, Queue: -1})
			now := time.Duration(0)
			turn := func() {
				now += time.Duration(r.Int64N(int64(200 * ms)))
				if p, v := l.Enter(now); v == limit.Admitted {
					took := time.Duration(r.ExpFloat64() * float64(ms) * float64(uint64(1)<<r.IntN(20)))
					l.Leave(now, p, took*time.Duration(r.IntN(5))/4, r.IntN(3) > 0)
				}
			}
			for range 500 {
				turn()
				if n := l.Limit(now); n < 1 || n > 10_000 {
					t.Fatalf("%s, seed %d: %d places", a, seed, n)
				}
			}
			if n := testing.AllocsPerRun(500, turn); n > 0 {
				t.Fatalf("%s: %v allocations a request", a, n)
			}
		}
	}
}

// A burst that all fails or hangs leaves no algorithm with a limit that it does not come back from.
func TestAlgorithmsComeBack(t *testing.T) {
	for _, a := range limit.Algorithms() {
		if a == limit.VegasPlain {
			continue // it does not even at rest
		}
		w := newWorld(1, limit.Config{Algorithm: a}, 16, 10*time.Millisecond)
		w.timeout = 50 * time.Millisecond
		w.run(800, 5*time.Second)
		healthy := w.service
		w.service = func() time.Duration { return 200 * time.Millisecond }
		w.run(800, 5*time.Second)
		w.service = healthy
		w.run(800, 80*time.Second)
		w.run(800, 10*time.Second)
		if share := float64(w.rejected) / float64(w.offered); share > 0.05 {
			t.Errorf("%s: %.1f %% are rejected, limit %d", a, 100*share, w.limiter.Limit(w.now))
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []limit.Config{{}, {Algorithm: limit.AIMD, Discipline: limit.LIFO}, {Discipline: limit.NoQueue}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, test := range []struct {
		config limit.Config
		want   string
	}{
		{limit.Config{Algorithm: "Vegas"}, `Algorithm = "Vegas", want one of dip, vegas, `},
		{limit.Config{Discipline: "random"}, `Discipline = "random", want one of adaptive, `},
	} {
		if err := test.config.Validate(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.config, err, test.want)
		}
	}
}

// Who of four gets the place, and until when one waits, in a queue that has been standing for a while.
func TestDisciplines(t *testing.T) {
	for _, test := range []struct {
		discipline limit.Discipline
		next       any
		patience   time.Duration
	}{{limit.Adaptive, "newest", 5 * ms}, {limit.FIFO, "older", 100 * ms}, {limit.LIFO, "newest", 100 * ms}} {
		l := limit.New(limit.Config{Max: 1, Discipline: test.discipline, Queue: 9})
		place, _ := l.Enter(0)
		l.Wait(1*ms, &limit.Waiter{Owner: "oldest"}) // its time is up by then
		l.Wait(50*ms, &limit.Waiter{Owner: "older"})
		newest := &limit.Waiter{Owner: "newest"}
		l.Wait(102*ms, newest)
		if got := newest.Until - 102*ms; got != test.patience {
			t.Errorf("%s: the last waits for %v, want %v", test.discipline, got, test.patience)
		}
		l.Leave(103*ms, place, ms, true)
		if w := l.Next(103 * ms); w == nil || w.Owner != test.next {
			t.Errorf("%s: next is %v, want %v", test.discipline, w, test.next)
		}
	}
	l := limit.New(limit.Config{Max: 1, Discipline: limit.NoQueue})
	l.Enter(0)
	if _, v := l.Enter(0); v != limit.Rejected {
		t.Errorf("none: verdict %v, want rejected", v)
	}
}
