package rota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// BenchmarkPick is a choice alone, among nodes that all have answered, when calls come 10 us apart.
func BenchmarkPick(b *testing.B) {
	for _, bal := range everyBalancer() {
		for _, n := range []int{3, 100, 10000} {
			b.Run(fmt.Sprintf("%s/nodes=%d", bal.name, n), func(b *testing.B) {
				cl := rehearsed(bal.make(), instances(n))
				pick := cl.Picks(epoch.Add(time.Second))
				b.ReportAllocs()
				for b.Loop() {
					if pick() == nil {
						b.Fatal("no node")
					}
				}
			})
		}
	}
}

// BenchmarkUpdate is an update of 10,000 nodes of which one changed.
func BenchmarkUpdate(b *testing.B) {
	for _, bal := range everyBalancer() {
		b.Run(bal.name+"/nodes=10000", func(b *testing.B) {
			set := instances(10_000)
			cl := rehearsed(bal.make(), set)
			now := epoch.Add(time.Second)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set[i%len(set)].Addr = fmt.Sprintf("10.9.9.9:%d", i)
				now = now.Add(time.Millisecond)
				if !cl.Update(now, set) {
					b.Fatal("nothing changed")
				}
			}
		})
	}
}

// rehearsed returns a cluster in which every node has been called and has reported load, at the time of epoch.
func rehearsed(bal rota.Balancer, set []rota.Instance) *rota.Cluster {
	cl := rota.NewCluster(rota.ClusterParams{
		Policy: rota.Policy{Breaker: &rota.Breaker{}}, Balancer: bal, Now: epoch, Rand: rand.Uint64, Concurrent: true,
	})
	cl.Update(epoch, set)
	for i := range 4 * len(set) {
		now := epoch.Add(time.Duration(i) * time.Second / time.Duration(4*len(set)))
		p := cl.Plan(now, time.Time{}, rota.Call{})
		o := rota.Outcome{Load: rota.Load{Known: true, RIF: 1, Latency: ms, Rate: 50 + 50*rand.Float64(), Utilization: 0.5}}
		p.Ended(now.Add(ms), p.Next(now).Attempt, o)
		p.Close()
	}
	cl.Tick(epoch.Add(time.Second))
	return cl
}
