package rota_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestPrequalForgetsRemovedNodesAtOnce(t *testing.T) {
	w := newProbing(t, 1, 40, rota.Prequal(keep))
	gone := w.node(1)
	for i := range 4 {
		w.says(i, i, ms)
	}
	w.cl.Update(w.now, append(instances(40)[2:], rota.Instance{Addr: "new:80"}))
	if got, want := w.pool(), []string{addr(2), addr(3)}; !slices.Equal(got, want) {
		t.Errorf("pool %v, want %v: what is known of the others survives", got, want)
	}
	w.cl.Probed(w.now, gone, rota.Load{Known: true}) // a late answer
	if got := w.pool(); len(got) != 2 {
		t.Errorf("pool %v: it took in a removed node", got)
	}
}

// The pools of two priorities are two, and each survives an update.
func TestPrequalKeepsAPoolForEachPriority(t *testing.T) {
	set := instances(20)
	for i := 10; i < 20; i++ {
		set[i].Priority = 1
	}
	w := newProbing(t, 1, 0, rota.Prequal(keep))
	w.cl.Update(w.now, set)
	for i := range 20 {
		w.says(i, 0, ms)
	}
	w.cl.Update(w.now, append(slices.Clone(set[1:]), rota.Instance{Addr: "new:80"}))
	got := w.pool()
	if len(got) != 5 {
		t.Errorf("pool %v, want five of the first ten", got)
	}
	for _, a := range got {
		if slices.IndexFunc(set, func(i rota.Instance) bool { return i.Addr == a }) >= 10 {
			t.Errorf("pool %v holds a node of the other priority", got)
		}
	}
	for range 200 {
		w.pick(answered)
		if len(w.pool()) > 0 {
			w.says(1, 0, ms)
		}
	}
}

func TestPrequalProbes(t *testing.T) {
	for _, c := range []struct {
		probes float64
		nodes  int
		want   float64 // a call
	}{{3, 100, 3}, {.25, 100, .25}, {2.5, 100, 2.5}, {0, 100, 3}, {-1, 100, 0}, {99, 100, 16}, {3, 3, 3}, {3, 2, 2}, {3, 1, 0}} {
		p := rota.PrequalParams{Probes: c.probes}
		w := newProbing(t, 7, c.nodes, rota.Prequal(p))
		const calls = 4000
		low, high := math.Floor(c.want), math.Ceil(c.want)
		counts := map[*rota.Node]int{}
		for range calls {
			plan := w.cl.Plan(w.now, time.Time{}, rota.Call{})
			a := plan.Next(w.now).Attempt
			if got := float64(len(w.asked)); got < low || got > high {
				t.Fatalf("%v probes, %d nodes: %v in one call", c.probes, c.nodes, got)
			}
			for i, n := range w.asked {
				counts[n]++
				if slices.Contains(w.asked[:i], n) {
					t.Fatalf("%v probes, %d nodes: a node was probed twice by a call", c.probes, c.nodes)
				}
			}
			w.asked = w.asked[:0]
			plan.Ended(w.now, a, answered)
			plan.Next(w.now)
			plan.Close()
		}
		if got := float64(w.probes) / calls; math.Abs(got-c.want) > 1.0/calls {
			t.Errorf("%v probes, %d nodes: %v a call, want %v", c.probes, c.nodes, got, c.want)
		}
		mean := float64(w.probes) / float64(c.nodes)
		for n, got := range counts {
			if math.Abs(float64(got)-mean) > 5*math.Sqrt(mean) {
				t.Errorf("%v probes, %d nodes: %s got %d, the mean is %.0f", c.probes, c.nodes, n.Instance().Addr, got, mean)
			}
		}
	}
}

// Clients with the same fractional rate must not all probe with the same call.
func TestPrequalStartsWithARandomPhase(t *testing.T) {
	first := map[int]int{}
	for seed := range uint64(200) {
		w := newProbing(t, seed, 100, rota.Prequal(rota.PrequalParams{Probes: .25}))
		call := 1
		for ; w.probes == 0; call++ {
			w.pick(answered)
		}
		first[call-1]++
	}
	for call := 1; call <= 4; call++ {
		if first[call] < 30 {
			t.Errorf("the first probe came with call 1 to 4 for %v clients of 200", first)
		}
	}
}

