package rota_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// outage is a farm of a few replicas with little to do, of which the first is bad for a time. It returns the share of
// calls that each replica got, of all that began from begin on for span.
func outage(t *testing.T, seed uint64, policy rota.Policy, fault func() (time.Duration, *rota.Outcome), begin, span time.Duration) []float64 {
	t.Helper()
	const nodes, from, until = 4, 10 * time.Second, 20 * time.Second
	f := newFarm(seed, policy, nodes, rota.Echo(rota.EchoParams{}))
	got, all := make([]float64, nodes), 0.0
	f.picked = func(i int) {
		if now := f.now.Sub(epoch); now >= until+begin && now < until+begin+span {
			got[i]++
			all++
		}
	}
	f.after(from, func() { f.replicas[0].fault = fault })
	f.after(until, func() { f.replicas[0].fault = nil })
	f.traffic(until+begin+span, 50*ms)
	f.run(t, seed)
	for i := range got {
		got[i] /= all
	}
	return got
}

// An idle client takes a replica back as soon as its breaker has found out that it is well again, or a failure or two
// are forgiven: it must not wait until what is known of it has drifted away.
func TestEchoTakesBackWhoIsWell(t *testing.T) {
	oneGoroutine(t)
	failing := func() (time.Duration, *rota.Outcome) {
		return ms, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	}
	hanging := func() (time.Duration, *rota.Outcome) {
		return 3 * time.Second, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	}
	guarded := rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}, SlowStart: -1}
	for _, c := range []struct {
		name   string
		policy rota.Policy
		fault  func() (time.Duration, *rota.Outcome)
		begin  time.Duration
	}{
		{"failed, with a breaker", guarded, failing, 3 * time.Second},
		{"hung, with a breaker", guarded, hanging, 5 * time.Second},
		{"failed, without", rota.Policy{Retry: &rota.Retry{}}, failing, 40 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(max(5*seeds/1000, 1)) {
				got := outage(t, seed, c.policy, c.fault, c.begin, 20*time.Second)
				for _, g := range got {
					if g < .15 || g > .35 {
						t.Errorf("seed %d: shares %.3f from %v after the fault on, want about a quarter each", seed, got, c.begin)
						break
					}
				}
			}
		})
	}
}

// How long a failure counts depends on whether there are breakers.
func TestEchoForgives(t *testing.T) {
	for _, c := range []struct {
		policy  rota.Policy
		quarter time.Duration // when a quarter of it is left
	}{
		{rota.Policy{}, 20 * time.Second},
		{rota.Policy{Breaker: &rota.Breaker{}}, time.Second},
	} {
		cl := rota.NewCluster(rota.ClusterParams{Policy: c.policy, Balancer: rota.Echo(rota.EchoParams{}), Rand: rand.Uint64, Now: epoch})
		cl.Update(epoch, instances(2))
		for i := range 100 {
			rota.EchoEnded(cl, i%2, &rota.End{Now: time.Duration(i) * 2 * ms, Load: rota.Load{Known: true, Latency: 10 * ms}})
		}
		rota.EchoEnded(cl, 0, &rota.End{Now: 200 * ms, Verdict: rota.Failure})
		for after, want := range map[time.Duration]float64{0: 10 + 10, c.quarter: 10 + 10./4, 2 * c.quarter: 10, time.Hour: 10} {
			if got := rota.EchoScore(cl, 0, 200*ms+after) / float64(ms); math.Abs(got-want) > .01*want {
				t.Errorf("breakers: %t, %v after a failure: %.2f ms, want %.2f", c.policy.Breaker != nil, after, got, want)
			}
		}
	}
}

// In panic what is known of nodes says only that none is well: all are called alike.
func TestEchoPanicsEvenly(t *testing.T) {
	const nodes, calls = 5, 5000
	policy := rota.Policy{Breaker: &rota.Breaker{}}
	w := newWorld(1, policy, nodes, rota.Echo(rota.EchoParams{}))
	got := map[string]int{}
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if w.cl.Stats(w.now).Panic {
			got[a.Instance().Addr]++
		}
		cost := ms
		if a.Instance().Addr == addr(0) {
			cost = time.Second // and looks the worst
		}
		return cost, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	}
	for i := range calls {
		w.after(time.Duration(i)*10*ms, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	w.run()
	for i := range nodes {
		if g := got[addr(i)]; g < calls/nodes*7/10 || g > calls/nodes*13/10 {
			t.Errorf("calls in panic: %v, want about %d each", got, calls/nodes)
			break
		}
	}
}

// A failing node, which is out but for want of others, still gets the few calls by which it is found to be well.
func TestEchoCallsAFailingNodeNowAndThen(t *testing.T) {
	const nodes, bad, end = 10, 8, 60 * time.Second
	f := newFarm(1, rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}}, nodes, rota.Echo(rota.EchoParams{}))
	for i := range bad {
		f.replicas[i].fault = func() (time.Duration, *rota.Outcome) {
			return ms, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
	}
	states := func() (s map[string]int) {
		s = map[string]int{}
		for _, n := range f.cl.Stats(f.now).Nodes {
			s[n.Breaker]++
		}
		return s
	}
	var during string
	f.after(end/2, func() {
		during = fmt.Sprint(states()["failing"])
		for i := range f.replicas {
			f.replicas[i].fault = nil
		}
	})
	f.traffic(end, 10*ms)
	f.run(t, 1)
	if during != "1" || states()["closed"] != nodes {
		t.Errorf("%s nodes were failing, want 1; half a minute after all are well: %v, want all closed", during, states())
	}
}

// Idle replicas that say nothing of their load share the calls, though the first call of each is slow, and one is called for
// the first time much later than the others. One that is much slower than they are gets next to nothing.
func TestEchoSharesAmongTheIdle(t *testing.T) {
	oneGoroutine(t)
	const nodes = 4
	for seed := range uint64(max(20*seeds/1000, 2)) {
		w := newWorld(seed, rota.Policy{Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{}}, nodes-1, rota.Echo(rota.EchoParams{}))
		got := map[string]int{}
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			addr := a.Instance().Addr
			got[addr]++
			took := ms + time.Duration(w.ExpFloat64()*float64(ms))
			switch {
			case got[addr] == 1:
				took += 8 * ms
			case addr == instances(nodes)[1].Addr:
				took *= 20
			}
			return took, rota.Outcome{}
		}
		const calls = 3000
		for i := range calls {
			w.after(time.Duration(i)*20*ms, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
		}
		w.after(10*time.Second, func() { w.cl.Update(w.now, instances(nodes)) })
		w.after(12*time.Second, func() { clear(got); got[addr(3)] = 1 })
		w.run()
		for i := range nodes {
			want := 2400 / 3 // of the calls from then on, among three
			if n := got[addr(i)]; i == 1 && n > want/4 || i != 1 && (n < want*6/10 || n > want*14/10) {
				t.Errorf("seed %d: %v calls, want about %d each, and hardly any at the slow one", seed, got, want)
				break
			}
		}
	}
}
