package rota_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// Whatever the keys, no node gets a call that takes it above its capacity.
func TestBoundedLoadHoldsForAnyKeys(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, b := range hashBalancers {
		for seed := range uint64(min(seeds, 60)) {
			rng := rand.New(rand.NewPCG(seed, 1))
			set := instances(1 + rng.IntN(20))
			weights := 0
			for i := range set {
				set[i].Weight = 1 + rng.IntN(1+int(seed%4))
				weights += set[i].Weight
			}
			bound := []float64{1, 1.1, 1.25, 2}[rng.IntN(4)]
			cl := hashCluster(b.make(bound), set, seed)
			keys := uint64(1 + rng.IntN(5)) // hot
			var flying []attempt
			for range 300 {
				if len(flying) > 0 && rng.IntN(3) == 0 {
					i := rng.IntN(len(flying))
					flying[i].end(rota.Outcome{})
					flying[i] = flying[len(flying)-1]
					flying = flying[:len(flying)-1]
					continue
				}
				a := start(cl, epoch, 1+rng.Uint64N(keys))
				flying = append(flying, a)
				capacity := math.Ceil(bound*float64(len(flying))*float64(a.Instance().Weight)/float64(weights) + 1e-9) // rounding
				for _, n := range cl.Nodes() {
					if n.Instance() == a.Instance() && float64(n.InFlight()) > capacity {
						t.Fatalf("%s, seed %d: %d of %d in flight on a node of weight %d of %d, want at most %.0f",
							b.name, seed, n.InFlight(), len(flying), a.Instance().Weight, weights, capacity)
					}
				}
			}
			for _, a := range flying {
				a.end(rota.Outcome{})
			}
			if n := rota.BookTotal(cl); n != 0 {
				t.Fatalf("%s, seed %d: %d in flight in total at the end, want 0", b.name, seed, n)
			}
		}
	}
}

// Without a bound a key's calls stay together; with it the same calls are spread.
func TestHotKeyIsSpread(t *testing.T) {
	for _, b := range hashBalancers {
		for _, tt := range []struct {
			bound float64
			most  int
		}{{-1, 100}, {0, 13}, {1, 10}} {
			cl := hashCluster(b.make(tt.bound), instances(10), 1)
			for range 100 {
				start(cl, epoch, 7)
			}
			most := 0
			for _, n := range cl.Nodes() {
				most = max(most, n.InFlight())
			}
			if most != tt.most {
				t.Errorf("%s, bound %v: one key put %d of 100 in flight on a node of 10, want %d", b.name, tt.bound, most, tt.most)
			}
		}
	}
}

// With most nodes out, capacities are those of the nodes that are left.
func TestBoundHoldsAmongUsableNodes(t *testing.T) {
	for _, b := range hashBalancers {
		rng := rand.New(rand.NewPCG(1, 1))
		cl := rota.NewCluster(rota.ClusterParams{
			Policy: rota.Policy{Breaker: &rota.Breaker{}}, Balancer: b.make(0), Now: epoch, Rand: rng.Uint64,
		})
		cl.Update(epoch, instances(10))
		for i := range 6 {
			cl.Checked(epoch, addr(i), false)
		}
		for range 100 {
			start(cl, epoch, 7)
		}
		for i, n := range cl.Nodes() {
			if n.InFlight() > 0 && i < 6 || n.InFlight() > 32 {
				t.Errorf("%s: node %d has %d of 100 in flight, want at most 1.25/4 of them on the last four", b.name, i, n.InFlight())
			}
		}
		// Back in use, they make the others' capacities small again, at the latest when the balancer is called.
		later := epoch.Add(time.Hour)
		for i := range 6 {
			cl.Checked(later, addr(i), true)
		}
		later = later.Add(time.Hour)
		cl.Tick(later)
		if a := start(cl, later, 7); func() bool {
			for _, n := range cl.Nodes()[6:] {
				if n.Instance() == a.Instance() {
					return true
				}
			}
			return false
		}() {
			t.Errorf("%s: a call went to a node with more than its share, while six had none", b.name)
		}
	}
}

// What replicas report counts, and is forgotten when they are not heard of.
func TestReportedLoadTakesPlace(t *testing.T) {
	for _, b := range hashBalancers {
		cl := hashCluster(b.make(0), instances(10), 1)
		a := start(cl, epoch, 7)
		home := a.Instance()
		a.end(rota.Outcome{Load: rota.Load{Known: true, RIF: 50}})
		next := start(cl, epoch, 7)
		if next.Instance() == home {
			t.Errorf("%s: a call went to a node that reported 50 requests of 50", b.name)
		}
		next.end(rota.Outcome{})
		if n := rota.BookTotal(cl); n != 50 {
			t.Errorf("%s: %d in flight in total, want the 50 that were reported", b.name, n)
		}
		cl.Tick(epoch.Add(time.Second))
		cl.Tick(epoch.Add(2 * time.Second))
		again := start(cl, epoch.Add(2*time.Second), 7)
		if again.Instance() != home {
			t.Errorf("%s: the report still counts after two seconds", b.name)
		}
		again.end(rota.Outcome{})
		if n := rota.BookTotal(cl); n != 0 {
			t.Errorf("%s: %d in flight in total, want 0", b.name, n)
		}
	}
}