func TestPrequalProbesAfterALull(t *testing.T) {
	w := newProbing(t, 1, 20, rota.Prequal(rota.PrequalParams{}))
	if wait := w.cl.Tick(w.now); wait != 500*ms || len(w.asked) != 3 {
		t.Errorf("at the start %d probes, next in %v, want 3 and 500ms", len(w.asked), wait)
	}
	w.now = w.now.Add(300 * ms)
	w.pick(answered)
	w.now = w.now.Add(200 * ms)
	if wait := w.cl.Tick(w.now); wait != 300*ms || len(w.asked) != 0 {
		t.Errorf("200 ms after a call %d probes, next in %v, want 0 and 300ms", len(w.asked), wait)
	}
	w.now = w.now.Add(300 * ms)
	if wait := w.cl.Tick(w.now); wait != 500*ms || len(w.asked) != 3 {
		t.Errorf("500 ms after a call %d probes, next in %v, want 3 and 500ms", len(w.asked), wait)
	}
	for _, p := range []rota.PrequalParams{{Idle: -1}, {Probes: -1}} {
		w := newProbing(t, 1, 20, rota.Prequal(p))
		if wait := w.cl.Tick(w.now); wait < time.Minute || len(w.asked) != 0 {
			t.Errorf("%+v: %d probes, next in %v, want none", p, len(w.asked), wait)
		}
	}
}

func TestPrequalLeavesOutWhoAnswersNoProbe(t *testing.T) {
	w := newProbing(t, 1, 4, rota.Prequal(rota.PrequalParams{}))
	silent := func(i int) { w.cl.Probed(w.now, w.node(i), rota.Load{}) }
	w.says(0, 0, ms)
	silent(0)
	silent(0)
	if _, kept := w.entry(0); !kept {
		t.Error("two unanswered probes dropped the node")
	}
	w.says(0, 0, ms)
	for range 3 {
		silent(0)
	}
	if _, kept := w.entry(0); kept {
		t.Error("three unanswered probes left the node in the pool")
	}
	for range 100 { // the pool is empty: random
		if w.pick(answered) == addr(0) {
			t.Fatal("a node that answers no probes was drawn")
		}
	}
	for i := 1; i < 4; i++ {
		for range 3 {
			silent(i)
		}
	}
	got := map[string]int{}
	for range 400 {
		got[w.pick(answered)]++
	}
	if len(got) != 4 {
		t.Errorf("when nobody answers, calls go to %v, want all", got)
	}
	w.says(0, 0, ms)
	for range 100 {
		if got := w.pick(answered); got != addr(0) {
			t.Fatalf("went to %s, the only one that answers is %s", got, addr(0))
		}
		w.says(0, 0, ms)
	}
	w.now = w.now.Add(2 * time.Second)
	clear(got)
	for range 400 {
		got[w.pick(answered)]++
	}
	if len(got) != 4 {
		t.Errorf("after a while calls go to %v, want all", got)
	}
}

// fleet answers calls and probes in virtual time, one after the other.
func (w *probing) fleet(calls int, load func(i int) rota.Load, end func(i int) (time.Duration, rota.Outcome)) []int {
	index := map[*rota.Node]int{}
	for i, n := range w.cl.Nodes() {
		index[n] = i
	}
	byAddr := map[string]int{}
	for n, i := range index {
		byAddr[n.Instance().Addr] = i
	}
	got := make([]int, len(index))
	for range calls {
		w.now = w.now.Add(5 * ms)
		p := w.cl.Plan(w.now, time.Time{}, rota.Call{})
		a := p.Next(w.now).Attempt
		to := byAddr[a.Instance().Addr]
		got[to]++
		took, o := end(to)
		p.Ended(w.now.Add(took), a, o)
		p.Next(w.now.Add(took))
		p.Close()
		for _, n := range w.asked {
			w.cl.Probed(w.now.Add(ms), n, load(index[n]))
		}
		w.asked = w.asked[:0]
	}
	return got
}

// A replica that answers errors in 1 ms has nothing in flight and looks fast. It must not draw traffic, without a breaker.
func TestPoolsAvoidASinkhole(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, b := range poolBalancers {
		for seed := range uint64(3) {
			w := newProbing(t, seed, 20, b.make())
			r := rand.New(rand.NewPCG(seed, 9))
			got := w.fleet(20_000, func(i int) rota.Load {
				if i == 3 {
					return rota.Load{Known: true, Latency: ms}
				}
				return rota.Load{Known: true, RIF: 3 + r.IntN(4), Latency: time.Duration(60+r.IntN(40)) * ms}
			}, func(i int) (time.Duration, rota.Outcome) {
				if i == 3 {
					return ms, failing
				}
				return 4 * ms, answered
			})
			if share := float64(got[3]) / 20_000; share > .01 {
				t.Errorf("%s, seed %d: the broken replica got %.2f%% of calls, want at most 1%%", b.name, seed, 100*share)
			}
		}
	}
}

