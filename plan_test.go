package rota_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

const ms = time.Millisecond

// script answers attempts in the order in which they are sent.
func (w *world) script(outcomes ...rota.Outcome) {
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		o := outcomes[min(w.sent, len(outcomes))-1]
		return ms, o
	}
}

func broken() rota.Outcome { return rota.Outcome{Verdict: rota.Failure, Err: errBroken} }
func refused() rota.Outcome {
	return rota.Outcome{Verdict: rota.Failure, Unsent: true, Err: errRefused}
}
func full(after time.Duration) rota.Outcome {
	return rota.Outcome{Verdict: rota.Overload, RetryAfter: after, Err: errFull}
}

func TestWhatIsRepeated(t *testing.T) {
	good := rota.Outcome{}
	tests := []struct {
		name       string
		policy     rota.Policy
		nodes      int
		idempotent bool
		outcomes   []rota.Outcome
		sent       int
		reason     error // nil = success
	}{
		{"success", rota.DefaultPolicy(), 3, true, []rota.Outcome{good}, 1, nil},
		{"failure, then success", rota.DefaultPolicy(), 3, true, []rota.Outcome{broken(), good}, 2, nil},
		{"overload, then success", rota.DefaultPolicy(), 3, true, []rota.Outcome{full(0), good}, 2, nil},
		{"failures to the end", rota.DefaultPolicy(), 5, true, []rota.Outcome{broken()}, 3, rota.ErrAttempts},
		{"more attempts", rota.Policy{Retry: &rota.Retry{Attempts: 5}}, 6, true, []rota.Outcome{broken()}, 5, rota.ErrAttempts},
		{"no retry", rota.Policy{}, 3, true, []rota.Outcome{broken()}, 1, rota.ErrAttempts},
		{"not idempotent", rota.DefaultPolicy(), 3, false, []rota.Outcome{broken(), good}, 1, rota.ErrNotIdempotent},
		{"not idempotent, overload", rota.DefaultPolicy(), 3, false, []rota.Outcome{full(0), good}, 1, rota.ErrNotIdempotent},
		{"not idempotent, never sent", rota.DefaultPolicy(), 3, false, []rota.Outcome{refused(), good}, 2, nil},
		{"not idempotent, never sent, then sent", rota.DefaultPolicy(), 3, false, []rota.Outcome{refused(), broken(), good}, 2,
			rota.ErrNotIdempotent},
		{"ignored ends it", rota.DefaultPolicy(), 3, true, []rota.Outcome{{Verdict: rota.Ignored, Err: errCanceled}}, 1, errCanceled},
		{"final", rota.DefaultPolicy(), 3, true, []rota.Outcome{{Verdict: rota.Failure, Final: true, Err: errBroken}, good}, 1, rota.ErrFinal},
		{"one replica is tried again", rota.DefaultPolicy(), 1, true, []rota.Outcome{broken(), broken(), good}, 3, nil},
		{"one replica that rests is not", rota.DefaultPolicy(), 1, true, []rota.Outcome{full(time.Second), good}, 1, rota.ErrNoOther},
		{"no budget", rota.Policy{Retry: &rota.Retry{}, Budget: rota.Budget{Ratio: -1, MinPerSecond: -1}}, 3, true,
			[]rota.Outcome{broken(), good}, 1, rota.ErrBudget},
		{"no instances", rota.DefaultPolicy(), 0, true, nil, 0, rota.ErrNoInstances},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, tt.policy, tt.nodes, rota.RoundRobinFrom(0))
			w.script(tt.outcomes...)
			w.begin(rota.Call{Idempotent: tt.idempotent}, time.Time{})
			w.run()
			if len(w.wrong) > 0 {
				t.Error(w.wrong[0])
			}
			var err error
			if len(w.failures) > 0 {
				err = w.failures[0]
			}
			if w.sent != tt.sent || !errors.Is(err, tt.reason) || tt.reason == nil && err != nil {
				t.Errorf("%d attempts, %v; want %d, %v", w.sent, err, tt.sent, tt.reason)
			}
		})
	}
}

