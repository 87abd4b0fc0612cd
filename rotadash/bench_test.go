package rotadash_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotadash"
)

// BenchmarkCall is a call without the network, with the page and without: 10 replicas, breaker and retries armed. The page
// samples as it does by default.
func BenchmarkCall(b *testing.B) {
	for _, page := range []bool{false, true} {
		b.Run(fmt.Sprintf("page=%v", page), func(b *testing.B) {
			cfg := rota.Config{Service: "users", Balancer: rota.RoundRobin(), Policy: rota.Policy{Retry: &rota.Retry{TryTimeout: -1}, Breaker: &rota.Breaker{}}}
			if page {
				d, o, end := benchDash(b)
				defer end()
				_ = d
				cfg.Observer = o
			}
			var set rota.Static
			for i := range 10 {
				set = append(set, rota.Instance{Addr: fmt.Sprintf("http://10.0.0.%d:8080", i)})
			}
			cfg.Resolver = set
			c, err := rota.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 0, nil }}
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rota.Do(ctx, c, rota.Call{Idempotent: true}, op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkObserver is what a call of one attempt pays for the page, sampled decisions left out.
func BenchmarkObserver(b *testing.B) {
	d, o, end := benchDash(b)
	defer end()
	_ = d
	e := rota.AttemptEvent{Service: "users", Report: rota.Report{Instance: rota.Instance{Addr: "http://10.0.0.2:8080"}, Took: time.Millisecond}}
	now := time.Now()
	o.Traced(now)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			o.Traced(now)
			o.AttemptEnded(e)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				o.Traced(now)
				o.AttemptEnded(e)
			}
		})
	})
}

func benchDash(tb testing.TB) (*rotadash.Dash, rota.Observer, func()) {
	stats := rota.Stats{Service: "users"}
	for i := range 10 {
		stats.Nodes = append(stats.Nodes, rota.NodeStats{Instance: rota.Instance{Addr: fmt.Sprintf("http://10.0.0.%d:8080", i)}})
	}
	sampled := make(chan struct{}, 1)
	d, err := rotadash.New(rotadash.Params{Services: []rotadash.Service{{Name: "users", Source: sourceFunc(func() rota.Stats {
		select {
		case sampled <- struct{}{}:
		default:
		}
		return stats
	})}}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	<-sampled
	<-sampled // the first has been taken, and its replicas are known
	return d, d.Observer(), func() {
		cancel()
		<-ended
	}
}
