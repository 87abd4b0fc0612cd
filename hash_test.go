package rota_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// The values are a promise: callers of different versions must agree.
func TestKeyIsTheSameForEver(t *testing.T) {
	for s, want := range map[string]uint64{
		"": 0xf52a15e9a9b5e89b, "a": 0x02c0bdbf481420f8,
		"user-42": 0x7a1596f0e94b5793, "10.0.0.1:8080": 0xe6be330c3d44a2e2,
	} {
		if got := rota.Key(s); got != want {
			t.Errorf("Key(%q) = %#x, want %#x", s, got, want)
		}
	}
}

// Every bit of the key depends on all of the text: one more in a number moves half of the bits.
func TestKeyMixesWell(t *testing.T) {
	var flips [64]int
	const n = 20_000
	for i := range n {
		d := rota.Key(fmt.Sprint("user-", i)) ^ rota.Key(fmt.Sprint("user-", i+1))
		for b := range flips {
			flips[b] += int(d >> b & 1)
		}
	}
	for b, f := range flips {
		if math.Abs(float64(f)-n/2) > 5*math.Sqrt(n/4) {
			t.Errorf("bit %d: %d of %d flipped, want half", b, f, n)
		}
	}
}

// hashCluster returns a cluster of a balancer without bound, and what picks from it.
func hashCluster(bal rota.Balancer, set []rota.Instance, seed uint64) *rota.Cluster {
	rng := rand.New(rand.NewPCG(seed, 2))
	cl := rota.NewCluster(rota.ClusterParams{Balancer: bal, Rand: rng.Uint64, Now: epoch})
	cl.Update(epoch, set)
	return cl
}

// owners returns which node each of n keys goes to, when no slow start is under way.
func owners(cl *rota.Cluster, n int, seed uint64) []string {
	return ownersAt(epoch.Add(time.Hour), cl, n, seed)
}

func ownersAt(now time.Time, cl *rota.Cluster, n int, seed uint64) []string {
	pick, rng := rota.NewPicking(cl, now), rand.New(rand.NewPCG(seed, 3))
	list := make([]string, n)
	for i := range list {
		list[i] = pick.Pick(rng.Uint64()).Instance().Addr
	}
	return list
}

func named(n int, seed uint64) []rota.Instance {
	set := instances(n)
	for i := range set {
		set[i].Addr = fmt.Sprintf("%d.%s", seed, set[i].Addr)
	}
	return set
}

func countOf(owners []string) map[string]int {
	count := map[string]int{}
	for _, o := range owners {
		count[o]++
	}
	return count
}

// The keys are many, so that what is measured is the hash and not the draw of the keys.
func TestHashingSpreadsKeysEvenly(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, tt := range []struct {
		name  string
		nodes int
		most  float64 // the largest share, in means, of any seed
	}{
		{"rendezvous", 10, 1.05}, {"rendezvous", 100, 1.15},
		{"maglev", 10, 1.05}, {"maglev", 100, 1.15},
		{"ring", 3, 1.2}, {"ring", 10, 1.35}, {"ring", 100, 1.5},
	} {
		worst := 0.0
		for seed := range uint64(10) {
			const keys = 50_000
			for _, c := range countOf(owners(hashCluster(unbounded(tt.name), named(tt.nodes, seed), seed), keys, seed)) {
				worst = max(worst, float64(c)*float64(tt.nodes)/keys)
			}
		}
		t.Logf("%s, %d nodes: the largest share is %.3f means", tt.name, tt.nodes, worst)
		if worst > tt.most {
			t.Errorf("%s, %d nodes: the largest share is %.3f means, want at most %.2f", tt.name, tt.nodes, worst, tt.most)
		}
	}
}

func unbounded(name string) rota.Balancer { return hashBalancer(name, -1) }

func hashBalancer(name string, bound float64) rota.Balancer {
	for _, b := range hashBalancers {
		if b.name == name {
			return b.make(bound)
		}
	}
	panic(name)
}

