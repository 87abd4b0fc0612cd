package rota_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// fleetOf runs n calls, one every gap, on a world whose node i is bad when bad says so.
func (w *world) load(n int, gap time.Duration) {
	from := w.now
	for i := range n {
		w.after(from.Add(time.Duration(i)*gap).Sub(w.now), func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	}
	w.run()
}

func (w *world) breakers() map[string]int {
	count := map[string]int{}
	for _, n := range w.cl.Stats(w.now).Nodes {
		count[n.Breaker]++
	}
	return count
}

func (w *world) picks() []uint64 {
	var picks []uint64
	for _, n := range w.cl.Stats(w.now).Nodes {
		a := n.Attempts
		picks = append(picks, a.Success+a.Failure+a.Overload+a.Ignored)
	}
	return picks
}

func index(a *rota.Attempt) int {
	var i int
	fmt.Sscanf(a.Instance().Addr, "10.0.0.%d:80", &i)
	return i
}

func TestHowManyAreOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		size, bad int
		max       float64
		out, kept int
		panic     bool
	}{
		{size: 1, bad: 1, out: 0, kept: 1, panic: true},
		{size: 2, bad: 1, out: 1},
		{size: 2, bad: 2, out: 1, kept: 1, panic: true},
		{size: 3, bad: 2, out: 2},
		{size: 3, bad: 3, out: 2, kept: 1, panic: true},
		{size: 4, bad: 3, out: 2, kept: 1},
		{size: 10, bad: 7, out: 7},
		{size: 10, bad: 8, out: 7, kept: 1},
		{size: 10, bad: 10, out: 7, kept: 3, panic: true},
		{size: 10, bad: 8, max: 1, out: 8, panic: true},
		{size: 10, bad: 7, max: 1, out: 7},
		{size: 10, bad: 3, max: 0.01, out: 1, kept: 2},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d bad, at most %v", tt.bad, tt.size, tt.max), func(t *testing.T) {
			p := rota.DefaultPolicy()
			p.Breaker.MaxEjected = tt.max
			p.Budget.Ratio = 1
			w := newWorld(1, p, tt.size, rota.RoundRobinFrom(0))
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				if index(a) < tt.bad {
					return ms, broken()
				}
				return ms, rota.Outcome{}
			}
			w.load(3000, ms)
			got := w.breakers()
			if out := got["open"] + got["half-open"]; out != tt.out || got["failing"] != tt.kept {
				t.Errorf("breakers are %v, want %d open and %d failing", got, tt.out, tt.kept)
			}
			if p := w.cl.Stats(w.now).Panic; p != tt.panic {
				t.Errorf("Panic = %t, want %t", p, tt.panic)
			}
		})
	}
}

// When all fail, choosing is over: they are used in turn, and the first that answers again is used at once.
func TestPanicUsesAllAndEnds(t *testing.T) {
	var told []bool
	w := newWorld(1, rota.DefaultPolicy(), 3, rota.RoundRobinFrom(0))
	w.cl = rota.NewCluster(rota.ClusterParams{
		Policy: rota.DefaultPolicy(), Balancer: rota.RoundRobinFrom(0), Now: epoch, Rand: w.Uint64,
		Observer: rota.Observer{
			AttemptEnded: func(rota.AttemptEvent) { w.recorded++ }, CallEnded: func(rota.CallEvent) { w.reported++ },
			PanicChanged: func(e rota.PanicEvent) { told = append(told, e.On) },
		},
	})
	w.cl.Update(epoch, instances(3))
	back := epoch.Add(5 * time.Second)
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		if w.now.Before(back) {
			return ms, refused()
		}
		return ms, rota.Outcome{}
	}
	w.load(1900, 5*ms/2)
	for i, n := range w.picks() {
		if n < 500 {
			t.Errorf("node %d was asked %d times of %d", i, n, w.sent)
		}
	}
	if most := float64(w.calls)*1.1 + 10 + 5; float64(w.sent) > most {
		t.Errorf("%d attempts for %d calls, want at most %.0f", w.sent, w.calls, most)
	}
	w.now = back
	before := len(w.failures)
	w.load(800, 5*ms/2)
	if n := len(w.failures) - before; n > 0 {
		t.Errorf("%d calls failed after all had recovered: %v", n, w.failures[before])
	}
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("the observer was told of panic %v, want it to begin and end", told)
	}
	if got := w.breakers(); got["closed"] != 3 {
		t.Errorf("breakers are %v, want all closed: %+v", got, w.cl.Stats(w.now))
	}
}

