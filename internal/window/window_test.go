package window_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/window"
)

// Recent is compared with a list of all events: it must have everything of the last Span, and nothing older than a
// second more.
func TestRecentIsBetweenSpanAndASecondMore(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		var c window.Counter
		var events []time.Duration
		now := time.Duration(r.Int64N(int64(time.Hour)))
		for range 300 {
			now += time.Duration(r.Int64N(int64(time.Second) << r.IntN(5) >> 3))
			if r.IntN(3) > 0 {
				c.Add(now)
				events = append(events, now)
			}
			for _, span := range []time.Duration{time.Second, 3 * time.Second, window.Span} {
				least, most := within(events, now, span), within(events, now, span+time.Second)
				if got := c.Within(now, span); got < least || got > most {
					t.Fatalf("seed %d: Within(%v, %v) = %d, want %d to %d", seed, now, span, got, least, most)
				}
			}
			least, most := within(events, now, window.Span), within(events, now, window.Span+time.Second)
			if got := c.Recent(now); got < least || got > most {
				t.Fatalf("seed %d: Recent(%v) = %d, want %d to %d", seed, now, got, least, most)
			}
		}
		if got := c.Total(); got != uint64(len(events)) {
			t.Fatalf("seed %d: Total() = %d, want %d", seed, got, len(events))
		}
	}
}

func within(events []time.Duration, now, span time.Duration) (n uint64) {
	for _, e := range events {
		if now-e < span {
			n++
		}
	}
	return n
}

func TestForgetStartsAgain(t *testing.T) {
	var c window.Counter
	c.Forget() // of nothing
	for range 5 {
		c.Add(time.Second)
	}
	c.Forget()
	c.Add(2 * time.Second)
	if got := c.Within(2*time.Second, time.Second); got != 6 {
		t.Errorf("Within() = %d, want 6: it disregards Forget", got)
	}
	if got := c.Recent(2 * time.Second); got != 1 || c.Total() != 6 {
		t.Errorf("Recent() = %d of %d, want 1 of 6", got, c.Total())
	}
}

func TestUndoTakesOneBack(t *testing.T) {
	var c window.Counter
	c.Add(0)
	c.Undo()
	if c.Total() != 0 || c.Recent(0) != 0 {
		t.Errorf("Total() = %d, Recent() = %d, want 0", c.Total(), c.Recent(0))
	}
	c.Add(0)
	c.Add(time.Second)
	c.Undo()
	c.Undo() // after its second has begun
	if got := c.Recent(time.Second); got != 0 {
		t.Errorf("Recent() = %d, want 0", got)
	}
}

func TestConcurrentAddsAreAllCounted(t *testing.T) {
	var c window.Counter
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 10_000 {
				c.Add(time.Duration(i) * time.Millisecond)
			}
		})
	}
	wg.Wait()
	if c.Total() != 40_000 {
		t.Errorf("Total() = %d, want 40000", c.Total())
	}
}

func BenchmarkAdd(b *testing.B) {
	var c window.Counter
	b.ReportAllocs()
	for b.Loop() {
		c.Add(time.Hour)
	}
}
