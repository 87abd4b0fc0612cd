package rota_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// heard is a report, or what stands for one, at a time after the start.
type heard struct {
	node int
	at   time.Duration
	rota.End
}

func tells(node int, at time.Duration, rif int, latency time.Duration) heard {
	return heard{node, at, rota.End{Took: latency, Load: rota.Load{Known: true, RIF: rif, Latency: latency}}}
}

func ended(node int, at time.Duration, v rota.Verdict, took time.Duration) heard {
	return heard{node, at, rota.End{Took: took, Verdict: v}}
}

// often is h n times, ten milliseconds apart.
func often(n int, h heard) (list []heard) {
	for i := range n {
		h := h
		h.at += time.Duration(i) * 10 * ms
		list = append(list, h)
	}
	return list
}

// What a node is taken to cost, in milliseconds. Where nothing else is said, all others have answered in 10 ms with 1 in
// flight, so a node of which nothing is known but that counts 10 ms x (1 + 1).
func TestEchoScore(t *testing.T) {
	const second, now = time.Second, 10 * time.Second
	const before = now - 9*second // until now, then
	for _, c := range []struct {
		name   string
		params rota.EchoParams
		heard  []heard
		at     time.Duration
		want   float64
	}{
		{name: "latency x (1 + RIF)", heard: []heard{tells(0, now, 4, 20*ms)}, at: now, want: 20 * 5},
		{name: "the first reports are a plain mean", at: now + 10*ms,
			heard: []heard{tells(0, now, 4, 20*ms), tells(0, now+10*ms, 4, 40*ms)}, want: 30 * 5},
		{name: "later ones count for a tenth", heard: append(often(30, tells(0, now-300*ms, 4, 20*ms)), tells(0, now, 4, 120*ms)),
			at: now, want: 30 * 5},
		{name: "or for Gain", heard: append(often(30, tells(0, now-300*ms, 4, 20*ms)), tells(0, now, 4, 120*ms)),
			params: rota.EchoParams{Gain: .5}, at: now, want: 70 * 5},
		{name: "the last RIF counts alone while it is fresh", heard: append(often(9, tells(0, now-90*ms, 0, 10*ms)), tells(0, now, 10, 10*ms)),
			at: now, want: 10 * 11},
		{name: "the average after that", heard: append(often(9, tells(0, now-90*ms, 0, 10*ms)), tells(0, now, 10, 10*ms)),
			at: now + 200*ms, want: 10 * 2},
		{name: "never heard of: twice as slow", at: now, want: 20 * 2},
		{name: "or as Unknown says", params: rota.EchoParams{Unknown: 5}, at: now, want: 50 * 2},
		{name: "half of Drift later", heard: []heard{tells(0, now, 1, 110*ms)}, at: now + 10*second, want: (10 + 100*.5625) * 2},
		{name: "Drift later a quarter is left", heard: []heard{tells(0, now, 1, 110*ms)}, at: now + 20*second, want: (10 + 100*.25) * 2},
		{name: "twice Drift later it is average", heard: []heard{tells(0, now, 50, time.Hour)}, at: now + 40*second, want: 10 * 2},
		{name: "as soon as Drift says", params: rota.EchoParams{Drift: second}, heard: []heard{tells(0, now, 1, 110*ms)},
			at: now + second, want: (10 + 100*.25) * 2},
		{name: "a report after a long silence counts alone", heard: append(often(30, tells(0, now-300*ms, 4, time.Hour)), tells(0, now+60*second, 2, 30*ms)),
			at: now + 60*second, want: 30 * 3},
		{name: "a failure took ten answers", heard: []heard{ended(0, now, rota.Failure, ms)}, at: now, want: (2*10 + 100) * 2},
		{name: "or longer", heard: []heard{ended(0, now, rota.Failure, second)}, at: now, want: (2*10 + 1000) * 2},
		{name: "a refusal too", heard: []heard{ended(0, now, rota.Overload, ms)}, at: now, want: (2*10 + 100) * 2},
		{name: "a failure keeps the RIF that was said", heard: []heard{tells(0, now-10*ms, 6, 10*ms), ended(0, now, rota.Failure, ms)},
			at: now, want: (10 + 100/2) * 7},
		{name: "a refusal may say it", heard: []heard{{0, now, rota.End{Verdict: rota.Overload, Load: rota.Load{Known: true, RIF: 9}}}},
			at: now, want: (10 + 100) * 10},
		{name: "given up early: nothing", heard: []heard{tells(0, now-10*ms, 4, 20*ms), ended(0, now, rota.Ignored, 19*ms)},
			at: now - 10*ms, want: 20 * 5},
		{name: "given up late: that long", heard: []heard{tells(0, now-10*ms, 4, 20*ms), ended(0, now, rota.Ignored, 120*ms)},
			at: now, want: (20 + 120) / 2 * 5},
		{name: "a reply without load: what we measure, and the average RIF", heard: often(2, ended(0, now, rota.Success, 30*ms)),
			at: now, want: (10 + 30) / 2 * 2},
		{name: "but that the first is slow may be the connection", heard: []heard{ended(0, now, rota.Success, 30*ms)}, at: now, want: 10 * 2},
		{name: "that it is quick is not", heard: []heard{ended(0, now, rota.Success, 5*ms)}, at: now, want: 5 * 2},
		{name: "a replica that does not know its latency is average", heard: []heard{tells(0, now, 4, 0)}, at: now, want: 10 * 5},
		{name: "nonsense is nothing", heard: []heard{tells(0, now, -7, -time.Hour)}, at: now, want: 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := rota.NewCluster(rota.ClusterParams{Balancer: rota.Echo(c.params), Rand: rand.New(rand.NewPCG(1, 2)).Uint64, Now: epoch})
			cl.Update(epoch, instances(20))
			tell := func(h heard) {
				h.Now = h.at
				rota.EchoEnded(cl, h.node, &h.End)
			}
			for _, h := range often(900, tells(1, before, 1, 10*ms)) {
				tell(h)
			}
			if len(c.heard) == 0 {
				rota.EchoScore(cl, 0, c.at) // what is not known drifts from the first look on
			}
			for _, h := range c.heard {
				tell(h)
			}
			if got := rota.EchoScore(cl, 0, c.at) / float64(ms); math.Abs(got-c.want) > .03*c.want {
				t.Errorf("%.1f ms, want %.1f", got, c.want)
			}
		})
	}
}