func TestFailureSweep(t *testing.T) {
	tests := []struct {
		name  string
		rates []int // percent of attempts that fail, by node
		out   []int // nodes that are to be taken out
	}{
		{"one of three worse", []int{25, 0, 0}, []int{0}},
		{"one of three worse than bad", []int{40, 8, 8}, []int{0}},
		{"all alike", []int{20, 20, 20}, nil},
		{"all well", []int{1, 1, 1}, nil},
		{"a little worse", []int{6, 2, 2}, nil},
		{"two of ten worse", []int{30, 30, 0, 0, 0, 0, 0, 0, 0, 0}, []int{0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := rota.DefaultPolicy()
			p.Breaker.Failures = 1000 // only the sweep decides
			w := newWorld(1, p, len(tt.rates), rota.RoundRobinFrom(0))
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				if w.IntN(100) < tt.rates[index(a)] {
					return ms, broken()
				}
				return ms, rota.Outcome{}
			}
			w.load(4000, 5*ms/2)
			var out []int
			for i, n := range w.cl.Stats(w.now).Nodes {
				if n.Opened > 0 {
					out = append(out, i)
				}
			}
			if fmt.Sprint(out) != fmt.Sprint(tt.out) {
				t.Errorf("taken out: %v, want %v", out, tt.out)
			}
		})
	}
}

func TestLatencySweepIsOnWhereHedgingIs(t *testing.T) {
	for _, hedge := range []*rota.Hedge{nil, {Delay: 5 * ms}} {
		p := rota.DefaultPolicy()
		p.Hedge = hedge
		w := newWorld(1, p, 3, rota.RoundRobinFrom(0))
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			if index(a) == 0 {
				return 30 * ms, rota.Outcome{}
			}
			return ms, rota.Outcome{}
		}
		// Calls that may not be repeated are not hedged, so that nothing but their time tells.
		for i := range 1600 {
			w.after(time.Duration(i)*5*ms/2, func() { w.begin(rota.Call{Idempotent: i%10 == 0}, time.Time{}) })
		}
		w.run()
		if out := w.cl.Stats(w.now).Nodes[0].Opened > 0; out != (hedge != nil) {
			t.Errorf("with hedge %v: slow node taken out: %t", hedge, out)
		}
	}
}

func TestSlowStart(t *testing.T) {
	w := newWorld(1, rota.DefaultPolicy(), 4, rota.RoundRobinFrom(0))
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return ms, rota.Outcome{} }
	w.load(400, ms)
	for i, n := range w.picks() {
		if n != 100 {
			t.Errorf("at the start node %d got %d calls of 400, want its share", i, n)
		}
	}
	w.now = epoch.Add(time.Second)
	w.cl.Update(w.now, instances(5))
	w.load(250, ms)
	if n := w.picks()[4]; n == 0 || n > 25 {
		t.Errorf("in its first quarter of a second a new node got %d calls of 250, want about a fifth of 50", n)
	}
	w.now = epoch.Add(3 * time.Second)
	before := w.picks()[4]
	w.load(500, ms)
	if n := w.picks()[4] - before; n != 100 {
		t.Errorf("after its slow start it got %d calls of 500, want 100", n)
	}
}

// A failure at once must not draw calls to the one that fails.
func TestFailingFastIsNoSinkhole(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 3, rota.PowerOfTwo(2))
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if index(a) == 0 {
			return time.Microsecond, broken()
		}
		return 10 * ms, rota.Outcome{}
	}
	w.load(3000, ms)
	if n := w.picks()[0]; n > 1000 {
		t.Errorf("the node that fails at once got %d of 3000 calls", n)
	}
}

