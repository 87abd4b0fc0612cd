package report_test

import (
	"math"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/rota-go/rota/internal/report"
)

const ms = time.Millisecond

// replica is an Estimator and the requests that it has, in virtual time.
type replica struct {
	report.Estimator
	now  time.Duration
	open []report.Token
}

func (r *replica) begin(n int) {
	for range n {
		r.open = append(r.open, r.Begin(r.now))
	}
}

// end ends the n requests that came last.
func (r *replica) end(n int, how report.Ending) {
	for range n {
		last := len(r.open) - 1
		r.End(r.now, &r.open[last], how)
		r.open = r.open[:last]
	}
}

// serve has n requests one after the other, which take d each.
func (r *replica) serve(n int, d time.Duration, how report.Ending) {
	for range n {
		r.begin(1)
		r.now += d
		r.end(1, how)
	}
}

func (r *replica) load() report.Load { return r.Load(r.now) }

func TestLoad(t *testing.T) {
	tests := []struct {
		name string
		play func(*replica)
		want report.Load // without the rate
	}{
		{"nothing", func(*replica) {}, report.Load{}},
		{"one", func(r *replica) { r.serve(1, 5*ms, report.Served) }, report.Load{Latency: 5 * ms}},
		{"the median", func(r *replica) {
			r.serve(4, 9*ms, report.Served)
			r.serve(5, 2*ms, report.Served)
			r.serve(1, 90*ms, report.Served)
		}, report.Load{Latency: 9 * ms}},
		{"only the last 16", func(r *replica) {
			r.serve(50, 9*ms, report.Served)
			r.serve(9, 2*ms, report.Served)
		}, report.Load{Latency: 2 * ms}},
		{"what took no time is not unknown", func(r *replica) { r.serve(3, 0, report.Served) }, report.Load{Latency: time.Microsecond}},
		{"what took days", func(r *replica) { r.serve(3, 100*time.Hour, report.Served) }, report.Load{Latency: time.Hour}},
		{"failures say nothing", func(r *replica) {
			r.serve(3, 5*ms, report.Served)
			r.serve(9, ms, report.Failed)
			r.serve(9, 0, report.Refused)
		}, report.Load{Latency: 5 * ms}},
		{"an unlucky median is forgotten", func(r *replica) { r.serve(1, 3*time.Second, report.Served); r.now += 1001 * ms }, report.Load{}},
		{"but not before", func(r *replica) { r.serve(1, 3*time.Second, report.Served); r.now += 999 * ms }, report.Load{Latency: 3 * time.Second}},
		{"some are too old", func(r *replica) {
			r.serve(6, 50*ms, report.Served)
			r.now += 600 * ms
			r.serve(5, ms, report.Served)
			r.now += 380 * ms
		}, report.Load{Latency: ms}},
		{"the running are old", func(r *replica) {
			r.serve(16, ms, report.Served)
			r.begin(2)
			r.now += 100 * ms
			r.begin(2)
			r.now += 100 * ms
		}, report.Load{RIF: 4, Latency: 150 * ms * 3 / 4}},
		{"the running are young", func(r *replica) {
			r.serve(16, 10*ms, report.Served)
			r.begin(1)
			r.now += ms
		}, report.Load{RIF: 1, Latency: 10 * ms}},
		{"a stream's age says nothing", func(r *replica) {
			r.begin(1)
			r.now += 2 * ms
			r.Answer(r.now, &r.open[0], report.Served)
			r.now += 500 * ms
		}, report.Load{RIF: 1, Latency: 2 * ms}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, start := range []time.Duration{0, 4294967296*time.Microsecond - 2*ms, 10000 * time.Hour} { // in the middle the stamps wrap
				r := &replica{now: start}
				test.play(r)
				got := r.load()
				if got.Rate = 0; got != test.want {
					t.Errorf("from %v: Load() = %+v, want %+v", start, got, test.want)
				}
			}
		})
	}
}