// When a node goes, only its keys move; when it comes, they move to it alone: exactly so for rendezvous and ring, while a
// Maglev table moves some more.
func TestHashingMovesFewKeysWhenTheSetChanges(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, tt := range []struct {
		name  string
		nodes int
		extra float64 // the share of keys that move though their node stays
	}{
		{"rendezvous", 3, 0}, {"rendezvous", 50, 0},
		{"ring", 9, 0}, {"ring", 50, 0}, // of 6 to 10 nodes, and of 11 and more, each has the same number of points
		{"maglev", 3, 0.03}, {"maglev", 50, 0.03},
	} {
		for _, weighted := range []bool{false, true} {
			worst := 0.0
			for seed := range uint64(5) {
				set := named(tt.nodes, seed)
				if weighted {
					for i := range set {
						set[i].Weight = 1 + i%3
					}
				}
				gone := set[int(seed)%tt.nodes].Addr
				smaller := slices.DeleteFunc(slices.Clone(set), func(i rota.Instance) bool { return i.Addr == gone })
				cl := hashCluster(unbounded(tt.name), set, seed)
				before := owners(cl, 20_000, seed)
				cl.Update(epoch, smaller)
				after := owners(cl, 20_000, seed)
				cl.Update(epoch, set)
				if again := owners(cl, 20_000, seed); !slices.Equal(again, before) {
					t.Errorf("%s: when the node came back, not all keys did", tt.name)
				}
				moved := 0
				for i := range before {
					if before[i] != gone && after[i] != before[i] {
						moved++
					}
				}
				worst = max(worst, float64(moved)/float64(len(before)))
			}
			t.Logf("%s, %d nodes, weighted %t: %.4f moved more than had to", tt.name, tt.nodes, weighted, worst)
			if worst > tt.extra {
				t.Errorf("%s, %d nodes, weighted %t: %.4f of the keys moved between nodes that stayed, want at most %.3f",
					tt.name, tt.nodes, weighted, worst, tt.extra)
			}
		}
	}
}

func TestHashingHeedsWeights(t *testing.T) {
	for _, b := range hashBalancers {
		set := instances(12)
		weights := 0
		for i := range set {
			set[i].Weight = []int{1, 2, 5}[i%3]
			weights += set[i].Weight
		}
		within := map[string]float64{"rendezvous": 0.07, "ring": 0.35, "maglev": 0.07}[b.name]
		for _, keyed := range []bool{true, false} {
			cl := hashCluster(b.make(-1), set, 1)
			const keys = 100_000
			got := countOf(owners(cl, keys, 1))
			if !keyed {
				got = map[string]int{}
				pick := rota.NewPicking(cl, epoch)
				for range keys {
					got[pick.Pick(0).Instance().Addr]++
				}
			}
			for _, inst := range set {
				want := keys * float64(inst.Weight) / float64(weights)
				if math.Abs(float64(got[inst.Addr])/want-1) > within {
					t.Errorf("%s, keyed %t: weight %d has %d keys, want %.0f", b.name, keyed, inst.Weight, got[inst.Addr], want)
				}
			}
		}
	}
}

// Clients that got the set in another order, or after other changes, agree.
func TestHashingDependsOnTheSetAlone(t *testing.T) {
	for _, b := range hashBalancers {
		set := instances(20)
		one := hashCluster(b.make(0), set, 1)
		other := slices.Clone(set)
		slices.Reverse(other)
		two := hashCluster(b.make(0), append(other[:7:7], instances(30)[25:]...), 2)
		two.Update(epoch, other)
		if !slices.Equal(owners(one, 1000, 1), owners(two, 1000, 1)) {
			t.Errorf("%s: two clients send the same key to different nodes", b.name)
		}
	}
}

// attempt is one under way.
type attempt struct {
	plan *rota.Plan
	*rota.Attempt
	now time.Time
}