// While nobody answers probes, load on replies is all there is: it must bring the better nodes more calls, and none must
// be lost sight of.
func TestPoolsLiveOnRepliesAlone(t *testing.T) {
	for _, b := range poolBalancers {
		w := newProbing(t, 1, 20, b.make())
		got := w.fleet(20_000, func(int) rota.Load { return rota.Load{} }, func(i int) (time.Duration, rota.Outcome) {
			l := rota.Load{Known: true, RIF: 2, Latency: 20 * ms}
			if i < 10 {
				l.RIF, l.Latency = 8, 100*ms
			}
			return 4 * ms, rota.Outcome{Load: l}
		})
		slow := 0
		for i, n := range got {
			if n < 100 {
				t.Errorf("%s: node %d got %d calls of 20000", b.name, i, n)
			}
			if i < 10 {
				slow += n
			}
		}
		if slow > 20_000/4 {
			t.Errorf("%s: the slow half got %d calls of 20000", b.name, slow)
		}
	}
}

// With probes, a reply brings up to date what is in the pool, and adds nothing.
func TestPrequalReadsLoadOnReplies(t *testing.T) {
	w := newProbing(t, 1, 20, rota.Prequal(rota.PrequalParams{Remove: -1, Probes: .5}))
	w.says(0, 1, ms)
	w.says(1, 1, 2*ms)
	w.pick(rota.Outcome{Load: rota.Load{Known: true, RIF: 5, Latency: 50 * ms}})
	if e, _ := w.entry(0); e.RIF != 5 || e.Latency != 50*ms {
		t.Errorf("the entry says %v in flight, %v, want what the reply said", e.RIF, e.Latency)
	}
	for range 50 {
		p, a := w.send()
		w.now = w.now.Add(ms)
		w.says(0, 1, ms)
		w.says(1, 1, ms)
		p.Ended(w.now, a, rota.Outcome{Load: rota.Load{Known: true}})
		p.Next(w.now)
		p.Close()
	}
	if got := w.pool(); len(got) != 2 {
		t.Errorf("pool %v, want only what was probed", got)
	}
}

func TestPoolsSpreadEqualLoadEvenly(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, b := range append(slices.Clone(poolBalancers), balancerCase{"yarp", func() rota.Balancer { return rota.YARP(rota.YARPParams{}) }}) {
		for _, n := range []int{1, 2, 3, 16, 17, 20} {
			sum := make([]int, n)
			const seeds, calls = 5, 4000
			for seed := range uint64(seeds) {
				w := newProbing(t, seed, n, b.make())
				r := rand.New(rand.NewPCG(seed, 9))
				got := w.fleet(calls, func(int) rota.Load {
					return rota.Load{Known: true, RIF: r.IntN(6), Latency: time.Duration(60+r.IntN(40)) * ms}
				}, func(int) (time.Duration, rota.Outcome) { return 4 * ms, answered })
				for i := range got {
					sum[i] += got[i]
				}
			}
			mean := float64(seeds*calls) / float64(n)
			for i, got := range sum {
				if math.Abs(float64(got)-mean) > .15*mean {
					t.Errorf("%s: node %d of %d equal ones got %d calls, the mean is %.0f", b.name, i, n, got, mean)
				}
			}
		}
	}
}

// A node that does not admit attempts is passed over for the next best, and never picked.
func TestPoolsSkipUnusableNodes(t *testing.T) {
	for _, b := range poolBalancers {
		w := newProbing(t, 1, 20, b.make())
		for i := range 6 {
			w.says(i, 1, time.Duration(i+1)*ms)
		}
		best := w.pick(rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Second, Err: errFull})
		if best != addr(0) {
			t.Fatalf("%s: went to %s", b.name, best)
		}
		for i := range 6 {
			w.says(i, 1, time.Duration(i+1)*ms)
		}
		for range 100 {
			w.says(1, 1, 2*ms)
			w.says(2, 1, 3*ms)
			if got := w.pick(answered); got == addr(0) {
				t.Fatalf("%s: a resting node was picked", b.name)
			}
			if e, in := w.entry(0); in && e.Left == 0 {
				t.Errorf("%s: a node that was not picked was used up", b.name)
			}
		}
	}
}

