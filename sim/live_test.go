package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// turns is a balancer that draws nothing.
func turns() rota.Balancer {
	next := 0
	return func(nodes []*rota.Node) rota.Picker { return &turnsPicker{nodes, &next} }
}

type turnsPicker struct {
	nodes []*rota.Node
	next  *int
}

func (p *turnsPicker) Pick(k *rota.Pick) *rota.Node {
	for range p.nodes {
		n := p.nodes[*p.next%len(p.nodes)]
		if *p.next++; k.Usable(n) {
			return n
		}
	}
	return nil
}

// diary writes down what an observer is told, in tenths of a millisecond: pauses may differ by nanoseconds.
type diary struct {
	mu      sync.Mutex
	now     func() time.Duration
	entries []string
}

func (d *diary) observer() rota.Observer {
	add := func(format string, args ...any) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.entries = append(d.entries, fmt.Sprintf("%6.1f: ", float64(d.now())/millisecond)+fmt.Sprintf(format, args...))
	}
	return rota.Observer{
		AttemptEnded: func(e rota.AttemptEvent) {
			add("attempt %d at %s, hedge %v: %v after %.1f, timed out %v", e.Number, e.Report.Instance.Addr, e.Hedge, e.Report.Verdict,
				float64(e.Report.Took)/millisecond, e.Report.TimedOut)
		},
		CallEnded: func(e rota.CallEvent) {
			var why *rota.CallError
			reason := "none"
			if errors.As(e.Err, &why) {
				reason = why.Reason.Error()
			}
			add("call of %d attempts ends after %.1f, error %s", e.Attempts, float64(e.Took)/millisecond, reason)
		},
		BreakerChanged: func(e rota.BreakerEvent) { add("breaker of %s is open: %v", e.Instance.Addr, e.Open) },
	}
}

// sorted returns the diary; what happens at the same time has no order.
func (d *diary) sorted() []string {
	slices.Sort(d.entries)
	return d.entries
}

// scripts are policies, and the deadline of the calls that are made with them.
var scripts = []struct {
	name   string
	policy rota.Policy
	within time.Duration
	once   bool
}{
	{"no retries", rota.Policy{}, 50 * time.Millisecond, false},
	{"retries", rota.Policy{Retry: &rota.Retry{Attempts: 3, Base: 1}}, 100 * time.Millisecond, false},
	{"retries with a time for each", rota.Policy{Retry: &rota.Retry{Attempts: 4, TryTimeout: 10 * time.Millisecond, Base: 1}}, time.Second, false},
	{"hedges", rota.Policy{Hedge: &rota.Hedge{Delay: 7 * time.Millisecond}}, 40 * time.Millisecond, false},
	{"everything", rota.Policy{
		Timeout: 80 * time.Millisecond, Retry: &rota.Retry{Attempts: 4, TryTimeout: 25 * time.Millisecond, Base: 1},
		Hedge: &rota.Hedge{Delay: 4 * time.Millisecond}, Breaker: &rota.Breaker{Failures: 3, MaxEjected: 1},
	}, time.Second, false},
	{"not to be repeated", rota.Policy{Retry: &rota.Retry{}}, 50 * time.Millisecond, true},
	{"a budget that ends", rota.Policy{Retry: &rota.Retry{Base: 1}, Budget: rota.Budget{Ratio: 0.01, MinPerSecond: 1}}, 50 * time.Millisecond, false},
}

const (
	scriptCalls = 40
	scriptPause = 150 * time.Millisecond // between calls
)

// TestCallsBehaveAsLive makes the same calls with rota.Do and in the simulator: to a replica that fails after 5 ms, one that
// never answers, one that takes 30 ms, and one that takes 3 ms.
func TestCallsBehaveAsLive(t *testing.T) {
	for _, script := range scripts {
		t.Run(script.name, func(t *testing.T) {
			script.policy.SlowStart = -1
			if script.policy.Budget == (rota.Budget{}) {
				script.policy.Budget = rota.Budget{Ratio: 1, MinPerSecond: 1000}
			}
			var live []string
			synctest.Test(t, func(t *testing.T) { live = playLive(t, script.policy, script.within, script.once) })
			simulated := playSimulated(t, script.policy, script.within, script.once)
			if !slices.Equal(live, simulated) {
				for i := range max(len(live), len(simulated)) {
					if i >= len(live) || i >= len(simulated) || live[i] != simulated[i] {
						t.Fatalf("live and simulated differ from entry %d on:\n%s\n\n%s", i,
							strings.Join(live[i:min(i+5, len(live))], "\n"), strings.Join(simulated[i:min(i+5, len(simulated))], "\n"))
					}
				}
			}
			if len(live) < 2*scriptCalls {
				t.Errorf("%d entries only", len(live))
			}
		})
	}
}

func playLive(t *testing.T, p rota.Policy, within time.Duration, once bool) []string {
	start := time.Now()
	d := &diary{now: func() time.Duration { return time.Since(start) }}
	c, err := rota.New(rota.Config{Service: "s", Resolver: rota.StaticAddrs("s-0", "s-1", "s-2", "s-3"), Policy: p, Balancer: turns(), Observer: d.observer()})
	if err != nil {
		t.Fatal(err)
	}
	op := rota.Op[struct{}]{Send: func(ctx context.Context, a *rota.Attempt) (none struct{}, err error) {
		var takes time.Duration
		switch a.Instance().Addr {
		case "s-0":
			takes, err = 5*time.Millisecond, errFault
		case "s-1":
			takes = time.Hour
		case "s-2":
			takes = 30 * time.Millisecond
		case "s-3":
			takes = 3 * time.Millisecond
		}
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
			return none, err
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}}
	var wg sync.WaitGroup
	for i := range scriptCalls {
		timer := time.NewTimer(time.Until(start.Add(time.Duration(i+1) * scriptPause)))
		<-timer.C
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			rota.Do(ctx, c, rota.Call{Idempotent: !once}, op)
		})
	}
	wg.Wait()
	c.Close()
	return d.sorted()
}

func playSimulated(t *testing.T, p rota.Policy, within time.Duration, once bool) []string {
	e := fleet(4,
		Fault{Kind: "errors", After: 5 * time.Millisecond, Replicas: []int{0}}, Fault{Kind: "blackhole", Replicas: []int{1}})
	e.Services[0].Groups = []Group{{Count: 3, Work: 30}, {Count: 1, Work: 3}}
	e.Clients[0] = Client{Rate: 1e-9}
	e.Policies[0] = Variant{Name: "p", Policy: config.Policy{Policy: p}, NewBalancer: turns}
	w, on := lived(t, e, 0)
	d := &diary{now: func() time.Duration { return w.now }}
	c := w.newCaller("caller", w.services[0], &calling{policy: &e.Policies[0].Policy})
	c.once = once
	c.cluster = rota.NewCluster(rota.ClusterParams{
		Service: "s", Policy: p, Balancer: turns(), Now: epoch, Rand: w.rand.Uint64, Observer: d.observer(),
	})
	c.update()
	for i := range scriptCalls {
		on(time.Duration(i+1) * scriptPause)
		c.begin(w.now+within, uint64(i), nil, nil)
	}
	on(w.now + time.Minute)
	return d.sorted()
}
