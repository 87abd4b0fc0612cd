package rota_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/rota-go/rota"
)

func rendezvousSubset(size, client int) rota.Subset {
	return rota.RendezvousSubset(rota.SubsetParams{Size: size, ID: fmt.Sprint("client-", client)})
}

func deterministicSubset(size, client int) rota.Subset {
	return rota.DeterministicSubset(rota.SubsetParams{Size: size, Index: client})
}

var subsets = []struct {
	name string
	make func(size, client int) rota.Subset
}{{"rendezvous", rendezvousSubset}, {"deterministic", deterministicSubset}}

func addrs(set []rota.Instance) map[string]bool {
	m := map[string]bool{}
	for _, i := range set {
		m[i.Addr] = true
	}
	return m
}

// Of any number of clients counted from 0, no instance has more than one more than another.
func TestDeterministicSubsetsAreEvenForAnyNumberOfClients(t *testing.T) {
	for _, tt := range []struct{ n, size int }{{10, 3}, {12, 4}, {100, 20}, {101, 20}, {7, 6}, {7, 5}, {7, 4}, {7, 1}, {50, 33}, {2, 1}} {
		set, count := instances(tt.n), map[string]int{}
		for client := range 200 {
			part := deterministicSubset(tt.size, client)(set)
			if len(part) != tt.size || len(addrs(part)) != tt.size {
				t.Fatalf("%d of %d: client %d has %d instances, %d different", tt.size, tt.n, client, len(part), len(addrs(part)))
			}
			for a := range addrs(part) {
				count[a]++
			}
			least, most := math.MaxInt, 0
			for _, i := range set {
				least, most = min(least, count[i.Addr]), max(most, count[i.Addr])
			}
			if most-least > 1 {
				t.Fatalf("%d of %d: after %d clients instances have %d to %d of them", tt.size, tt.n, client+1, least, most)
			}
		}
	}
}

// Clients that share one instance do not share all: when it fails, its calls go to many others.
func TestDeterministicSubsetsMixClients(t *testing.T) {
	set := instances(100)
	others := map[string]bool{}
	for client := range 100 {
		if part := addrs(deterministicSubset(20, client)(set)); part[set[0].Addr] {
			for a := range part {
				others[a] = true
			}
		}
	}
	if len(others) < 95 {
		t.Errorf("the 20 clients of one instance have %d of 100 instances between them, want nearly all", len(others))
	}
}

// The clients of an instance are a binomial number; every instance has one as soon as there are many times more
// connections than instances.
func TestRendezvousSubsetsAreEvenOverManyClients(t *testing.T) {
	const n, size, clients = 100, 20, 500
	set, count := instances(n), map[string]int{}
	for client := range clients {
		part := rendezvousSubset(size, client)(set)
		if len(part) != size {
			t.Fatalf("client %d has %d instances, want %d", client, len(part), size)
		}
		for a := range addrs(part) {
			count[a]++
		}
	}
	mean := float64(clients*size) / n
	sum := 0.0
	for _, i := range set {
		d := float64(count[i.Addr]) - mean
		if sum += d * d; math.Abs(d) > 4.5*math.Sqrt(mean*(1-float64(size)/n)) {
			t.Errorf("%s has %d clients, want about %.0f", i.Addr, count[i.Addr], mean)
		}
	}
	if dispersion := sum / n / (mean * (1 - float64(size)/n)); dispersion < 0.6 || dispersion > 1.5 {
		t.Errorf("the variance of the number of clients is %.2f of a draw's, want 1", dispersion)
	}
}

// One instance more or less changes at most one of a client's.
func TestRendezvousSubsetsChangeByOne(t *testing.T) {
	set := instances(60)
	for client := range 50 {
		subset := rendezvousSubset(10, client)
		before := addrs(subset(set[:59]))
		joined := addrs(subset(set))
		left := addrs(subset(set[1:59]))
		for what, after := range map[string]map[string]bool{"joins": joined, "leaves": left} {
			changed := 0
			for a := range after {
				if !before[a] {
					changed++
				}
			}
			want := 0
			if what == "joins" && joined[set[59].Addr] || what == "leaves" && before[set[0].Addr] {
				want = 1
			}
			if changed != want {
				t.Errorf("client %d: %d changed when one %s, want %d", client, changed, what, want)
			}
		}
	}
}

// What moves when the set changes, as the documentation has it.
func TestDeterministicSubsetsOfTheFirstPackChangeLittle(t *testing.T) {
	set := instances(101)
	for client := range 5 {
		before, after := addrs(deterministicSubset(20, client)(set[:100])), addrs(deterministicSubset(20, client)(set))
		changed := 0
		for a := range after {
			if !before[a] {
				changed++
			}
		}
		if changed > 2 {
			t.Errorf("client %d: %d of 20 changed when one joined, want at most 2", client, changed)
		}
	}
}

