package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

// worlds are servers of several sizes. base is the 99th percentile at 30 % load.
var worlds = []struct {
	name    string
	workers int
	mean    time.Duration
	shared  bool
}{
	{"8 workers of 10 ms", 8, 10 * time.Millisecond, false},
	{"64 workers of 10 ms", 64, 10 * time.Millisecond, false},
	{"64 workers of 100 ms", 64, 100 * time.Millisecond, false},
	{"8 processors, 1 ms", 8, time.Millisecond, true},
	{"64 processors, 10 ms", 64, 10 * time.Millisecond, true},
}

// Offered three times what it can do, a server does at least 90 % of it, and no request that it takes waits longer than
// it would at a third of the load, three times over. When the load falls, none is rejected.
func TestAdaptive(t *testing.T) {
	for _, test := range worlds[:sizes] {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprint(test.name, " seed ", seed), func(t *testing.T) {
				w := newWorld(seed, limit.Config{}, test.workers, test.mean)
				w.shared = test.shared
				capacity := float64(test.workers) / test.mean.Seconds()
				phase := max(4*time.Second, time.Duration(20_000/capacity*float64(time.Second)))
				w.run(capacity*0.3, phase)
				base := w.quantile(0.99)
				if share := float64(w.rejected) / float64(w.offered); share > 0.05 {
					t.Errorf("at 30 %% load, from a cold start, %.1f %% were rejected", 100*share)
				}
				w.run(capacity*0.3, phase)
				if w.rejected > 0 {
					t.Errorf("at 30 %% load, %d of %d were rejected", w.rejected, w.offered)
				}
				for range 2 {
					w.run(capacity*3, phase/2) // to settle
					w.run(capacity*3, phase)
					if good := float64(len(w.done)) / phase.Seconds() / capacity; good < 0.9 {
						t.Errorf("at 300 %% load, %.0f %% of the capacity was used, limit %d", 100*good, w.limiter.Limit(w.now))
					}
					if p99 := w.quantile(0.99); p99 > 3*base {
						t.Errorf("at 300 %% load, p99 = %v, without load %v, limit %d", p99, base, w.limiter.Limit(w.now))
					}
					w.run(capacity*0.5, phase/2)
					w.run(capacity*0.5, phase)
					if share := float64(w.rejected) / float64(w.offered); share > 0.01 {
						t.Errorf("at 50 %% load again, %.1f %% were rejected, limit %d", 100*share, w.limiter.Limit(w.now))
					}
				}
			})
		}
	}
}

// Ten minutes of overload teach the limiter nothing wrong.
func TestAdaptiveDoesNotDrift(t *testing.T) {
	w := newWorld(1, limit.Config{}, 16, 50*time.Millisecond)
	const capacity = 16 / 0.050
	w.run(capacity*0.3, 30*time.Second)
	base := w.quantile(0.99)
	for minute := range 10 {
		w.run(capacity*3, time.Minute)
		good, p99 := float64(len(w.done))/60/capacity, w.quantile(0.99)
		if good < 0.9 || p99 > 3*base {
			t.Errorf("minute %d: %.0f %% of the capacity, p99 %v of %v, limit %d", minute, 100*good, p99, base, w.limiter.Limit(w.now))
		}
	}
}

// A server that becomes four times slower for everybody is not taken for an overloaded one for long.
func TestAdaptiveFollowsTheServer(t *testing.T) {
	w := newWorld(1, limit.Config{}, 32, 5*time.Millisecond)
	w.run(2000, 10*time.Second)
	w.service = func() time.Duration { return w.exp(20 * time.Millisecond) }
	w.run(1200, 20*time.Second) // 75 % of what it can do now
	w.run(1200, 10*time.Second)
	if share := float64(w.rejected) / float64(w.offered); share > 0.02 {
		t.Errorf("%.1f %% are rejected, limit %d", 100*share, w.limiter.Limit(w.now))
	}
}

// Most requests are hits of a cache. The others queue, and that shows.
func TestAdaptiveSeesTheMinorityQueue(t *testing.T) {
	w := newWorld(1, limit.Config{}, 16, 0)
	w.service = func() time.Duration {
		if w.rand.IntN(100) < 60 {
			return 100 * time.Microsecond
		}
		return w.exp(20 * time.Millisecond)
	}
	const capacity = 16 / 0.008
	w.run(capacity*0.3, 10*time.Second)
	base := w.quantile(0.99)
	w.run(capacity*3, 10*time.Second)
	w.run(capacity*3, 20*time.Second)
	if p99 := w.quantile(0.99); p99 > 3*base {
		t.Errorf("p99 = %v, without load %v, limit %d", p99, base, w.limiter.Limit(w.now))
	}
	if good := float64(len(w.done)) / 20 / capacity; good < 0.9 {
		t.Errorf("%.0f %% of the capacity was used, limit %d", 100*good, w.limiter.Limit(w.now))
	}
}

// Requests that hang during a dip do not keep the limit low.
func TestAdaptiveSurvivesHangingRequests(t *testing.T) {
	w := newWorld(1, limit.Config{Queue: -1}, 64, 10*time.Millisecond)
	w.run(64*100*3, 3*time.Second)
	hanging := 0
	w.service = func() time.Duration { hanging++; return time.Hour }
	for range 50 {
		w.arrive()
	}
	w.service = func() time.Duration { return w.exp(time.Millisecond) }
	w.run(1000, 10*time.Second)
	w.run(1000, 10*time.Second)
	if share := float64(w.rejected) / float64(w.offered); share > 0.01 {
		t.Errorf("%.1f %% are rejected with %d hanging, limit %d", 100*share, hanging, w.limiter.Limit(w.now))
	}
}

// The same seed gives the same run.
func TestAdaptiveIsDeterministic(t *testing.T) {
	run := func() (int, int) {
		w := newWorld(7, limit.Config{}, 8, time.Millisecond)
		w.run(20_000, time.Second)
		return w.rejected, w.limiter.Limit(w.now)
	}
	rejected, places := run()
	if again, places2 := run(); again != rejected || places2 != places {
		t.Errorf("rejected = %d, limit = %d, and again %d, %d", rejected, places, again, places2)
	}
}
