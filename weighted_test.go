package rota_test

import (
	"math"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// ticks lets the balancer do what is due from now until end.
func (w *world) ticks(end time.Duration) {
	if d := w.cl.Tick(w.now); d > 0 && w.now.Add(d).Sub(w.start) <= end {
		w.after(d, func() { w.ticks(end) })
	}
}

// steady makes calls at even intervals from one time to another.
func (w *world) steady(from, to, every time.Duration) {
	for at := from; at < to; at += every {
		w.after(at-w.now.Sub(w.start), func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
	}
}

func TestWeightedRoundRobinUsesStaticWeightsBeforeReports(t *testing.T) {
	for _, weights := range [][]int{{1}, {0, 0}, {3, 3, 3}, {1, 2, 3}, {1, 1, 1, 40}, {9, 10, 11, 12, 1}} {
		total := 0
		for _, w := range weights {
			total += max(w, 1)
		}
		for seed := range uint64(10) {
			const picks = 20_000
			got := shares(seed, rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{}), weighted(weights...), picks)
			for i, w := range weights {
				want := picks * max(w, 1) / total
				if g := got[addr(i)]; g < want*99/100-2 || g > want*101/100+2 {
					t.Errorf("seed %d: of weights %v, number %d got %d of %d, want %d", seed, weights, i, g, picks, want)
				}
			}
		}
	}
}

// says is what a replica reports, and how many of its answers are failures.
type says struct {
	weight     int
	rate, util float64
	failEvery  int // 0 = never
}

func (s says) outcome(n int) rota.Outcome {
	var o rota.Outcome
	if s.failEvery > 0 && n%s.failEvery == 0 {
		o = broken()
	}
	o.Load = rota.Load{Known: s.rate > 0, Rate: s.rate, Utilization: s.util}
	return o
}

func TestWeightedRoundRobinFollowsReports(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	never := rota.WeightedRoundRobinParams{Blackout: -1}
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name     string
		params   rota.WeightedRoundRobinParams
		replicas []says
		want     []float64 // shares
	}{
		{"twice as able", never, []says{{rate: 100, util: 0.5}, {rate: 200, util: 0.5}}, []float64{1, 2}},
		{"twice as busy", never, []says{{rate: 100, util: 0.8}, {rate: 100, util: 0.4}}, []float64{1, 2}},
		{"more than was promised", never, []says{{rate: 100, util: 1.5}, {rate: 100, util: 0.5}}, []float64{1, 3}},
		{"static weight counts too", never, []says{{weight: 3, rate: 100, util: 0.5}, {rate: 200, util: 0.5}}, []float64{3, 2}},
		{"who is silent gets the mean", never, []says{{rate: 100, util: 0.5}, {}, {rate: 300, util: 0.5}}, []float64{1, 2, 3}},
		{"one alone is not believed", never, []says{{rate: 100, util: 0.1}, {}, {}}, []float64{1, 1, 1}},
		{"nonsense is not believed", never, []says{{rate: inf, util: 1}, {rate: 1, util: nan}, {rate: 9, util: -1}, {rate: 1, util: 1},
			{rate: 2, util: 1}}, []float64{1.5, 1.5, 1.5, 1, 2}},
		{"half fail", never, []says{{rate: 100, util: 0.5, failEvery: 2}, {rate: 100, util: 0.5}}, []float64{1, 2}},
		{"failures cost more", rota.WeightedRoundRobinParams{Blackout: -1, ErrorPenalty: 3},
			[]says{{rate: 100, util: 0.5, failEvery: 2}, {rate: 100, util: 0.5}}, []float64{1, 4}},
		{"failures cost nothing", rota.WeightedRoundRobinParams{Blackout: -1, ErrorPenalty: -1},
			[]says{{rate: 100, util: 0.5, failEvery: 2}, {rate: 100, util: 0.5}}, []float64{1, 1}},
		{"no less than a tenth", never, []says{{rate: 1, util: 1}, {rate: 1000, util: 1}, {rate: 1000, util: 1}},
			[]float64{66.7, 1000, 1000}},
		{"blackout", rota.WeightedRoundRobinParams{Blackout: time.Hour}, []says{{rate: 100, util: 0.5}, {rate: 200, util: 0.5}},
			[]float64{1, 1}},
		{"after the blackout", rota.WeightedRoundRobinParams{}, []says{{rate: 100, util: 0.5}, {rate: 200, util: 0.5}}, []float64{1, 2}},
		{"no averages", rota.WeightedRoundRobinParams{Tau: -1}, []says{{rate: 100, util: 0.5}, {rate: 200, util: 0.5}}, []float64{1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := len(tt.replicas)
			w := newWorld(1, rota.Policy{}, 0, rota.WeightedRoundRobin(tt.params))
			set, index, answers := instances(n), indices(n), make([]int, n)
			for i, r := range tt.replicas {
				set[i].Weight = r.weight
			}
			w.cl.Update(epoch, set)
			counted, calls := make([]float64, n), 0.0
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				i := index[a.Instance().Addr]
				answers[i]++
				if w.now.Sub(epoch) >= 20*time.Second {
					counted[i]++
					calls++
				}
				return ms, tt.replicas[i].outcome(answers[i])
			}
			w.ticks(60 * time.Second)
			w.steady(0, 60*time.Second, 5*ms)
			w.run()
			sum := 0.0
			for _, s := range tt.want {
				sum += s
			}
			for i, s := range tt.want {
				if got, want := counted[i]/calls, s/sum; math.Abs(got-want) > 0.03*want {
					t.Errorf("replica %d got %.4f of the calls, want %.4f", i, got, want)
				}
			}
		})
	}
}