func TestSubsetsDoNotDependOnTheOrder(t *testing.T) {
	for _, s := range subsets {
		set := instances(40)
		backwards := slices.Clone(set)
		slices.Reverse(backwards)
		twice := append(slices.Clone(set), set...)
		for client := range 20 {
			want := s.make(7, client)(set)
			got := s.make(7, client)(backwards)
			slices.Reverse(got)
			if !slices.Equal(got, want) || !slices.Equal(s.make(7, client)(twice), want) {
				t.Errorf("%s: client %d has %v, in another order %v", s.name, client, want, got)
			}
			if !slices.IsSortedFunc(want, func(a, b rota.Instance) int { return slices.Index(set, a) - slices.Index(set, b) }) {
				t.Errorf("%s: client %d has another order than the set", s.name, client)
			}
		}
	}
}

func TestSubsetTakesAllWhereThereIsNothingToChoose(t *testing.T) {
	set := instances(5)
	for _, s := range subsets {
		for _, size := range []int{-1, 0, 5, 6} {
			if got := s.make(size, 1)(set); !slices.Equal(got, set) {
				t.Errorf("%s: Size %d chose %d of 5", s.name, size, len(got))
			}
		}
	}
	for name, got := range map[string][]rota.Instance{
		"no ID":    rota.RendezvousSubset(rota.SubsetParams{Size: 2})(set),
		"Index -1": rota.DeterministicSubset(rota.SubsetParams{Size: 2, Index: -1})(set),
		"empty":    append(rendezvousSubset(2, 0)(nil), set...),
	} {
		if !slices.Equal(got, set) {
			t.Errorf("%s: chose %d of 5", name, len(got))
		}
	}
}

// Each priority, and zone if that is wanted, has its own subset.
func TestSubsetsOfPrioritiesAndZones(t *testing.T) {
	set := instances(60)
	for i := range set {
		set[i].Priority = i % 2
		set[i].Zone = []string{"a", "b", ""}[i%3]
	}
	for _, byZone := range []bool{false, true} {
		params := rota.SubsetParams{Size: 4, ByZone: byZone, ID: "c", Index: 3}
		for name, subset := range map[string]rota.Subset{
			"rendezvous": rota.RendezvousSubset(params), "deterministic": rota.DeterministicSubset(params),
		} {
			count := map[string]int{}
			for _, i := range subset(set) {
				if byZone {
					count[fmt.Sprint(i.Priority, i.Zone)]++
				} else {
					count[fmt.Sprint(i.Priority)]++
				}
			}
			want := map[bool]int{false: 2, true: 6}[byZone]
			if len(count) != want {
				t.Errorf("%s, by zone %t: chose of %v, want of %d groups", name, byZone, count, want)
			}
			for g, n := range count {
				if n != 4 {
					t.Errorf("%s, by zone %t: %d of group %s, want 4", name, byZone, n, g)
				}
			}
		}
	}
}

// An instance that vanishes from discovery's answer keeps its place for as long as it is listed, and another stands ready.
func TestVanishedInstancesDoNotCountForTheSize(t *testing.T) {
	set := instances(30)
	subset := rendezvousSubset(5, 1)
	before := subset(set)
	for i := range set {
		if set[i].Addr == before[2].Addr {
			set[i].Vanished = true
		}
	}
	after := addrs(subset(set))
	for _, i := range before {
		if !after[i.Addr] {
			t.Errorf("%s is not used any more", i.Addr)
		}
	}
	if len(after) != 6 {
		t.Errorf("%d instances are used, want 5 and the vanished one", len(after))
	}
}

// Nobody but the Subset sees the whole set.
func TestClientUsesItsSubsetOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := rota.New(rota.Config{Resolver: rota.Static(instances(50)), Subset: rendezvousSubset(5, 3)})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var watched []rota.Instance
		op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 0, nil }}
		for range 20 {
			if _, err := rota.Do(t.Context(), client, rota.Call{}, op); err != nil {
				t.Fatal(err)
			}
		}
		client.Watch(func(set []rota.Instance) { watched = set })
		if want := rendezvousSubset(5, 3)(instances(50)); !slices.Equal(watched, want) {
			t.Errorf("Watch saw %v, want %v", watched, want)
		}
		if n := len(client.Stats().Nodes); n != 5 {
			t.Errorf("the client knows %d nodes, want 5", n)
		}
	})
}

func BenchmarkSubset(b *testing.B) {
	set := instances(10000)
	for _, s := range subsets {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.make(100, 7)(set)
			}
		})
	}
}