// callAt makes a call at a time and reports where its first attempt went; "" if none was made.
func (w *world) callAt(at time.Duration) (addr string, err error) {
	w.after(epoch.Add(at).Sub(w.now), func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	log, failed := len(w.log), len(w.failures)
	w.run()
	if _, after, ok := strings.Cut(string(w.log[log:]), "send 1 to "); ok {
		addr, _, _ = strings.Cut(after, " ")
	}
	if len(w.failures) > failed {
		err = w.failures[failed]
	}
	return addr, err
}

func TestRestIsGranted(t *testing.T) {
	tests := []struct {
		name    string
		outcome rota.Outcome
		rest    time.Duration
	}{
		{"Retry-After", full(2 * time.Second), 2 * time.Second},
		{"Retry-After beyond bounds", full(time.Hour), rota.MaxRest},
		{"draining", rota.Outcome{Draining: true}, rota.DrainRest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{}, 0, nil)
			w.cl.Update(epoch, preferred())
			w.script(tt.outcome, rota.Outcome{})
			w.callAt(0)
			// The answer came a millisecond after the start.
			if got, err := w.callAt(tt.rest); got != addr(1) {
				t.Errorf("a millisecond early: sent to %q, %v, want the other", got, err)
			}
			if got, err := w.callAt(tt.rest + ms); got != addr(0) || err != nil {
				t.Errorf("after %v: sent to %q, %v", tt.rest, got, err)
			}
		})
	}
}

// preferred is two instances of which the first gets all calls while it is usable.
func preferred() []rota.Instance {
	set := instances(2)
	set[1].Priority = 1
	return set
}

// A replica's own wish is granted to the letter; one that only drains answers as long as it is there.
func TestRestOfTheOnlyReplica(t *testing.T) {
	tests := []struct {
		name    string
		outcome rota.Outcome
		want    error
	}{
		{"Retry-After", full(2 * time.Second), rota.ErrUnavailable},
		{"draining", rota.Outcome{Draining: true}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{}, 1, nil)
			w.script(tt.outcome, rota.Outcome{})
			w.callAt(0)
			_, err := w.callAt(2 * time.Second)
			var ce *rota.CallError
			if !errors.Is(err, tt.want) || tt.want != nil && (!errors.As(err, &ce) || ce.RetryAfter != ms) {
				t.Errorf("a millisecond early: %v, want %v and RetryAfter 1ms", err, tt.want)
			}
		})
	}
}

func TestBreakerOpens(t *testing.T) {
	fails := func(pattern string) []rota.Outcome { // x = failure, . = success
		var o []rota.Outcome
		for _, c := range pattern {
			if c == 'x' {
				o = append(o, broken())
			} else {
				o = append(o, rota.Outcome{})
			}
		}
		return o
	}
	tests := []struct {
		name, pattern string
		open          bool
	}{
		{"five in a row", "xxxxx", true},
		{"four in a row", "xxxx", false},
		{"success ends the row", "xxxx.xxxx", false},
		{"half of twenty", strings.Repeat(".x", 10), true},
		{"half of nineteen", strings.Repeat(".x", 9) + ".", false},
		{"a third of many", strings.Repeat("..x", 30), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{}}, 0, nil)
			w.cl.Update(epoch, preferred())
			w.script(append(fails(tt.pattern), rota.Outcome{})...)
			for i := range tt.pattern {
				w.callAt(time.Duration(i*10) * ms)
			}
			last := time.Duration(len(tt.pattern)) * 10 * ms
			if got, err := w.callAt(last); (got != addr(0)) != tt.open {
				t.Errorf("after %s: sent to %q, %v; want open: %t", tt.pattern, got, err, tt.open)
			}
			if got, err := w.callAt(last + time.Second); got != addr(0) || err != nil {
				t.Errorf("a second later: sent to %q, %v; want it used again", got, err)
			}
		})
	}
}

func TestOldFailuresAreForgotten(t *testing.T) {
	w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{Failures: 100}}, 1, nil)
	w.script(broken())
	for i := range 19 {
		w.callAt(time.Duration(i) * ms)
	}
	for i := range 10 {
		w.callAt(12*time.Second + time.Duration(i)*ms)
	}
	if s := w.cl.Stats(w.now); s.Nodes[0].Breaker != "closed" {
		t.Errorf("%d failures, none of 20 within 10 s, but the breaker is %s", w.sent, s.Nodes[0].Breaker)
	}
}

func TestOverloadOpensNoBreaker(t *testing.T) {
	w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{}}, 1, nil)
	w.script(full(0))
	for i := range 100 {
		w.callAt(time.Duration(i*10) * ms)
	}
	if s := w.cl.Stats(w.now); s.Nodes[0].Opened != 0 || s.Calls.Overloaded != 100 {
		t.Errorf("Stats() = %+v, want 100 overloaded calls and no open breaker", s)
	}
}

// A replica that refuses everything without saying for how long must not eat the budget.
func TestReplicaThatAlwaysRefusesIsLeftAlone(t *testing.T) {
	w := newWorld(1, rota.DefaultPolicy(), 3, rota.RoundRobinFrom(0))
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(0) {
			return ms, full(0)
		}
		return ms, rota.Outcome{}
	}
	for i := range 3000 {
		w.after(time.Duration(i)*3*ms, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	}
	w.run()
	if s := w.cl.Stats(w.now); len(w.failures) > 0 || s.Retries > 60 || s.Nodes[0].Opened > 0 {
		t.Errorf("%d failures, %d retries, Stats() = %+v", len(w.failures), s.Retries, s.Nodes[0])
	}
}

