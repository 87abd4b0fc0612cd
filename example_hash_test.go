package rota_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rota-go/rota"
)

// homes returns where calls about some users go.
func homes(b rota.Balancer, set []rota.Instance, users ...string) (addrs []string) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cl := rota.NewCluster(rota.ClusterParams{Balancer: b, Now: now, Rand: func() uint64 { return 0 }})
	cl.Update(now, set)
	for _, u := range users {
		p := cl.Plan(now, time.Time{}, rota.Call{Key: rota.Key(u)})
		a := p.Next(now).Attempt
		addrs = append(addrs, a.Instance().Addr)
		p.Ended(now, a, rota.Outcome{})
		p.Close()
	}
	return addrs
}

func ExampleKey() {
	fmt.Printf("%#x\n", rota.Key("user-42"))
	call := rota.Call{Idempotent: true, Key: rota.Key("user-42")}
	fmt.Println(call.Key == rota.Key("user-42"))
	// Output:
	// 0x7a1596f0e94b5793
	// true
}

func ExampleRendezvous() {
	set := []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}, {Addr: "d"}}
	balancer := rota.Rendezvous(rota.HashParams{})
	fmt.Println(homes(balancer, set, "ann", "bob", "mia", "joe", "tom"))
	fmt.Println(homes(balancer, set[1:], "ann", "bob", "mia", "joe", "tom")) // a has gone, and its keys alone move
	// Output:
	// [a c a a d]
	// [b c c d d]
}

func ExampleRing() {
	set := []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}, {Addr: "d", Weight: 2}}
	balancer := rota.Ring(rota.RingParams{Points: 200, Bound: -1})
	fmt.Println(homes(balancer, set, "kim", "bob", "cid", "dan", "kim"))
	// Output:
	// [d b c c d]
}

func ExampleMaglev() {
	set := []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}, {Addr: "d"}}
	balancer := rota.Maglev(rota.MaglevParams{Size: 251})
	fmt.Println(homes(balancer, set, "kim", "bob", "cid", "dan", "kim"))
	// Output:
	// [c c d a c]
}

func ExamplePreferZone() {
	set := []rota.Instance{{Addr: "a", Zone: "north"}, {Addr: "b", Zone: "south"}, {Addr: "c", Zone: "north"}}
	balancer := rota.PreferZone(rota.ZoneParams{Zone: "north"}, rota.RoundRobinFrom(0))
	fmt.Println(homes(balancer, set, "ann", "bob", "eve"))
	// Output:
	// [a c a]
}

func ExampleRendezvousSubset() {
	subset := rota.RendezvousSubset(rota.SubsetParams{Size: 2, ID: "pod-7"})
	for _, inst := range subset(rota.StaticAddrs("a", "b", "c", "d", "e")) {
		fmt.Println(inst.Addr)
	}
	// Output:
	// b
	// c
}

func ExampleDeterministicSubset() {
	for client := range 4 {
		subset := rota.DeterministicSubset(rota.SubsetParams{Size: 2, Index: client})
		part := subset(rota.StaticAddrs("a", "b", "c", "d"))
		fmt.Println(part[0].Addr, part[1].Addr)
	}
	// Output:
	// a b
	// c d
	// b d
	// a c
}

func ExampleSubset() {
	client, err := rota.New(rota.Config{
		Resolver: rota.StaticAddrs("a:80", "b:80", "c:80", "d:80"),
		Subset:   rota.RendezvousSubset(rota.SubsetParams{Size: 2, ID: "pod-7"}),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{Send: lookup})
	fmt.Println(len(client.Stats().Nodes))
	// Output: 2
}