// An answer that says nothing wrong of a node whose breaker is open lets it have its trial soon.
func TestPrequalTriesANodeWhoseBreakerIsOpen(t *testing.T) {
	w := &probing{T: t, now: epoch}
	w.cl = rota.NewCluster(rota.ClusterParams{
		Service: "users", Balancer: rota.Prequal(rota.PrequalParams{}), Rand: rand.New(rand.NewPCG(1, 3)).Uint64, Now: epoch,
		Policy: rota.Policy{Breaker: &rota.Breaker{Open: time.Second}},
		Probe:  func(n *rota.Node) bool { w.asked = append(w.asked, n); return true },
	})
	w.cl.Update(epoch, instances(20))
	load := func(i int) rota.Load {
		if i == 3 {
			return rota.Load{Known: true, Latency: ms} // idle, because it gets nothing
		}
		return rota.Load{Known: true, RIF: 3, Latency: 20 * ms}
	}
	bad := true
	end := func(i int) (time.Duration, rota.Outcome) {
		if i == 3 && bad {
			return ms, failing
		}
		return 4 * ms, answered
	}
	for range 10 {
		for range 5 {
			w.says(3, 0, 0)
		}
		w.fleet(100, load, end)
	}
	bad = false
	if got := w.fleet(2000, load, end); got[3] == 0 {
		t.Errorf("10 s after it was well it had no call: %v", got)
	}
}

func TestPoolsAreDeterministic(t *testing.T) {
	for _, b := range poolBalancers {
		run := func() string {
			w := newProbing(t, 4, 30, b.make())
			r := rand.New(rand.NewPCG(4, 9))
			return fmt.Sprint(w.fleet(2000, func(int) rota.Load {
				return rota.Load{Known: true, RIF: r.IntN(6), Latency: time.Duration(60+r.IntN(40)) * ms}
			}, func(i int) (time.Duration, rota.Outcome) {
				if r.IntN(50) == 0 {
					return ms, failing
				}
				return 4 * ms, answered
			}), rota.PoolOf(w.cl))
		}
		if a, b2 := run(), run(); a != b2 {
			t.Errorf("%s: two runs with one seed differ", b.name)
		}
	}
}

func TestPoolsConcurrently(t *testing.T) {
	for _, b := range append(slices.Clone(poolBalancers), balancerCase{"yarp", func() rota.Balancer { return rota.YARP(rota.YARPParams{}) }}) {
		var wg sync.WaitGroup
		asked := make(chan *rota.Node, 1000)
		cl := rota.NewCluster(rota.ClusterParams{
			Balancer: b.make(), Rand: rand.Uint64, Now: epoch, Concurrent: true,
			Probe: func(n *rota.Node) bool {
				select {
				case asked <- n:
					return true
				default:
					return false
				}
			},
		})
		cl.Update(epoch, instances(30))
		const each = 2000
		at := func(i int) time.Time { return epoch.Add(time.Duration(i) * ms) }
		for g := range 4 {
			wg.Go(func() {
				for i := range each {
					p := cl.Plan(at(i), time.Time{}, rota.Call{})
					a := p.Next(at(i)).Attempt
					o := rota.Outcome{Load: rota.Load{Known: i%2 == 0, RIF: i % 5, Latency: ms}}
					if i%17 == g {
						o.Verdict, o.Err = rota.Failure, errBroken
					}
					p.Ended(at(i), a, o)
					p.Next(at(i))
					p.Close()
					select {
					case n := <-asked:
						cl.Probed(at(i), n, rota.Load{Known: i%9 != 0, RIF: i % 7, Latency: ms})
					default:
					}
				}
			})
		}
		wg.Go(func() {
			for i := range 200 {
				cl.Update(at(i*10), instances(20+i%20))
				cl.Tick(at(i * 10))
			}
		})
		wg.Wait()
		for _, n := range cl.Nodes() {
			if n.InFlight() != 0 {
				t.Errorf("%s: %d in flight at the end", b.name, n.InFlight())
			}
		}
	}
}

func TestKnownIsSmall(t *testing.T) {
	if rota.KnownSize > 64 {
		t.Errorf("a node's notes take %d bytes, want at most 64", rota.KnownSize)
	}
}

type balancerCase struct {
	name string
	make func() rota.Balancer
}

var poolBalancers = []balancerCase{
	{"prequal", func() rota.Balancer { return rota.Prequal(rota.PrequalParams{}) }},
	{"c3", func() rota.Balancer { return rota.C3(rota.C3Params{}) }},
	{"linear", func() rota.Balancer { return rota.Linear(rota.LinearParams{}) }},
}
