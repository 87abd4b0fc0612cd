package rota_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// A service that is well is never held back, however many calls there are, how long they take, and whatever one attempt in
// twenty comes to. Failures that are answers may even be half.
func TestThrottleLeavesTheHealthyAlone(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	forSeeds(t, func(seed uint64) *world {
		w := newWorld(seed, rota.Policy{Timeout: 10 * time.Second, Retry: &rota.Retry{TryTimeout: -1}, Throttle: &rota.Throttle{}}, 1+int(seed%5), balancers(int(seed)))
		slow := time.Duration(1+w.IntN(3000)) * time.Millisecond
		answers := w.IntN(2) == 0
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			took := time.Duration(w.ExpFloat64() * float64(slow) / 4)
			switch {
			case answers && w.IntN(2) == 0:
				return took, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
			case w.IntN(20) == 0:
				return took, rota.Outcome{Verdict: rota.Overload, Err: errFull}
			}
			return took, rota.Outcome{}
		}
		w.steady(0, 12*time.Second, time.Second/time.Duration(1+w.IntN(50)))
		w.run()
		if n := w.cl.Stats(w.now).Calls.Throttled; n > 0 {
			w.broken("%d calls of %d were throttled", n, w.calls)
		}
		return w
	})
}

// What is sent to a service that refuses everything, or never answers, is little; and once it is well again all of it is,
// within the window.
func TestThrottleHoldsBackAndLetsGo(t *testing.T) {
	t.Parallel()
	const span = 10 * time.Second
	for _, test := range []struct {
		name string
		took time.Duration
		bad  rota.Outcome
	}{
		{"refuses", time.Millisecond, rota.Outcome{Verdict: rota.Overload, Err: errFull}},
		{"never answers", time.Hour, rota.Outcome{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(seeds / 20) { // it has held for a thousand
				policy := rota.Policy{Timeout: time.Second, Retry: &rota.Retry{TryTimeout: -1}, Hedge: &rota.Hedge{Delay: 100 * time.Millisecond}, Throttle: &rota.Throttle{}}
				w := newWorld(seed, policy, 1+int(seed%3), balancers(int(seed)))
				rate := []float64{1, 5, 30, 100}[seed%4]
				const ill, well, end = 20 * time.Second, 50 * time.Second, 75 * time.Second
				w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
					if at := w.now.Sub(epoch); at >= ill && at < well {
						return test.took, test.bad
					}
					return 10 * time.Millisecond, rota.Outcome{}
				}
				w.steady(0, end, time.Duration(float64(time.Second)/rate))
				sent := map[time.Duration]int{}
				throttled := map[time.Duration]uint64{}
				for _, at := range []time.Duration{ill + span + 2*time.Second, well, well + span, end} {
					w.after(at, func() { sent[at], throttled[at] = w.sent, w.cl.Stats(w.now).Calls.Throttled })
				}
				w.run()
				// While it is ill, after a window: 5 % and one a second, by chance up to half as many more, and 5 beside.
				held := well - ill - span - 2*time.Second
				n := float64(sent[well] - sent[ill+span+2*time.Second])
				if most := (0.05*rate+1)*held.Seconds()*1.5 + 5; n > most {
					w.broken("%.0f attempts in %v of %.0f calls a second, want at most %.0f", n, held, rate, most)
				}
				if n < held.Seconds()/4 {
					w.broken("%.0f attempts in %v: nobody would notice that the service is well", n, held)
				}
				if n := throttled[end] - throttled[well+span]; n > 0 {
					w.broken("%d calls were throttled more than %v after the service was well", n, span)
				}
				if len(w.wrong) > 0 {
					t.Fatalf("seed %d: %s", seed, w.wrong[0])
				}
			}
		})
	}
}