func TestEchoUnknownDrifts(t *testing.T) {
	cl := rota.NewCluster(rota.ClusterParams{Balancer: rota.Echo(rota.EchoParams{}), Rand: rand.New(rand.NewPCG(1, 2)).Uint64, Now: epoch})
	cl.Update(epoch, instances(20))
	for i := range 40 {
		rota.EchoEnded(cl, 0, &rota.End{Now: time.Duration(i) * 2 * ms}) // of anybody
	}
	cl.Update(epoch, append([]rota.Instance{{Addr: "new:80"}}, instances(20)...))
	first := rota.EchoScore(cl, 0, time.Second)
	for _, c := range []struct {
		after time.Duration
		want  float64
	}{{0, 1}, {20 * time.Second, (1 + .25) / 2}, {40 * time.Second, .5}, {time.Hour, .5}} {
		if got := rota.EchoScore(cl, 0, time.Second+c.after) / first; math.Abs(got-c.want) > .01 {
			t.Errorf("%v after the first look: %.3f of what it was, want %.3f", c.after, got, c.want)
		}
	}
}

// A client of a few nodes that has nothing to do tries a new one at once.
func TestEchoTriesANewOneOfFew(t *testing.T) {
	cl := rota.NewCluster(rota.ClusterParams{Balancer: rota.Echo(rota.EchoParams{}), Rand: rand.New(rand.NewPCG(1, 2)).Uint64, Now: epoch})
	cl.Update(epoch, instances(2))
	for i := range 40 {
		rota.EchoEnded(cl, i%2, &rota.End{Now: time.Duration(i) * 2 * ms, Took: 10 * ms})
	}
	cl.Update(epoch, append([]rota.Instance{{Addr: "new:80"}}, instances(2)...))
	if new, old := rota.EchoScore(cl, 0, 80*ms), rota.EchoScore(cl, 1, 80*ms); math.Abs(new-old) > .01*old {
		t.Errorf("a new one has the score %.1f ms, one that is known %.1f ms", new/float64(ms), old/float64(ms))
	}
}

// Where all are new, the first one called does not look better than the others, however slow it was.
func TestEchoLooksAtAllInTheBeginning(t *testing.T) {
	for seed := range uint64(20) {
		w, got := newProbing(t, seed, 5, rota.Echo(rota.EchoParams{})), 0
		for range 200 {
			p, a := w.send()
			took := 10 * ms
			if a.Instance().Addr == addr(2) {
				took = 100 * ms
				got++
			}
			w.now = w.now.Add(took)
			p.Ended(w.now, a, rota.Outcome{Load: rota.Load{Known: true, Latency: took}})
			p.Next(w.now)
			p.Close()
		}
		if got > 10 {
			t.Errorf("seed %d: the slow one got %d of 200 calls", seed, got)
		}
	}
}