// Retries, hedges that lose, cancels, calls that time out, updates: in the end nothing is in flight.
func TestBookOfBoundedLoadIsEmptyInTheEnd(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(seed uint64) *world {
		rng := rand.New(rand.NewPCG(seed, 9))
		bal := [...]rota.Balancer{
			rota.Rendezvous(rota.HashParams{}), rota.Ring(rota.RingParams{}), rota.Maglev(rota.MaglevParams{Size: 251}),
		}[seed%3]
		if seed%2 == 0 {
			bal = rota.PreferZone(rota.ZoneParams{Zone: "a"}, bal)
		}
		zoned := func() []rota.Instance {
			set := instances(2 + rng.IntN(6))
			for i := range set {
				set[i].Zone = []string{"a", "b", ""}[rng.IntN(3)]
				set[i].Priority = rng.IntN(8) / 7
			}
			return set
		}
		w := newWorld(seed, rota.Policy{}, 1, bal)
		policy := randomPolicy(w)
		w = newWorld(seed, policy, 1, bal)
		w.respond = w.stormy
		for i := range 150 {
			at := time.Duration(i) * 3 * ms
			if i%20 == 0 {
				w.after(at, func() { w.cl.Update(w.now, zoned()); w.cl.Tick(w.now) })
			}
			w.after(at, func() {
				f := w.begin(rota.Call{Idempotent: rng.IntN(3) > 0, Key: rng.Uint64N(4)}, time.Time{})
				if rng.IntN(10) == 0 {
					w.after(time.Duration(rng.IntN(20))*ms, func() { f.leave(context.Canceled) })
				}
			})
		}
		w.run()
		if n := rota.BookTotal(w.cl); n != 0 {
			w.broken("%d in flight in total at the end", n)
		}
		return w
	})
}

// A streamed reply is in flight until its end, however it ends.
func TestHeldRepliesCountUntilTheirEnd(t *testing.T) {
	for _, b := range hashBalancers {
		for _, end := range []rota.Outcome{{}, broken(), {Verdict: rota.Ignored}} {
			cl := hashCluster(b.make(0), instances(4), 1)
			a := start(cl, epoch, 7)
			held, ok := a.plan.Answered(epoch, a.Attempt, rota.Outcome{})
			a.plan.Close()
			if n := rota.BookTotal(cl); !ok || n != 1 {
				t.Errorf("%s: %d in flight in total while a reply is read, want 1", b.name, n)
			}
			cl.Update(epoch, instances(5)) // the book goes over to the next set
			held.Ended(epoch, end)
			if n := rota.BookTotal(cl); n != 0 {
				t.Errorf("%s: %d in flight in total after a reply that ended in %v, want 0", b.name, n, end.Verdict)
			}
		}
	}
}

// What is in flight when the set changes bounds what comes after.
func TestBookSurvivesUpdates(t *testing.T) {
	t.Parallel()
	for _, b := range hashBalancers {
		cl := hashCluster(b.make(0), instances(10), 1)
		var flying []attempt
		for i := range 100 {
			flying = append(flying, start(cl, epoch, 7))
			cl.Update(epoch, instances(10+i%2))
		}
		most := 0
		for _, n := range cl.Nodes() {
			most = max(most, n.InFlight())
		}
		if n := rota.BookTotal(cl); n != 100 || most > 13 {
			t.Errorf("%s: %d in flight in total, %d on one of 10 nodes; want 100 and at most 13", b.name, n, most)
		}
		for _, a := range flying {
			a.end(rota.Outcome{})
		}
	}
}

// Parts of a set do not share what they have in flight: what is in the zone does not raise capacities outside.
func TestEveryPartHasItsOwnBook(t *testing.T) {
	set := instances(8)
	for i := range set {
		set[i].Zone = []string{"a", "b"}[i%2]
	}
	cl := hashCluster(rota.PreferZone(rota.ZoneParams{Zone: "a"}, rota.Ring(rota.RingParams{})), set, 1)
	for range 40 {
		start(cl, epoch, 7)
	}
	for i := range set { // all in zone a but one
		set[i].Zone = "a"
	}
	set[1].Zone = "b"
	cl.Update(epoch, set)
	start(cl, epoch, 7)
	for _, n := range cl.Nodes() {
		if n.Instance().Zone == "b" && n.InFlight() > 0 {
			t.Errorf("a call left the zone")
		}
		if n.InFlight() > 13 {
			t.Errorf("%d of 41 in flight on a node of four, want at most 13", n.InFlight())
		}
	}
}

func TestHashingUnderConcurrentUpdates(t *testing.T) {
	t.Parallel()
	for _, b := range hashBalancers {
		for _, zoned := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/zoned=%t", b.name, zoned), func(t *testing.T) {
				bal := b.make(0)
				if zoned {
					bal = rota.PreferZone(rota.ZoneParams{Zone: "z0"}, bal)
				}
				cl := rota.NewCluster(rota.ClusterParams{
					Policy: rota.DefaultPolicy(), Balancer: bal, Now: epoch, Rand: rand.Uint64, Concurrent: true,
				})
				sets := [3][]rota.Instance{instances(9), instances(10), instances(12)}
				for k, set := range sets {
					for i := range set {
						set[i].Zone = fmt.Sprint("z", (i+k)%2)
					}
				}
				cl.Update(epoch, sets[0])
				var wg sync.WaitGroup
				for g := range 4 {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(uint64(g), 1))
						for i := range 2 * seeds {
							a := start(cl, epoch.Add(time.Duration(i)*time.Microsecond), rng.Uint64N(3))
							a.end(rota.Outcome{Load: rota.Load{Known: i%2 == 0, RIF: i % 5}})
						}
					})
				}
				wg.Go(func() {
					for i := range seeds / 5 {
						cl.Update(epoch, sets[i%3])
						cl.Tick(epoch)
					}
				})
				wg.Wait()
				cl.Tick(epoch.Add(time.Hour))
				cl.Tick(epoch.Add(2 * time.Hour))
				if n := rota.BookTotal(cl); n != 0 {
					t.Errorf("%d in flight in total at the end, want 0", n)
				}
			})
		}
	}
}
