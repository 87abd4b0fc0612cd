package rate_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/rate"
)

// In any stretch of time the events are at most burst + rate x time; and asked often enough, they are no fewer.
func TestRateIsWhatItSays(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		perSecond, burst := 1+r.Float64()*1000, 1+r.IntN(20)
		lim := rate.New(perSecond, burst)
		var l rate.Limiter
		var taken []time.Duration
		for now := time.Duration(0); now < 5*time.Second; now += time.Duration(r.Int64N(int64(float64(time.Second)/perSecond) + 1)) {
			wait := l.Wait(now, lim)
			if ok := l.Take(now, lim); ok != (wait == 0) {
				t.Fatalf("seed %d: Wait() = %v, but Take() = %t", seed, wait, ok)
			} else if ok {
				taken = append(taken, now)
			}
		}
		for i := range taken {
			for j := i; j < len(taken); j += 1 + len(taken)/50 {
				most := float64(burst) + perSecond*(taken[j]-taken[i]).Seconds() + 1e-3
				if n := j - i + 1; float64(n) > most {
					t.Fatalf("seed %d: %d events in %v at %.1f/s, burst %d", seed, n, taken[j]-taken[i], perSecond, burst)
				}
			}
		}
		// With a burst of 1 every moment that nobody asked is lost; with more it is made up for.
		if least := 5*perSecond*0.99 - 1; burst > 2 && float64(len(taken)) < least {
			t.Fatalf("seed %d: %d events in 5s at %.1f/s", seed, len(taken), perSecond)
		}
	}
}

func TestWaitIsUntilTheNextOne(t *testing.T) {
	lim := rate.New(100, 2)
	var l rate.Limiter
	now := time.Hour
	for i, want := range []time.Duration{0, 0, 10 * time.Millisecond} {
		if got := l.Wait(now, lim); got != want {
			t.Errorf("Wait() before event %d = %v, want %v", i+1, got, want)
		}
		l.Take(now, lim)
	}
	if !l.Take(now+10*time.Millisecond, lim) {
		t.Error("Take() after the wait = false")
	}
}

func TestOddRates(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		burst     int
		want      int // of 1000 at once
	}{{1e-12, 1, 1}, {1, 0, 1}, {5, 1 << 40, 1000}} {
		lim := rate.New(c.perSecond, c.burst)
		var l rate.Limiter
		got := 0
		for range 1000 {
			if l.Take(time.Hour, lim) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%v/s, burst %d: %d of 1000 at once, want %d", c.perSecond, c.burst, got, c.want)
		}
	}
}

func TestConcurrentTakesShareTheBurst(t *testing.T) {
	lim := rate.New(1, 100)
	var l rate.Limiter
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if l.Take(time.Hour, lim) {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if taken.Load() != 100 {
		t.Errorf("%d taken, want 100", taken.Load())
	}
}