// Our own attempts count at once, and failures in a row as such until they have drifted away.
func TestEchoCountsItsOwn(t *testing.T) {
	for _, c := range []struct {
		name   string
		params rota.EchoParams
		own    int
		failed int
		after  time.Duration
		want   float64 // in latencies; without any, a node has 1 + 1
	}{
		{"none", rota.EchoParams{}, 0, 0, 0, 2},
		{"two", rota.EchoParams{}, 2, 0, 0, 2 + 2*3},
		{"two that count for half", rota.EchoParams{Own: .5}, 2, 0, 0, 2 + 2*.5},
		{"two that failed", rota.EchoParams{}, 0, 2, 0, 2 + 2*3},
		{"long ago", rota.EchoParams{}, 0, 2, time.Minute, 2},
	} {
		w := newProbing(t, 1, 1, rota.Echo(c.params))
		o := rota.Outcome{Load: rota.Load{Known: true, RIF: 1, Latency: 10 * ms}}
		for range 100 {
			w.now = w.now.Add(10 * ms)
			w.pick(o)
		}
		for range c.failed {
			w.pick(rota.Outcome{Verdict: rota.Failure, Err: errBroken})
		}
		for range c.failed * 99 { // so that what the failures took is averaged away, and their number is what counts
			rota.EchoEnded(w.cl, 0, &rota.End{Now: w.now.Sub(epoch), Load: o.Load})
		}
		for range c.own {
			w.send()
		}
		if got := rota.EchoScore(w.cl, 0, w.now.Sub(epoch)+c.after) / float64(10*ms); math.Abs(got-c.want) > .03*c.want {
			t.Errorf("%s: %.2f latencies, want %.2f", c.name, got, c.want)
		}
	}
}

// What no caller would notice makes no difference between replicas with next to nothing to do, and neither does one bad
// answer; what a caller does notice does.
func TestEchoIsFairToTheIdle(t *testing.T) {
	for _, c := range []struct {
		name       string
		said, took time.Duration // by the cold one of the three
		times      int
		even       bool
	}{
		{"cold, which says five times as much as the others", 300 * time.Microsecond, 1200 * time.Microsecond, 1000, true},
		{"slow, as callers see", 10 * ms, 11 * ms, 1000, false},
		{"one bad answer", time.Second, time.Second, 1, true},
		{"three bad answers", time.Second, time.Second, 3, false},
	} {
		w := newProbing(t, 1, 3, rota.Echo(rota.EchoParams{}))
		warm := rota.End{Took: ms, Load: rota.Load{Known: true, Latency: 60 * time.Microsecond}}
		cold := rota.End{Took: c.took, Load: rota.Load{Known: true, Latency: c.said}}
		for k := range 1000 {
			w.now = w.now.Add(2 * ms)
			warm.Now, cold.Now = w.now.Sub(epoch), w.now.Sub(epoch)
			rota.EchoEnded(w.cl, 0, &warm)
			rota.EchoEnded(w.cl, 1, &warm)
			if k >= 1000-c.times {
				rota.EchoEnded(w.cl, 2, &cold)
			} else {
				rota.EchoEnded(w.cl, 2, &warm)
			}
		}
		got := 0
		for range 300 {
			if w.pick(rota.Outcome{Verdict: rota.Ignored}) == addr(2) {
				got++
			}
		}
		if even := got > 70; even != c.even {
			t.Errorf("%s: %d of 300 calls, want a third: %t", c.name, got, c.even)
		}
	}
}

// With as many choices as nodes all are drawn, none twice, so the best one is always found.
func TestEchoDrawsDifferentNodes(t *testing.T) {
	for n := 1; n <= 16; n++ {
		w := newProbing(t, uint64(n), n, rota.Echo(rota.EchoParams{Choices: n, Remember: -1}))
		for i := range n {
			rota.EchoEnded(w.cl, i, &rota.End{Load: rota.Load{Known: true, RIF: 5, Latency: time.Duration(10*(1+(i+1)%n)) * ms}})
		}
		for range 200 {
			if got := w.pick(rota.Outcome{Verdict: rota.Ignored}); got != addr(n-1) {
				t.Fatalf("of %d nodes %s was picked, want %s", n, got, addr(n-1))
			}
		}
	}
}

