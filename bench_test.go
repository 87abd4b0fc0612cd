package rota_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// benchPolicy arms everything that the happy path passes: breaker, rate limit, retries, deadline.
func benchPolicy() rota.Policy {
	return rota.Policy{
		Timeout: time.Second,
		Retry:   &rota.Retry{TryTimeout: -1},
		Breaker: &rota.Breaker{},
		Rate:    &rota.Rate{PerSecond: 1e7, Burst: 1e6},
	}
}

func instances(n int) []rota.Instance {
	set := make([]rota.Instance, n)
	for i := range set {
		set[i].Addr = fmt.Sprintf("10.%d.%d.%d:80", i>>16, i>>8&255, i&255)
	}
	return set
}

var benchBalancers = []struct {
	name string
	make func() rota.Balancer
}{
	{"rr", rota.RoundRobin},
	{"p2c", func() rota.Balancer { return rota.PowerOfTwo(0) }},
	{"echo", func() rota.Balancer { return rota.Echo(rota.EchoParams{}) }},
}

// BenchmarkCore is a call as Do drives it, clock included, without the network.
func BenchmarkCore(b *testing.B) {
	for _, bal := range benchBalancers {
		for _, n := range []int{3, 100, 10000} {
			b.Run(fmt.Sprintf("%s/nodes=%d", bal.name, n), func(b *testing.B) {
				cl := benchCluster(n, bal.make())
				b.ReportAllocs()
				for b.Loop() {
					coreCall(cl)
				}
			})
		}
	}
}

// bench is a cluster and the clock that Do has.
type bench struct {
	*rota.Cluster
	epoch time.Time
}

func (b bench) now() time.Time { return b.epoch.Add(time.Since(b.epoch)) }

func benchCluster(n int, bal rota.Balancer) bench { return benchClusterOf(benchPolicy(), n, bal) }

func benchClusterOf(policy rota.Policy, n int, bal rota.Balancer) bench {
	now := time.Now()
	cl := rota.NewCluster(rota.ClusterParams{
		Service: "bench", Policy: policy, Balancer: bal, Now: now, Rand: rand.Uint64, Concurrent: true,
	})
	cl.Update(now, instances(n))
	return bench{cl, now}
}

func coreCall(b bench) {
	now := b.now()
	p := b.Plan(now, now.Add(time.Second), rota.Call{Idempotent: true})
	s := p.Next(now)
	now = b.now()
	if s.Kind == rota.StepWait { // another processor was here with a later time
		s = p.Next(now)
	}
	p.Ended(now, s.Attempt, rota.Outcome{})
	if s = p.Next(now); s.Kind != rota.StepDone || p.Err() != nil {
		panic("the call did not succeed")
	}
	p.Close()
}

// BenchmarkCoreParallel shows what two cores make of it, beside a control that shares nothing.
func BenchmarkCoreParallel(b *testing.B) {
	for _, n := range []int{3, 100} {
		for _, goroutines := range []int{1, 2} {
			for _, shared := range []bool{true, false} {
				name := fmt.Sprintf("nodes=%d/goroutines=%d/shared=%t", n, goroutines, shared)
				b.Run(name, func(b *testing.B) { parallelCalls(b, n, goroutines, shared) })
			}
		}
	}
}

func parallelCalls(b *testing.B, n, goroutines int, shared bool) {
	clusters := make([]bench, goroutines)
	for i := range clusters {
		if clusters[i] = benchCluster(n, rota.RoundRobin()); shared {
			clusters[i] = clusters[0]
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range b.N / goroutines {
				coreCall(clusters[g])
			}
		})
	}
	wg.Wait()
}

// BenchmarkDo is Do with a Send that returns at once.
func BenchmarkDo(b *testing.B) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	split := benchPolicy()
	split.Retry = &rota.Retry{}
	hedge := split
	hedge.Hedge = &rota.Hedge{}
	own := benchPolicy()
	own.Timeout = 0
	for _, c := range []struct {
		name   string
		ctx    context.Context
		policy rota.Policy
	}{
		{"deadline=caller", ctx, own},
		{"deadline=made", context.Background(), benchPolicy()},
		{"deadline=made/try=derived", context.Background(), split},
		{"deadline=made/try=derived/hedge", context.Background(), hedge},
	} {
		b.Run(c.name, func(b *testing.B) {
			client, err := rota.New(rota.Config{Service: "bench", Resolver: rota.Static(instances(3)), Policy: c.policy})
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 1, nil }}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rota.Do(c.ctx, client, rota.Call{Idempotent: true}, op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