func TestPriorityAndWeight(t *testing.T) {
	set := instances(5)
	set[0].Weight, set[1].Weight, set[2].Weight = 6, 3, 1
	set[3].Priority, set[4].Priority = 1, 1
	w := newWorld(1, rota.DefaultPolicy(), 0, rota.RoundRobinFrom(0))
	w.cl.Update(epoch, set)
	down := 0
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if index(a) < down {
			return ms, refused()
		}
		return ms, rota.Outcome{}
	}
	w.load(1000, ms)
	if got := fmt.Sprint(w.picks()); got != "[600 300 100 0 0]" {
		t.Errorf("calls by node: %s, want [600 300 100 0 0]", got)
	}
	down = 3
	w.load(1000, ms)
	if len(w.failures) > 0 {
		t.Errorf("%d calls failed though the next priority is well: %v", len(w.failures), w.failures[0])
	}
	if p := w.picks(); p[3]+p[4] < 990 {
		t.Errorf("calls by node: %v, want them at the next priority", p)
	}
}

// What discovery lists no more stays in use as long as it answers, and not a call longer.
func TestVanishedInstances(t *testing.T) {
	set := instances(3)
	gone := instances(3)
	gone[0].Vanished = true
	unknown := append(instances(3), rota.Instance{Addr: "10.0.0.9:80", Vanished: true})
	w := newWorld(1, rota.DefaultPolicy(), 3, rota.RoundRobinFrom(0))
	dead := false
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if dead && index(a) == 0 {
			return ms, refused()
		}
		return ms, rota.Outcome{}
	}
	w.cl.Update(w.now, unknown)
	if n := len(w.cl.Nodes()); n != 3 {
		t.Errorf("%d nodes, want those that were there", n)
	}
	w.cl.Update(w.now, gone)
	w.load(300, ms)
	if n := w.picks()[0]; n != 100 {
		t.Errorf("while it answered it got %d calls of 300, want 100", n)
	}
	dead = true
	w.load(300, ms)
	if n := w.picks()[0]; n != 101 || len(w.failures) > 0 {
		t.Errorf("when it was dead it got %d calls, want 1; %d failed", n-100, len(w.failures))
	}
	w.cl.Update(w.now, gone)
	if n := len(w.cl.Nodes()); n != 2 {
		t.Errorf("%d nodes after the next update, want 2", n)
	}
	w.cl.Update(w.now, set)
	dead = false
	w.now = w.now.Add(2 * time.Second)
	w.load(300, ms)
	if n := w.picks()[0]; n != 100 {
		t.Errorf("listed again it got %d calls of 300, want 100", n)
	}
}

func TestChecks(t *testing.T) {
	w := newWorld(1, rota.DefaultPolicy(), 3, rota.RoundRobinFrom(0))
	bad := true
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if bad && index(a) == 0 {
			return ms, refused()
		}
		return ms, rota.Outcome{}
	}
	w.cl.Checked(w.now, addr(0), false)
	w.cl.Checked(w.now, "10.0.0.9:80", false)
	w.load(100, ms)
	if n := w.picks()[0]; n != 0 {
		t.Errorf("after a bad check the node got %d calls", n)
	}
	bad = false
	w.cl.Checked(w.now, addr(0), true)
	w.now = w.now.Add(time.Second)
	w.load(300, ms)
	if n := w.picks()[0]; n != 100 {
		t.Errorf("after a good check the node got %d calls of 300, want 100", n)
	}
	for i := range 3 {
		w.cl.Checked(w.now, addr(i), false)
	}
	if got := w.breakers(); got["open"] != 2 {
		t.Errorf("breakers are %v after three bad checks, want one in use", got)
	}
}

// A replica that keeps failing after its return waits longer between trials, up to a second.
func TestRelapsesStretchThePause(t *testing.T) {
	p := rota.DefaultPolicy()
	p.Breaker.Open = 100 * ms
	w := newWorld(1, p, 3, rota.RoundRobinFrom(0))
	var asked []time.Duration
	fails := 0
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if index(a) != 0 {
			return ms, rota.Outcome{}
		}
		asked = append(asked, w.now.Sub(epoch))
		if fails++; fails%6 == 0 { // the trial after five failures succeeds
			return ms, rota.Outcome{}
		}
		return ms, broken()
	}
	w.load(12000, ms)
	var pauses []string
	for i := 5; i < len(asked); i += 6 {
		pauses = append(pauses, fmt.Sprint((asked[i] - asked[i-1]).Round(50*ms)))
	}
	if got := strings.Join(pauses[:6], " "); got != "100ms 200ms 400ms 800ms 1s 1s" {
		t.Errorf("pauses before trials: %s", got)
	}
}
