package limit_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

const ms = time.Millisecond

func TestFixed(t *testing.T) {
	l := limit.New(limit.Config{Max: 2, Queue: 1})
	enter := func(now time.Duration, want limit.Verdict) limit.Place {
		t.Helper()
		p, v := l.Enter(now)
		if v != want {
			t.Fatalf("Enter(%v) = %v, want %v", now, v, want)
		}
		return p
	}
	a := enter(0, limit.Admitted)
	b := enter(1*ms, limit.Admitted)
	enter(2*ms, limit.Waiting)
	w := &limit.Waiter{Owner: "w"}
	if v := l.Wait(2*ms, w); v != limit.Waiting || w.Until != 102*ms {
		t.Fatalf("Wait() = %v until %v, want to wait for 100 ms", v, w.Until)
	}
	enter(3*ms, limit.Rejected)
	if v := l.Wait(3*ms, &limit.Waiter{}); v != limit.Rejected {
		t.Fatalf("Wait() = %v in a full queue", v)
	}
	if got := l.Next(3 * ms); got != nil {
		t.Fatalf("Next() = %v, and no place is free", got.Owner)
	}
	l.Leave(10*ms, a, 10*ms, true)
	if got := l.Next(10 * ms); got != w || w.Place.At() != 10*ms {
		t.Fatalf("Next() = %v, want the one who waits", got)
	}
	if l.Cancel(11*ms, w) {
		t.Error("Cancel() = true for one who has a place")
	}
	l.Leave(12*ms, w.Place, ms, true)
	l.Leave(12*ms, b, ms, true)
	if taken, waiting := l.Taken(); taken != 0 || waiting != 0 || l.Limit(0) != 2 {
		t.Errorf("%d taken, %d waiting, limit %d, want 0, 0, 2", taken, waiting, l.Limit(0))
	}
}

// Nobody passes those who wait; a place that frees goes to the oldest at first, and to the newest once the queue stands.
func TestQueueOrder(t *testing.T) {
	l := limit.New(limit.Config{Max: 1, Queue: 10})
	place, _ := l.Enter(0)
	var waiters []*limit.Waiter
	wait := func(now time.Duration) {
		w := &limit.Waiter{Owner: len(waiters)}
		waiters = append(waiters, w)
		if v := l.Wait(now, w); v != limit.Waiting {
			t.Fatalf("Wait(%v) = %v", now, v)
		}
	}
	next := func(now time.Duration, want any) {
		t.Helper()
		l.Leave(now, place, ms, true)
		if _, v := l.Enter(now); v != limit.Waiting {
			t.Fatalf("Enter(%v) = %v: somebody passed", now, v)
		}
		w := l.Next(now)
		if w == nil || w.Owner != want {
			t.Fatalf("Next(%v) = %v, want %v", now, w, want)
		}
		place = w.Place
	}
	for range 4 {
		wait(10 * ms)
	}
	next(20*ms, 0)
	wait(90 * ms)
	wait(105 * ms)
	wait(111 * ms) // the queue stands
	if until := waiters[6].Until; until != 116*ms {
		t.Errorf("in a standing queue one waits until %v, want 116ms", until)
	}
	next(112*ms, 6)
	next(112*ms, 5)
	next(113*ms, 4)
	l.Leave(113*ms, place, ms, true)
	if w := l.Next(113 * ms); w != nil {
		t.Errorf("Next() = %v, whose time is up", w.Owner)
	}
	if _, waiting := l.Taken(); waiting != 0 {
		t.Errorf("%d wait still", waiting)
	}
}

// However requests come, wait, leave and give up: places balance, and there are never more than the limit.
func TestPlacesBalance(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := limit.Config{Max: r.IntN(5), Queue: r.IntN(6) - 1}
		l := limit.New(c)
		var places []limit.Place
		var waiters []*limit.Waiter
		now := time.Duration(0)
		take := func(i int) *limit.Waiter {
			w := waiters[i]
			waiters = append(waiters[:i], waiters[i+1:]...)
			return w
		}
		for range 500 {
			now += time.Duration(r.IntN(20)) * ms
			switch r.IntN(4) {
			case 0, 1:
				p, v := l.Enter(now)
				if v == limit.Waiting {
					w := &limit.Waiter{}
					if v = l.Wait(now, w); v == limit.Waiting {
						waiters = append(waiters, w)
					}
					p = w.Place
				}
				if v == limit.Admitted {
					places = append(places, p)
				}
			case 2:
				if len(places) > 0 {
					l.Leave(now, places[0], time.Duration(r.IntN(50))*ms, r.IntN(2) == 0)
					places = places[1:]
					for w := l.Next(now); w != nil; w = l.Next(now) {
						places = append(places, w.Place)
						for i := range waiters {
							if waiters[i] == w {
								take(i)
								break
							}
						}
					}
				}
			case 3:
				if len(waiters) > 0 && !l.Cancel(now, take(r.IntN(len(waiters)))) {
					t.Fatalf("seed %d: one who waits had a place", seed)
				}
			}
			taken, waiting := l.Taken()
			if taken != len(places) || waiting > len(waiters) || c.Max > 0 && taken > c.Max || c.Queue < 0 && waiting > 0 {
				t.Fatalf("seed %d: %d taken, want %d; %d waiting of %d; %+v", seed, taken, len(places), waiting, len(waiters), c)
			}
		}
	}
}

// An overload lasts as long as there is no second without somebody turned away.
func TestOverloaded(t *testing.T) {
	l := limit.New(limit.Config{Max: 1, Queue: -1})
	l.Enter(0)
	want := func(now, want time.Duration) {
		t.Helper()
		if got := l.Overloaded(now); got != want {
			t.Errorf("Overloaded(%v) = %v, want %v", now, got, want)
		}
	}
	want(0, 0)
	for now := 10 * ms; now <= 3010*ms; now += 500 * ms {
		l.Enter(now)
	}
	want(3010*ms, 3000*ms)
	want(4010*ms, 4000*ms)
	want(4011*ms, 0)
	l.Enter(5000 * ms)
	want(5001*ms, ms)
}

func TestConcurrent(t *testing.T) {
	l := limit.New(limit.Config{Queue: -1})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				now := time.Duration(i) * ms
				if p, v := l.Enter(now); v == limit.Admitted {
					l.Leave(now+ms, p, ms, true)
				}
			}
		})
	}
	all.Wait()
	if taken, _ := l.Taken(); taken != 0 {
		t.Errorf("%d places are taken in the end", taken)
	}
}

func BenchmarkLimiter(b *testing.B) {
	configs := []limit.Config{{Max: 10}}
	for _, a := range limit.Algorithms() {
		configs = append(configs, limit.Config{Algorithm: a})
	}
	for _, c := range configs {
		b.Run(fmt.Sprintf("admitted max=%d algorithm=%s", c.Max, c.Algorithm), func(b *testing.B) {
			l := limit.New(c)
			b.ReportAllocs()
			for now := time.Duration(0); b.Loop(); now += ms {
				p, _ := l.Enter(now)
				l.Leave(now+ms, p, ms, true)
				l.Next(now)
			}
		})
	}
	b.Run("rejected", func(b *testing.B) {
		l := limit.New(limit.Config{Max: 1, Queue: -1})
		l.Enter(0)
		b.ReportAllocs()
		for b.Loop() {
			l.Enter(1)
		}
	})
}