// What a replica said counts for as long as the parameters say, and survives a change of the set.
func TestWeightedRoundRobinForgets(t *testing.T) {
	bal := rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{Blackout: -1, Expiration: 10 * time.Second})
	w := newWorld(1, rota.Policy{}, 2, bal)
	var got [40]int // calls to the first, in a second
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		second := int(w.now.Sub(epoch) / time.Second)
		if a.Instance().Addr == addr(0) {
			got[second]++
		}
		if second >= 10 {
			return ms, rota.Outcome{}
		}
		s := says{rate: 300, util: 0.5}
		if a.Instance().Addr == addr(0) {
			s.rate = 100
		}
		return ms, s.outcome(0)
	}
	for i := range 20 {
		w.after(time.Duration(i)*time.Second+500*ms, func() { w.cl.Update(w.now, instances(3-i%2)) })
	}
	w.ticks(40 * time.Second)
	w.steady(0, 40*time.Second, 10*ms)
	w.run()
	for _, tt := range []struct{ second, least, most int }{{0, 45, 55}, {15, 15, 26}, {18, 15, 26}, {30, 48, 52}, {39, 48, 52}} {
		if g := got[tt.second]; g < tt.least || g > tt.most {
			t.Errorf("in second %d the first got %d of 100 calls, want %d to %d", tt.second, g, tt.least, tt.most)
		}
	}
}

// The averages move with the time constant Tau: a step in what is reported has made 1-1/e of its way after it.
func TestWeightedRoundRobinAveragesOverTau(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, tau := range []time.Duration{-1, 2 * time.Second, 10 * time.Second} {
		w := newWorld(1, rota.Policy{}, 2, rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{Blackout: -1, Tau: tau}))
		at := 20*time.Second + max(tau, 2*time.Second) // when to look
		first, all := 0.0, 0.0
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			now := w.now.Sub(epoch)
			s := says{rate: 100, util: 0.5}
			if a.Instance().Addr == addr(0) && now >= 20*time.Second {
				s.rate = 300
			}
			if now >= at && now < at+time.Second {
				all++
				if a.Instance().Addr == addr(0) {
					first++
				}
			}
			return 0, s.outcome(0)
		}
		w.ticks(60 * time.Second)
		w.steady(0, 60*time.Second, 2*ms)
		w.run()
		rate := 300.0
		if tau > 0 {
			rate -= 200 / math.E
		}
		if got, want := first/all, rate/(rate+100); math.Abs(got-want) > 0.03 {
			t.Errorf("Tau %v: %.3f of the calls after Tau, want %.3f", tau, got, want)
		}
	}
}

func TestFadeIsNearExp(t *testing.T) {
	for _, tt := range []struct{ x, within float64 }{{0, 0}, {0.01, 1e-4}, {0.1, 1e-3}, {0.5, 0.01}, {1, 0.035}, {2, 0.13}, {4, 0.6}} {
		got, want := rota.Fade(time.Duration(tt.x*1e9), time.Second), math.Exp(-tt.x)
		if math.Abs(got/want-1) > tt.within {
			t.Errorf("fade(%v) = %v, want %v within %v", tt.x, got, want, tt.within)
		}
	}
}

func TestNotesAreSmall(t *testing.T) {
	for name, size := range rota.NoteSizes() {
		if size > 64 {
			t.Errorf("%s keeps %d bytes on a node, want at most 64", name, size)
		}
	}
}