// A service that can do a third of what is wanted is sent about K times what it accepts, not everything.
func TestThrottleIsProportional(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds / 50) {
		k := []float64{1.1, 1.5, 2}[seed%3]
		w := newWorld(seed, rota.Policy{Throttle: &rota.Throttle{K: k}}, 2, balancers(int(seed)))
		const rate, capacity = 120, 30
		second, done := 0, 0
		accepted := 0
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			if s := int(w.now.Sub(epoch) / time.Second); s != second {
				second, done = s, 0
			}
			if done == capacity {
				return time.Millisecond, rota.Outcome{Verdict: rota.Overload, Err: errFull}
			}
			done++
			accepted++
			return time.Millisecond, rota.Outcome{}
		}
		w.steady(0, 60*time.Second, time.Second/rate)
		var sent, took int
		w.after(20*time.Second, func() { sent, took = w.sent, accepted })
		w.run()
		ratio := float64(w.sent-sent) / float64(accepted-took)
		if ratio < 1 || ratio > k*1.15+0.1 {
			t.Errorf("seed %d: %.2f attempts for each that was accepted, want at most about %v", seed, ratio, k)
		}
		if n := accepted - took; n < capacity*40*8/10 {
			t.Errorf("seed %d: %d were accepted in 40 s, want nearly %d", seed, n, capacity*40)
		}
	}
}

// A metastable failure (N. Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021): a server that does 300
// a second, one after the other, whether the caller waits or not, stands still for 10 s. With one retry and no budget it
// never gets over it, at 280 calls a second; with a throttle it does.
func TestThrottleEndsARetryStorm(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	const each, stop, on, end = time.Second / 300, 20 * time.Second, 30 * time.Second, 120 * time.Second
	run := func(throttle *rota.Throttle) (healthy float64, recovered time.Duration, throttled uint64) {
		w := newWorld(1, rota.Policy{
			Retry: &rota.Retry{Attempts: 2, TryTimeout: time.Second}, Budget: rota.Budget{Ratio: 1, MinPerSecond: 1000}, Throttle: throttle,
		}, 1, nil)
		var free time.Duration
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			now := w.now.Sub(epoch)
			free = max(free, now)
			if free >= stop && free < on {
				free = on
			}
			free += each
			return free - now, rota.Outcome{}
		}
		w.steady(0, end, time.Second/280)
		before := 0
		recovered = end
		for at := time.Second; at <= end; at += time.Second {
			w.after(at, func() {
				good := w.succeeded - before
				before = w.succeeded
				switch {
				case at == stop:
					healthy = float64(w.sent) / float64(w.calls)
				case at > on && good < 270:
					recovered = end
				case at > on && recovered == end:
					recovered = at - on
				}
			})
		}
		w.run()
		return healthy, recovered, w.cl.Stats(w.now).Calls.Throttled
	}
	if _, after, _ := run(nil); after != end-on && after != end {
		t.Errorf("without a throttle it is over after %v: then there is nothing to end", after)
	}
	amplification, after, n := run(&rota.Throttle{})
	t.Logf("over after %v, %d calls throttled", after, n)
	if after > 20*time.Second || amplification > 1.001 {
		t.Errorf("with a throttle it is over after %v, %.3f attempts a call before", after, amplification)
	}
}

// What the caller is told; and what becomes of retries and hedges meanwhile.
func TestThrottled(t *testing.T) {
	policy := rota.Policy{
		Retry: &rota.Retry{TryTimeout: -1}, Hedge: &rota.Hedge{Delay: time.Millisecond},
		Throttle: &rota.Throttle{MaxReject: 1, MinPerSecond: -1}, Budget: rota.Budget{MinPerSecond: 1000},
	}
	w := newWorld(1, policy, 3, rota.RoundRobinFrom(0))
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		return 5 * time.Millisecond, rota.Outcome{Verdict: rota.Overload, Err: errFull}
	}
	w.steady(0, 20*time.Second, 50*time.Millisecond)
	w.run()
	stats := w.cl.Stats(w.now)
	if stats.Calls.Throttled < 350 || stats.Calls.Unplaced > 0 {
		t.Errorf("%+v, want nearly all throttled", stats.Calls)
	}
	if stats.Hedges > 4 || stats.Retries > 4 {
		t.Errorf("%d hedges and %d retries, want those of the first call or so", stats.Hedges, stats.Retries)
	}
	last := w.failures[len(w.failures)-1]
	var e *rota.CallError
	if !errors.Is(last, rota.ErrThrottled) || !errors.As(last, &e) || len(e.Attempts) != 0 || e.RetryAfter != 0 {
		t.Errorf("the last call ended with %v", last)
	}
	if len(w.wrong) > 0 {
		t.Error(w.wrong[0])
	}
}

