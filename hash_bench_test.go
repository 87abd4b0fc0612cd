package rota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

var hashBalancers = []struct {
	name string
	make func(bound float64) rota.Balancer
}{
	{"rendezvous", func(b float64) rota.Balancer { return rota.Rendezvous(rota.HashParams{Bound: b}) }},
	{"ring", func(b float64) rota.Balancer { return rota.Ring(rota.RingParams{Bound: b}) }},
	{"maglev", func(b float64) rota.Balancer { return rota.Maglev(rota.MaglevParams{Bound: b}) }},
}

// BenchmarkHashPick is a pick for a random key, with admission to the node and the bound, and what ends the attempt: in
// flight stays as it is.
func BenchmarkHashPick(b *testing.B) {
	for _, bal := range hashBalancers {
		for _, n := range []int{3, 100, 10000} {
			for _, bound := range []float64{0, -1} {
				b.Run(fmt.Sprintf("%s/nodes=%d/bounded=%t", bal.name, n, bound == 0), func(b *testing.B) {
					policy := benchPolicy()
					policy.Rate = nil // time stands still
					cl := rota.NewCluster(rota.ClusterParams{Policy: policy, Balancer: bal.make(bound), Now: epoch, Rand: rand.Uint64})
					cl.Update(epoch, instances(n))
					pick := rota.NewPicking(cl, epoch)
					rng := rand.New(rand.NewPCG(1, 1))
					keys := make([]uint64, 4096)
					for i := range keys {
						keys[i] = rng.Uint64()
					}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						pick.Pick(keys[i&4095])
						i++
					}
				})
			}
		}
	}
}

// BenchmarkHashUpdate replaces one node of 10,000.
func BenchmarkHashUpdate(b *testing.B) {
	for _, bal := range hashBalancers {
		for _, weighted := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/weighted=%t", bal.name, weighted), func(b *testing.B) {
				sets := [2][]rota.Instance{instances(10000), instances(10001)[1:]}
				if weighted {
					for _, set := range sets {
						for i := range set {
							set[i].Weight = 1 + i%7
						}
					}
				}
				cl := benchCluster(1, bal.make(0))
				cl.Update(time.Now(), sets[0])
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i++
					cl.Update(time.Now(), sets[i%2])
				}
			})
		}
	}
}