// When every replica refuses now and then, none is left alone for it.
func TestRefusalsEverywhereCloseNothing(t *testing.T) {
	w := newWorld(1, rota.DefaultPolicy(), 3, rota.RoundRobinFrom(0))
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		if w.IntN(10) < 8 {
			return ms, full(0)
		}
		return ms, rota.Outcome{}
	}
	for i := range 3000 {
		w.after(time.Duration(i)*3*ms, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	}
	w.run()
	if s := w.cl.Stats(w.now); s.Calls.Unplaced > 0 || w.succeeded < 600 {
		t.Errorf("%d of 3000 calls answered by replicas that answer a fifth, %d not even tried", w.succeeded, s.Calls.Unplaced)
	}
}

func TestRateIsPerReplicaAndSustained(t *testing.T) {
	w := newWorld(1, rota.Policy{Rate: &rota.Rate{PerSecond: 100}}, 3, rota.RoundRobinFrom(0))
	w.script(rota.Outcome{})
	for i := range 1000 { // offered: 1000 in a second
		w.after(time.Duration(i)*ms, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	w.run()
	// A second's worth, and the burst of 10 that was there at the start.
	if w.sent < 3*100 || w.sent > 3*110 {
		t.Errorf("%d sent to 3 replicas in a second at 100 each, burst 10", w.sent)
	}
	var ce *rota.CallError
	if err := w.failures[0]; !errors.As(err, &ce) || !errors.Is(err, rota.ErrRateLimited) || ce.RetryAfter <= 0 || ce.RetryAfter > 10*ms {
		t.Errorf("the error is %v, RetryAfter %v; want %v within 10ms", err, ce.RetryAfter, rota.ErrRateLimited)
	}
}

func TestNoHedgeWhileOverloaded(t *testing.T) {
	w := newWorld(1, rota.Policy{Hedge: &rota.Hedge{Delay: 5 * ms}, Retry: &rota.Retry{}}, 3, rota.RoundRobinFrom(0))
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if w.sent == 1 {
			return ms, full(0)
		}
		return 20 * ms, rota.Outcome{}
	}
	w.callAt(0)
	if s := w.cl.Stats(w.now); s.Hedges != 0 {
		t.Errorf("%d hedges right after an overload", s.Hedges)
	}
	w.callAt(2 * rota.OverloadCalm)
	if s := w.cl.Stats(w.now); s.Hedges != 2 { // after 5 ms, and 10 ms later
		t.Errorf("%d hedges later, want 2", s.Hedges)
	}
}

func TestHedgeDelayIsTheLowerQuantileOfTwoHumps(t *testing.T) {
	for _, tt := range []struct {
		slow int // of 100
		want time.Duration
	}{{0, 10 * ms}, {3, 10 * ms}, {7, 10 * ms}, {30, 100 * ms}} {
		w := newWorld(1, rota.Policy{}, 1, nil)
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
			if w.sent%100 < tt.slow {
				return 100 * ms, rota.Outcome{}
			}
			return 10 * ms, rota.Outcome{}
		}
		for i := range 301 {
			w.callAt(time.Duration(i) * time.Second)
		}
		if got := w.cl.Stats(w.now).HedgeDelay; got < tt.want || got > tt.want+tt.want/16 {
			t.Errorf("with %d%% slow: delay %v, want %v", tt.slow, got, tt.want)
		}
	}
}

func TestUpdateKeepsWhatIsKnown(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 3, nil)
	w.script(rota.Outcome{})
	for i := range 30 {
		w.callAt(time.Duration(i) * ms)
	}
	before := w.cl.Nodes()
	if !w.cl.Update(w.now, append(instances(4)[1:], instances(2)...)) { // reordered, one new, one twice
		t.Error("Update() = false")
	}
	after := w.cl.Nodes()
	if len(after) != 4 {
		t.Fatalf("%d nodes, want 4", len(after))
	}
	for _, n := range before {
		if !slices.Contains(after, n) || n.Latency() == 0 {
			t.Errorf("%s was forgotten", n.Instance().Addr)
		}
	}
}