// A good node is found again without being drawn, after updates too, and never once it is out of the set.
func TestEchoRemembersGoodNodes(t *testing.T) {
	const n, good, calls = 100, 7, 400
	for _, remember := range []int{0, -1} {
		w := newProbing(t, 1, n, rota.Echo(rota.EchoParams{Remember: remember}))
		for i := range n {
			rota.EchoEnded(w.cl, i, &rota.End{Load: rota.Load{Known: true, RIF: 1, Latency: 100 * ms}})
		}
		share := func() (got int) {
			for range calls {
				if w.pick(rota.Outcome{Verdict: rota.Ignored}) == addr(good) {
					got++
				}
			}
			return got
		}
		rota.EchoEnded(w.cl, good, &rota.End{Load: rota.Load{Known: true, Latency: ms}})
		for range 10 {
			share() // until it was drawn
		}
		got := share()
		if remember < 0 {
			if got > calls/20 {
				t.Errorf("the good node got %d of %d calls, want hardly more than its share: nothing is remembered", got, calls)
			}
			continue
		}
		w.cl.Update(w.now, instances(n+1))
		if again := share(); got != calls || again != calls {
			t.Errorf("the good node got %d of %d calls, and %d after an update, want all", got, calls, again)
		}
		w.cl.Update(w.now, slices.Delete(instances(n+1), good, good+1))
		if got := share(); got != 0 {
			t.Errorf("the good node got %d calls when it was out of the set", got)
		}
		w.cl.Update(w.now, instances(n))
		if got := share(); got > calls/20 {
			t.Errorf("the good node got %d calls of %d when it was back, want hardly any: it is another one now", got, calls)
		}
	}
}

func TestEchoParamsValidate(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		params rota.EchoParams
		want   string
	}{
		{rota.EchoParams{}, ""},
		{rota.EchoParams{Choices: 16, Remember: -1, Gain: 1, Drift: time.Hour, Own: 9, Unknown: 1}, ""},
		{rota.EchoParams{Choices: 17}, "rota: EchoParams.Choices = 17, want 1 to 16, or 0 for the default"},
		{rota.EchoParams{Remember: 9}, "rota: EchoParams.Remember = 9, want at most 8"},
		{rota.EchoParams{Gain: nan}, "rota: EchoParams.Gain = NaN, want at most 1, or 0 for the default"},
		{rota.EchoParams{Drift: -1}, "rota: EchoParams.Drift = -1ns, want >= 0"},
		{rota.EchoParams{Own: math.Inf(1)}, "rota: EchoParams.Own = +Inf, want 0 to 1e+06"},
		{rota.EchoParams{Unknown: -2}, "rota: EchoParams.Unknown = -2, want 0 to 1e+06"},
	} {
		got := ""
		if err := c.params.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("Validate() = %q, want %q", got, c.want)
		}
		w := newProbing(t, 1, 3, rota.Echo(c.params)) // works all the same
		w.pick(answered)
		if s := rota.EchoScore(w.cl, 0, time.Second); !(s > 0 && s < math.MaxFloat64) {
			t.Errorf("%+v: score %v", c.params, s)
		}
	}
}

// Weights are shares: of calls that come one at a time, and of what is in flight when there are many.
func TestEchoHeedsWeights(t *testing.T) {
	for _, every := range []time.Duration{20 * ms, ms} {
		for seed := range uint64(10) {
			set := instances(6)
			set[1].Weight, set[2].Weight, set[3].Weight = 3, 2, 2 // of 10
			w := newWorld(seed, rota.Policy{}, 1, rota.Echo(rota.EchoParams{}))
			w.cl.Update(w.now, set)
			got := map[string]int{}
			busy := map[string]int{}
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				in := a.Instance()
				got[in.Addr]++
				load := rota.Load{Known: true, RIF: busy[in.Addr], Latency: 10 * ms}
				busy[in.Addr]++
				w.after(10*ms, func() { busy[in.Addr]-- })
				return 10 * ms, rota.Outcome{Load: load}
			}
			for i := range 4000 {
				w.after(time.Duration(i)*every, func() { w.begin(rota.Call{}, time.Time{}) })
			}
			w.run()
			for _, in := range set {
				want := 4000 * max(in.Weight, 1) / 10
				if n := got[in.Addr]; n < want*7/10 || n > want*13/10 {
					t.Errorf("every %v, seed %d: %s with the weight %d got %d calls, want %d", every, seed, in.Addr, in.Weight, n, want)
				}
			}
		}
	}
}