// What is told is of those that arrived when there were about as many others, if there are enough of them.
func TestLatencyIsOfAboutAsManyOthers(t *testing.T) {
	// A request that meets k others takes k + 1 ms.
	fill := func(r *replica, levels ...int) {
		for range 6 {
			for _, k := range levels {
				began := r.now
				r.begin(k)
				last := r.Begin(began)
				r.End(began+time.Duration(k+1)*ms, &last, report.Served)
				r.end(k, report.Refused)
			}
		}
	}
	tests := []struct {
		name   string
		levels []int
		at     int
		want   time.Duration
	}{
		{"exactly", []int{0, 3, 4, 5}, 4, 5 * ms},
		{"idle", []int{0, 3}, 0, ms},
		{"one less", []int{0, 3, 9}, 4, 4 * ms},
		{"one more", []int{0, 5, 9}, 4, 6 * ms},
		{"the nearer", []int{2, 5}, 4, 6 * ms},
		{"four away", []int{8}, 4, 9 * ms},
		{"five away", []int{9}, 4, 0},
		{"steps of a quarter", []int{100}, 111, 101 * ms},
		{"the next step", []int{100}, 112, 101 * ms},
		{"four steps", []int{100}, 271, 101 * ms},
		{"five steps", []int{100}, 272, 0},
		{"beyond all steps", []int{4300}, 9000, 4301 * ms},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &replica{now: time.Hour}
			fill(r, test.levels...)
			r.begin(test.at)
			if got := r.load(); got.RIF != test.at || got.Latency != test.want {
				t.Errorf("with %d: Load() = %+v, want %v", test.at, got, test.want)
			}
		})
	}
}

// A replica that drowns does not look quick, though what it ends are the shortest of its requests.
func TestSurvivorsAreNotBelieved(t *testing.T) {
	r := &replica{}
	r.begin(50)
	for range 200 { // every 10 ms another one comes, and is done within 1 ms; the 50 get nowhere
		r.now += 9 * ms
		r.serve(1, ms, report.Served)
	}
	if got := r.load(); got.RIF != 50 || got.Latency < time.Second {
		t.Errorf("Load() = %+v, want at least a second after two of waiting", got)
	}
}

// The reply that carries the load is not counted in it.
func TestAnswerTellsOfTheOthers(t *testing.T) {
	r := &replica{}
	r.begin(3)
	r.now += 8 * ms
	last := r.Begin(r.now)
	r.now += 4 * ms
	if got := r.Answer(r.now, &last, report.Served); got.RIF != 3 || got.Latency != 9*ms {
		t.Errorf("Answer() = %+v, want 3 others, and three quarters of their 12 ms", got)
	}
	if got := r.Answer(r.now, &last, report.Served); got.RIF != 3 {
		t.Errorf("a second Answer() = %+v, want 3 others", got)
	}
	if got := r.load(); got.RIF != 4 {
		t.Errorf("Load() = %+v before the end, want 4 in flight", got)
	}
	r.End(r.now, &last, report.Failed)
	r.End(r.now, &last, report.Served)
	if got := r.Answer(r.now, &last, report.Served); got.RIF != 3 || r.RIF() != 3 {
		t.Errorf("Answer() = %+v after the end, RIF() = %d, want 3 others", got, r.RIF())
	}
	var none report.Token
	r.End(r.now, &none, report.Served)
	if r.RIF() != 3 {
		t.Errorf("RIF() = %d after the end of no request, want 3", r.RIF())
	}
}