func TestPowerOfTwoTakesTheLessBusy(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 2, rota.PowerOfTwo(2))
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(0) {
			return 50 * ms, rota.Outcome{}
		}
		return ms, rota.Outcome{}
	}
	for i := range 1000 {
		w.after(time.Duration(i)*ms, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	w.run()
	n := w.cl.Stats(w.now).Nodes
	if slow, fast := n[0].Attempts.Success, n[1].Attempts.Success; slow*10 > fast {
		t.Errorf("the slow node got %d calls, the fast one %d", slow, fast)
	}
}

func TestPowerOfTwoFindsTheLastUsableNode(t *testing.T) {
	w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{Failures: 1, MaxEjected: 0.75}}, 4, rota.PowerOfTwo(2))
	good := addr(2)
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == good {
			return 1, rota.Outcome{}
		}
		return 1, broken()
	}
	for i := range 2000 {
		w.after(time.Duration(i)*450*time.Microsecond, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	w.run()
	if len(w.failures) != 3 {
		t.Errorf("%d calls failed, want 3: one for each bad node", len(w.failures))
	}
}

// Calls read the clock on their own processor. One that was held up after it looks, to a rate limit, as if all that
// happened since had happened at once; it looks again before it gives up.
func TestStaleTimeIsNoRateLimit(t *testing.T) {
	w := newWorld(1, rota.Policy{Rate: &rota.Rate{PerSecond: 1000, Burst: 1}}, 1, nil)
	first := w.cl.Plan(epoch.Add(10*ms), time.Time{}, rota.Call{})
	first.Ended(epoch.Add(11*ms), first.Next(epoch.Add(10*ms)).Attempt, rota.Outcome{})
	first.Close()
	stale := w.cl.Plan(epoch.Add(5*ms), time.Time{}, rota.Call{})
	if s := stale.Next(epoch.Add(5 * ms)); s.Kind != rota.StepWait || s.At.After(epoch.Add(5*ms)) {
		t.Fatalf("Next() = %+v, want it to ask for the time", s)
	}
	if s := stale.Next(epoch.Add(12 * ms)); s.Kind != rota.StepSend {
		t.Errorf("Next() = %+v, %v, want an attempt", s, stale.Err())
	}
}

// What is quick is hedged sooner than what is slow, though both are calls of one service.
func TestHedgeDelayIsPerRoute(t *testing.T) {
	w := newWorld(1, rota.Policy{Hedge: &rota.Hedge{}}, 3, nil)
	var took time.Duration
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return took, rota.Outcome{} }
	for route, d := range map[string]time.Duration{"": 5 * ms, "quick": 2 * ms, "slow": 80 * ms} {
		took = d
		call := rota.Call{Idempotent: true}
		if route != "" {
			call.Route = w.cl.Route(route)
		}
		for range 150 {
			w.begin(call, time.Time{})
			w.run()
		}
	}
	want := map[string]time.Duration{"": 5 * ms, "quick": 2 * ms, "slow": 80 * ms}
	for _, r := range w.cl.Stats(w.now).Routes {
		if d := want[r.Name]; r.HedgeDelay < d || r.HedgeDelay > d+d/16 || r.Calls != 150 || r.Latency.Count() != 150 {
			t.Errorf("route %q: %d calls, hedges after %v, want %v", r.Name, r.Calls, r.HedgeDelay, d)
		}
		delete(want, r.Name)
	}
	if len(want) > 0 {
		t.Errorf("no stats of %v", want)
	}
}

func TestRoutesAreBounded(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 1, nil)
	for i := range 2 * rota.MaxRoutes {
		w.cl.Route(strconv.Itoa(i))
	}
	if r := w.cl.Route("one more"); r != w.cl.Route("and another") || r.Name() != "other" {
		t.Errorf("route %q, want all that are too many to be one", r.Name())
	}
	if r := w.cl.Route("7"); r.Name() != "7" {
		t.Errorf("an early route became %q", r.Name())
	}
}

// A node begins a cache line of its own, and is small: there may be ten thousand that are never called.
func TestNodeSize(t *testing.T) {
	if rota.NodeSize%64 != 0 || rota.NodeSize > 256 {
		t.Errorf("a Node has %d bytes, want a multiple of 64, at most 256", rota.NodeSize)
	}
}

// Retry.Attempts is the most a call takes, hedges included, whatever is due when the last one has been sent.
func TestAttemptsAreNeverExceeded(t *testing.T) {
	for _, attempts := range []int{2, 3, 4} {
		for _, delay := range []time.Duration{50 * ms, 290 * ms, 310 * ms, 400 * ms} {
			policy := rota.Policy{
				Timeout: 3 * time.Second, Budget: rota.Budget{Ratio: 10, MinPerSecond: 100},
				Retry: &rota.Retry{Attempts: attempts, TryTimeout: 300 * ms}, Hedge: &rota.Hedge{Delay: delay},
			}
			w := newWorld(1, policy, 5, rota.RoundRobin())
			w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return time.Hour, rota.Outcome{} }
			w.begin(rota.Call{Idempotent: true}, time.Time{})
			w.run()
			if w.sent > attempts {
				t.Errorf("hedges after %v: %d attempts, want at most %d", delay, w.sent, attempts)
			}
		}
	}
}
