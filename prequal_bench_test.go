package rota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// BenchmarkPrequalPick is a call and the three probes that it brings about, in virtual time. Beside it are a pool that is
// always empty and asks nobody, so that nodes are drawn at random; and one that is full with a probe for every twelfth
// call: the difference of these two is what it costs to choose.
func BenchmarkPrequalPick(b *testing.B) {
	for _, bal := range []struct {
		name   string
		make   func() rota.Balancer
		answer bool
	}{
		{"random", func() rota.Balancer { return rota.Prequal(rota.PrequalParams{Probes: -1}) }, false},
		{"pool", func() rota.Balancer { return rota.Prequal(rota.PrequalParams{Probes: .08, Remove: -1}) }, true},
		{"p2c", func() rota.Balancer { return rota.PowerOfTwo(2) }, false},
		{"prequal", func() rota.Balancer { return rota.Prequal(rota.PrequalParams{}) }, true},
		{"c3", func() rota.Balancer { return rota.C3(rota.C3Params{}) }, true},
		{"linear", func() rota.Balancer { return rota.Linear(rota.LinearParams{}) }, true},
	} {
		for _, n := range []int{3, 100, 10000} {
			b.Run(fmt.Sprintf("%s/nodes=%d", bal.name, n), func(b *testing.B) { benchProbing(b, n, bal.make(), bal.answer) })
		}
	}
}

func benchProbing(b *testing.B, n int, bal rota.Balancer, answer bool) {
	asked := make([]*rota.Node, 0, 64)
	r := rand.New(rand.NewPCG(1, 2))
	cl := rota.NewCluster(rota.ClusterParams{Balancer: bal, Rand: r.Uint64, Now: epoch, Probe: func(n *rota.Node) bool {
		asked = append(asked, n)
		return true
	}})
	cl.Update(epoch, instances(n))
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Microsecond)
		p := cl.Plan(now, time.Time{}, rota.Call{})
		s := p.Next(now)
		p.Ended(now, s.Attempt, rota.Outcome{})
		p.Next(now)
		p.Close()
		for _, m := range asked {
			if answer {
				bits := r.Uint64()
				cl.Probed(now, m, rota.Load{Known: true, RIF: int(bits % 16), Latency: time.Duration(bits >> 40)})
			}
		}
		asked = asked[:0]
	}
}

// BenchmarkPrequalProbed is one answer to a probe.
func BenchmarkPrequalProbed(b *testing.B) {
	cl := rota.NewCluster(rota.ClusterParams{
		Balancer: rota.Prequal(rota.PrequalParams{}), Rand: rand.Uint64, Now: epoch, Probe: func(*rota.Node) bool { return true },
	})
	cl.Update(epoch, instances(100))
	nodes, i := cl.Nodes(), 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		cl.Probed(epoch.Add(time.Duration(i)), nodes[i*37%100], rota.Load{Known: true, RIF: i * 7 % 16, Latency: time.Duration(i%97) * ms})
	}
}