// Which ends of attempts count, and as what: after 30 of them with nothing else, is a call sent?
func TestThrottleCounts(t *testing.T) {
	for _, test := range []struct {
		name string
		took time.Duration
		o    rota.Outcome
		want bool
	}{
		{"success", 1, rota.Outcome{}, false},
		{"an answer that is a failure", 1, rota.Outcome{Verdict: rota.Failure, Err: errBroken}, false},
		{"overload", 1, rota.Outcome{Verdict: rota.Overload, Err: errFull}, true},
		{"overload at the door", 1, rota.Outcome{Verdict: rota.Overload, Unsent: true, Err: errFull}, true},
		{"no answer in time", time.Hour, rota.Outcome{}, true},
		{"nobody there", 1, rota.Outcome{Verdict: rota.Failure, Unsent: true, Err: errRefused}, false},
		{"the caller left", 1, rota.Outcome{Verdict: rota.Ignored}, false},
	} {
		w := newWorld(1, rota.Policy{Timeout: 50 * time.Millisecond, Throttle: &rota.Throttle{}}, 1, nil)
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return test.took, test.o }
		w.steady(0, 20*time.Second, time.Second/10)
		w.run()
		if got := w.cl.Stats(w.now).Calls.Throttled > 0; got != test.want {
			t.Errorf("%s: throttled = %t, want %t", test.name, got, test.want)
		}
		if len(w.wrong) > 0 {
			t.Errorf("%s: %s", test.name, w.wrong[0])
		}
	}
}

func TestThrottleValidate(t *testing.T) {
	for _, test := range []struct {
		throttle rota.Throttle
		want     string // "" = valid
	}{
		{rota.Throttle{}, ""},
		{rota.Throttle{K: 1, MaxReject: 1, MinPerSecond: -1}, ""},
		{rota.Throttle{K: 0.9}, "rota: Throttle.K = 0.9, want"},
		{rota.Throttle{MaxReject: 1.1}, "rota: Throttle.MaxReject = 1.1, want"},
		{rota.Throttle{MaxReject: -0.1}, "rota: Throttle.MaxReject = -0.1, want"},
	} {
		err := rota.Policy{Throttle: &test.throttle}.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.throttle, err, test.want)
		}
	}
}

// BenchmarkThrottle is a call with and without a throttle, and one that is throttled.
func BenchmarkThrottle(b *testing.B) {
	for _, on := range []bool{false, true} {
		name, policy := "off", benchPolicy()
		if on {
			name, policy.Throttle = "on", &rota.Throttle{}
		}
		b.Run(name, func(b *testing.B) {
			cl := benchClusterOf(policy, 3, rota.RoundRobin())
			b.ReportAllocs()
			for b.Loop() {
				coreCall(cl)
			}
		})
	}
	b.Run("throttled", func(b *testing.B) {
		cl := benchClusterOf(rota.Policy{Throttle: &rota.Throttle{MaxReject: 1, MinPerSecond: -1}}, 3, rota.RoundRobin())
		now := cl.epoch
		for range 1000 {
			now = now.Add(10 * time.Millisecond)
			p := cl.Plan(now, time.Time{}, rota.Call{})
			if s := p.Next(now); s.Kind == rota.StepSend {
				p.Ended(now, s.Attempt, rota.Outcome{Verdict: rota.Overload})
			}
			p.Close()
		}
		before := cl.Stats(now).Calls.Throttled
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			p := cl.Plan(now, time.Time{}, rota.Call{})
			if s := p.Next(now); s.Kind == rota.StepSend {
				p.Ended(now, s.Attempt, rota.Outcome{Verdict: rota.Overload})
			}
			p.Close()
			n++
		}
		if got := cl.Stats(now).Calls.Throttled - before; int(got) < n*9/10 {
			b.Errorf("%d of %d were throttled", got, n)
		}
	})
}
