package limit_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

var compare = flag.Bool("compare", false, "print the table of all algorithms under the overload script")

// script is E13: a server of 64 workers is offered half of what it can do, then three times as much, then half again.
// Its callers give up after a second; the work goes on.
type script struct {
	world    *world
	capacity float64
	base     time.Duration // 99th percentile at half the load
}

// phase is how the server did for a while.
type phase struct {
	good     float64 // replies in time, as a share of capacity
	p99      float64 // of those that got a place, in bases
	limit    int
	rejected float64 // of those offered
}

func newScript(seed uint64, c limit.Config) *script {
	const workers, mean = 64, 50 * time.Millisecond
	s := &script{world: newWorld(seed, c, workers, mean), capacity: workers / mean.Seconds()}
	s.world.timeout = time.Second
	s.run(0.5, 20*time.Second)
	s.run(0.5, 20*time.Second)
	s.base = s.world.quantile(0.99)
	return s
}

func (s *script) run(load float64, d time.Duration) phase {
	w := s.world
	w.run(load*s.capacity, d)
	return phase{
		good:     float64(w.good) / d.Seconds() / s.capacity,
		p99:      w.quantile(0.99).Seconds() / max(s.base, 1).Seconds(),
		limit:    w.limiter.Limit(w.now),
		rejected: float64(w.rejected) / float64(w.offered),
	}
}

func (p phase) String() string {
	return fmt.Sprintf("%3.0f %% %5.2fx L=%d", 100*p.good, p.p99, p.limit)
}

// TestCompare prints the tables of the documentation: -compare runs it, which takes a minute.
func TestCompare(t *testing.T) {
	if !*compare {
		t.Skip("-compare runs it")
	}
	t.Run("E13", compareScript)
	t.Run("worlds", compareWorlds)
}

func compareScript(*testing.T) {
	configs := []limit.Config{{Max: 1 << 30}}
	for _, a := range limit.Algorithms() {
		configs = append(configs, limit.Config{Algorithm: a})
	}
	for _, d := range []limit.Discipline{limit.FIFO, limit.LIFO, limit.NoQueue} {
		configs = append(configs, limit.Config{Discipline: d})
	}
	fmt.Printf("%-12s %-10s | %-22s | %-22s | %-22s | %-22s | %-22s | %s\n", "algorithm", "queue", "0..2 s at 3x", "2..30 s", "minute 3", "minute 10", "10 s after", "20..40 s after")
	for _, c := range configs {
		s := newScript(1, c)
		early := s.run(3, 2*time.Second)
		first := s.run(3, 28*time.Second)
		s.run(3, 90*time.Second)
		third := s.run(3, time.Minute)
		s.run(3, 6*time.Minute)
		tenth := s.run(3, time.Minute)
		after := s.run(0.5, 10*time.Second)
		s.run(0.5, 10*time.Second)
		later := s.run(0.5, 20*time.Second)
		fmt.Printf("%-12s %-10s | %22s | %22s | %22s | %22s | %22s | %s rejected %.1f %%\n", c.Algorithm, c.Discipline, early, first, third, tenth, after, later, 100*later.rejected)
	}
}

// compareWorlds shows the same overload from a cold start at servers of other kinds, and one that becomes four times
// slower under load that it can still bear.
func compareWorlds(*testing.T) {
	for _, a := range limit.Algorithms() {
		fmt.Printf("%-12s", a)
		for _, kind := range worlds {
			w := newWorld(1, limit.Config{Algorithm: a}, kind.workers, kind.mean)
			w.shared, w.timeout = kind.shared, 20*kind.mean
			capacity := float64(kind.workers) / kind.mean.Seconds()
			w.run(capacity*3, 10*time.Second)
			w.run(capacity*3, 5*time.Second)
			fmt.Printf(" | %3.0f %% L=%-4d", 100*float64(w.good)/5/capacity, w.limiter.Limit(w.now))
		}
		w := newWorld(1, limit.Config{Algorithm: a}, 32, 5*time.Millisecond)
		w.run(2000, 10*time.Second)
		w.service = func() time.Duration { return w.exp(20 * time.Millisecond) }
		w.run(1200, 20*time.Second)
		w.run(1200, 10*time.Second)
		fmt.Printf(" | slower: rejects %.1f %%\n", 100*float64(w.rejected)/float64(w.offered))
	}
}