func start(cl *rota.Cluster, now time.Time, key uint64) attempt {
	p := cl.Plan(now, time.Time{}, rota.Call{Key: key, Idempotent: true})
	return attempt{p, p.Next(now).Attempt, now}
}

func (a attempt) end(o rota.Outcome) {
	a.plan.Ended(a.now, a.Attempt, o)
	a.plan.Close()
}

func TestKeysStick(t *testing.T) {
	for _, b := range hashBalancers {
		cl := hashCluster(b.make(0), instances(10), 1)
		for key := uint64(1); key < 200; key++ {
			first := start(cl, epoch, key)
			addr := first.Instance().Addr
			first.end(rota.Outcome{})
			for range 3 {
				again := start(cl, epoch, key)
				if got := again.Instance().Addr; got != addr {
					t.Errorf("%s: key %d went to %s, then to %s", b.name, key, addr, got)
				}
				again.end(rota.Outcome{})
			}
		}
	}
}

// A key's first retry goes to the node that has the key when the first one is not there.
func TestHashedRetriesGoToTheNextInOrder(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, b := range hashBalancers {
		set := instances(10)
		for key := uint64(1); key < 100; key++ {
			cl := rota.NewCluster(rota.ClusterParams{
				Policy: rota.Policy{Retry: &rota.Retry{Attempts: 3}}, Balancer: b.make(-1), Now: epoch,
				Rand: func() uint64 { return 0 },
			})
			cl.Update(epoch, set)
			p := cl.Plan(epoch, time.Time{}, rota.Call{Key: key, Idempotent: true})
			a := p.Next(epoch).Attempt
			left := slices.DeleteFunc(slices.Clone(set), func(i rota.Instance) bool { return i.Addr == a.Instance().Addr })
			p.Ended(epoch, a, broken())
			second := p.Next(epoch).Attempt.Instance().Addr
			if b.name == "maglev" { // whose table for the others is another
				if second == a.Instance().Addr {
					t.Errorf("%s: key %d was sent to the same node again", b.name, key)
				}
			} else if want := start(hashCluster(b.make(-1), left, 1), epoch, key).Instance().Addr; second != want {
				t.Errorf("%s: the retry of key %d went to %s, want %s", b.name, key, second, want)
			}
		}
	}
}

func TestHashPicksDoNotAllocate(t *testing.T) {
	for _, b := range hashBalancers {
		pick := rota.NewPicking(hashCluster(b.make(0), instances(50), 1), epoch)
		key := uint64(0)
		if n := testing.AllocsPerRun(1000, func() { key++; pick.Pick(key) }); n != 0 {
			t.Errorf("%s: %v allocations a pick, want 0", b.name, n)
		}
	}
}

func TestMaglevTableNeedNotBePrimeNorLargeEnough(t *testing.T) {
	for _, size := range []int{1, 2, 100, 1000} {
		cl := hashCluster(rota.Maglev(rota.MaglevParams{Size: size, Bound: -1}), instances(150), 1)
		if got := len(countOf(owners(cl, 20_000, 1))); got != 150 {
			t.Errorf("Size %d: %d of 150 nodes have keys", size, got)
		}
	}
}

func TestRingOfExtremeWeights(t *testing.T) {
	for _, weights := range [][]int{{1, 1_000_000}, {1 << 30, 1 << 30}, {1}, {3, 1, 1, 1, 1, 1 << 20}} {
		set := instances(len(weights))
		for i, w := range weights {
			set[i].Weight = w
		}
		for _, b := range hashBalancers {
			got := countOf(owners(hashCluster(b.make(0), set, 1), 2000, 1))
			if heavy := len(weights) - 1; got[set[heavy].Addr] < 800 {
				t.Errorf("%s, weights %v: the last has %d of 2000 keys", b.name, weights, got[set[heavy].Addr])
			}
		}
	}
}