func TestRate(t *testing.T) {
	tests := []struct {
		name string
		play func(*replica)
		want float64
	}{
		{"nothing", func(r *replica) { r.now += time.Minute }, 0},
		{"too early to tell", func(r *replica) { r.serve(100, ms, report.Served) }, 0},
		{"soon", func(r *replica) { r.serve(260, ms, report.Served) }, 1000},
		{"served", func(r *replica) { r.serve(20, 200*ms, report.Served) }, 5},
		{"failed", func(r *replica) { r.serve(2000, 2*ms, report.Failed) }, 500},
		{"refused", func(r *replica) { r.serve(2000, 2*ms, report.Refused) }, 0},
		{"answered once", func(r *replica) {
			for range 400 {
				r.begin(1)
				r.now += 10 * ms
				r.Answer(r.now, &r.open[0], report.Served)
				r.end(1, report.Served)
			}
		}, 100},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &replica{now: time.Hour}
			r.load()
			test.play(r)
			if got := r.load().Rate; math.Abs(got-test.want) > 0.05*test.want {
				t.Errorf("Rate = %v, want %v", got, test.want)
			}
		})
	}
	r := &replica{}
	r.serve(4000, ms, report.Served)
	r.now += 20 * time.Second
	if got := r.load().Rate; got > 60 {
		t.Errorf("Rate = %v after 20 s without a request, of 1000, want it forgotten", got)
	}
}

// Whatever becomes of requests, and in whichever order, none stays in flight, the same calls give the same answers, and
// these are what the promise says, worked out the long way.
func TestEstimatorKeepsItsPromise(t *testing.T) {
	for seed := range seeds {
		r := rng(uint64(seed) + 1)
		var e, twin report.Estimator
		var m model
		var open, twins []report.Token
		now := time.Duration(r.below(1 << 40))
		for range 400 {
			now += time.Duration(r.below(1 << (10 + r.below(20))))
			switch n := len(open); {
			case n > 0 && r.below(100) < 48:
				i, how := r.below(n), report.Ending(r.below(3))
				if r.below(2) == 0 {
					e.Answer(now, &open[i], how)
					twin.Answer(now, &twins[i], how)
					m.answer(now, &m.open[i], how)
				}
				e.End(now, &open[i], how)
				twin.End(now, &twins[i], how)
				m.end(now, i, how)
				open[i], twins[i] = open[n-1], twins[n-1]
				open, twins = open[:n-1], twins[:n-1]
			default:
				open, twins = append(open, e.Begin(now)), append(twins, twin.Begin(now))
				m.begin(now)
			}
			got := e.Load(now)
			if again := twin.Load(now); again != got {
				t.Fatalf("seed %d: Load() = %+v and %+v after the same calls", seed, got, again)
			}
			if rif, latency := m.load(now); got.RIF != rif || got.Latency != latency || math.IsNaN(got.Rate) || got.Rate < 0 {
				t.Fatalf("seed %d at %v: Load() = %+v, want %d, %v", seed, now, got, rif, latency)
			}
		}
		for i := range open {
			e.End(now, &open[i], report.Failed)
		}
		if e.RIF() != 0 {
			t.Fatalf("seed %d: %d in flight at the end", seed, e.RIF())
		}
		if got := e.Load(now + 2*time.Second); got.Latency != 0 {
			t.Fatalf("seed %d: Latency = %v after two idle seconds, want 0: not known", seed, got.Latency)
		}
	}
}

// Requests side by side, half of which are given up.
func TestConcurrently(t *testing.T) {
	var e report.Estimator
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 5000 {
				now := time.Duration(i) * 10 * time.Microsecond
				tok := e.Begin(now)
				if i%2 == 0 {
					e.Answer(now+ms, &tok, report.Ending(g%3))
				}
				if l := e.Load(now); l.RIF < 1 || l.RIF > 4 || l.Latency < 0 {
					t.Errorf("Load() = %+v", l)
				}
				e.End(now+ms, &tok, report.Failed)
			}
		})
	}
	all.Wait()
	if e.RIF() != 0 {
		t.Errorf("%d in flight at the end", e.RIF())
	}
}

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(report.Estimator{}); n > 416 {
		t.Errorf("an Estimator takes %d bytes, want at most 416", n)
	}
}
