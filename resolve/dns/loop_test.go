package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/bell"
)

// scene drives a loop in virtual time, with lookups that the test makes up.
type scene struct {
	loop
	ring  bell.Bell
	start time.Time
	log   []string // what happened, with its second
}

// newScene returns a scene whose n-th lookup, counting from 1, is look(n).
func newScene(look func(ctx context.Context, n int) (answer, error)) *scene {
	s := &scene{start: time.Now()}
	n := 0
	s.loop = loop{
		settings: (&Resolver{Name: "users.test:80"}).settings(),
		bell:     &s.ring,
		random:   func() float64 { return 0 },
		members:  members{grace: defaultGrace, most: maxInstances},
		look: func(ctx context.Context) (answer, error) {
			n++
			s.note("look")
			return look(ctx, n)
		},
		update:  func(set []rota.Instance) { s.note("%s", said(set)) },
		onError: func(err error) { s.note("error: %v", err) },
	}
	return s
}

func (s *scene) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%v ", time.Since(s.start))+fmt.Sprintf(format, args...))
}

// expect runs the loop for a while.
func (s *scene) expect(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := s.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("run() = %v, want the end of its context", err)
	}
	if !slices.Equal(s.log, want) {
		t.Errorf("happened:\n\t%s\nwant:\n\t%s", strings.Join(s.log, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// after is an answer with a TTL.
func after(ttl time.Duration, addrs string) (answer, error) {
	a := listed(addrs)
	a.ttl = ttl
	return a, nil
}

var errDown = errors.New("server misbehaving")

func TestLoopFollowsTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ttls := []time.Duration{30 * time.Second, 0, time.Hour, noTTL, time.Hour}
		s := newScene(func(_ context.Context, n int) (answer, error) { return after(ttls[n-1], "a") })
		s.expect(t, 10*time.Minute,
			"0s look", "0s a",
			"30s look", "30s a", // the floor:
			"31s look", "31s a", // MaxInterval less its tenth for the spread:
			"5m1s look", "5m1s a", // without a TTL:
			"5m31s look", "5m31s a")
	})
}

func TestLoopKeepsLastAnswerAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(_ context.Context, n int) (answer, error) {
			if n == 1 || n == 5 {
				return after(5*time.Second, "a")
			}
			return answer{ttl: noTTL}, errDown
		})
		s.random = func() float64 { return 1 }
		const down = " error: server misbehaving"
		s.expect(t, 20*time.Second,
			"0s look", "0s a",
			"5.5s look", "5.5s"+down,
			"6.5s look", "6.5s"+down,
			"8.5s look", "8.5s"+down,
			"12.5s look", "12.5s a",
			"18s look", "18s"+down,
			"19s look", "19s"+down)
	})
}

func TestLoopReturnsFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(context.Context, int) (answer, error) { return answer{}, errDown })
		if err := s.run(t.Context()); err != errDown || time.Since(s.start) != 0 {
			t.Errorf("run() = %v after %v, want %v at once", err, time.Since(s.start), errDown)
		}
		if want := []string{"0s look"}; !slices.Equal(s.log, want) {
			t.Errorf("happened: %q, want %q", s.log, want)
		}
	})
}

func TestLoopVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(_ context.Context, n int) (answer, error) {
			if n == 1 {
				return after(5*time.Second, "a b")
			}
			return after(time.Minute, "b")
		})
		s.expect(t, 30*time.Second,
			"0s look", "0s a b",
			"5s look", "5s a? b",
			"15s b") // in time, though no lookup is due
	})
}

// TestLoopGraceEndsDuringOutage: what a good answer did not list goes, even if no other answer follows.
func TestLoopGraceEndsDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(_ context.Context, n int) (answer, error) {
			switch n {
			case 1:
				return after(5*time.Second, "a b")
			case 2:
				return after(5*time.Second, "b")
			}
			return answer{ttl: time.Hour}, errDown // and it will stay so for an hour, the server says
		})
		s.expect(t, 50*time.Second,
			"0s look", "0s a b",
			"5s look", "5s a? b",
			"10s look", "10s error: server misbehaving",
			"15s b",
			"40s look", "40s error: server misbehaving") // 30s is the most
	})
}

func TestLoopTellsFlaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(_ context.Context, n int) (answer, error) {
			if n == 1 {
				return after(5*time.Second, "a b")
			}
			a, _ := after(time.Minute, "b")
			a.partial, a.flaw = true, errors.New("no answer about AAAA")
			return a, nil
		})
		s.expect(t, 30*time.Second, "0s look", "0s a b", "5s look", "5s a b", "5s error: no answer about AAAA")
	})
}

func TestLoopWithoutOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(_ context.Context, n int) (answer, error) {
			if n == 1 {
				return after(5*time.Second, "a")
			}
			return answer{}, errDown
		})
		s.onError = nil
		s.expect(t, 5500*time.Millisecond, "0s look", "0s a", "5s look")
	})
}

func TestLoopRefresh(t *testing.T) {
	tests := []struct {
		name  string
		rings []time.Duration
		fail  int           // the lookup that fails
		slow  time.Duration // what every lookup takes
		want  []string
	}{
		{"early", []time.Duration{10 * time.Second}, 0, 0, []string{"0s look", "0s a", "10s look", "10s a"}},
		{"not before MinInterval", []time.Duration{100 * time.Millisecond}, 0, 0, []string{"0s look", "0s a", "1s look", "1s a"}},
		{"many are one", []time.Duration{10 * time.Second, 10 * time.Second, 10100 * time.Millisecond, 10200 * time.Millisecond}, 0, 0,
			[]string{"0s look", "0s a", "10s look", "10s a", "11s look", "11s a"}},
		{"during a lookup", []time.Duration{12 * time.Second}, 0, 5 * time.Second,
			[]string{"0s look", "5s a", "12s look", "17s a"}},
		{"after the lookup began", []time.Duration{2 * time.Second}, 0, 5 * time.Second,
			[]string{"0s look", "5s a", "6s look", "11s a"}},
		{"does not cut a backoff", []time.Duration{10 * time.Second, 10500 * time.Millisecond}, 2, 0,
			[]string{"0s look", "0s a", "10s look", "10s error: server misbehaving", "40s look", "40s a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(func(_ context.Context, n int) (answer, error) {
					time.Sleep(test.slow)
					if n == test.fail {
						return answer{ttl: time.Hour}, errDown
					}
					return after(time.Hour, "a")
				})
				for _, at := range test.rings {
					defer time.AfterFunc(at, s.ring.Ring).Stop()
				}
				s.expect(t, time.Minute, test.want...)
			})
		})
	}
}

func TestLoopEndsDuringLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(ctx context.Context, _ int) (answer, error) {
			<-ctx.Done()
			return answer{}, errDown
		})
		s.expect(t, time.Second, "0s look")
	})
}

// TestIntervals: pauses keep to their bounds, whatever is drawn.
func TestIntervals(t *testing.T) {
	for _, ttl := range []time.Duration{noTTL, 0, 1, time.Second, 30 * time.Second, 5 * time.Minute, 1<<31*time.Second - 1} {
		for _, drawn := range []float64{0, 0.5, 0.999999} {
			l := loop{settings: (&Resolver{}).settings(), random: func() float64 { return drawn }}
			if got := l.interval(ttl); got < l.minInterval || got > l.maxInterval || got < min(ttl, l.maxInterval*9/10) {
				t.Errorf("interval(%v) = %v with %v drawn", ttl, got, drawn)
			}
			for l.failures = 1; l.failures < 100; l.failures++ {
				if got := l.backoff(ttl); got < l.minInterval || got > maxBackoff || got < min(ttl, maxBackoff) {
					t.Errorf("backoff(%v) = %v after %d failures with %v drawn", ttl, got, l.failures, drawn)
				}
			}
		}
	}
}
