package rota_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rota-go/rota"
)

// lookup stands for a request over the network: replica a is down.
func lookup(_ context.Context, a *rota.Attempt) (string, error) {
	if a.Instance().Addr == "a:80" {
		return "", errors.New("connection reset")
	}
	return "answer of " + a.Instance().Addr, nil
}

func ExampleDo() {
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("a:80", "b:80", "c:80"),
		Balancer: rota.RoundRobinFrom(0),
		Policy:   rota.DefaultPolicy(),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	answer, err := rota.Do(ctx, client, rota.Call{Idempotent: true}, rota.Op[string]{Send: lookup})
	fmt.Println(answer, err)
	// Output: answer of b:80 <nil>
}

func ExampleNew() {
	_, err := rota.New(rota.Config{
		Resolver: rota.StaticAddrs("a:80"),
		Policy:   rota.Policy{Retry: &rota.Retry{Attempts: -1}},
	})
	fmt.Println(err)
	// Output: rota: Retry.Attempts = -1, want 0 (the default) to 8
}

func ExampleCallError() {
	client, err := rota.New(rota.Config{Service: "users", Resolver: rota.StaticAddrs("a:80"), Policy: rota.Policy{}})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	_, err = rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{Send: lookup})
	var ce *rota.CallError
	if errors.As(err, &ce) {
		a := ce.Attempts[0]
		fmt.Println(ce.Reason)
		fmt.Println(a.Instance.Addr, a.Verdict, a.Err)
	}
	// Output:
	// no attempts are left
	// a:80 failure connection reset
}

func ExampleClient_Stats() {
	client, err := rota.New(rota.Config{
		Service: "users", Resolver: rota.StaticAddrs("a:80", "b:80"), Balancer: rota.RoundRobinFrom(0),
		Policy: rota.DefaultPolicy(),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for range 4 {
		rota.Do(context.Background(), client, rota.Call{Idempotent: true}, rota.Op[string]{Send: lookup})
	}
	s := client.Stats()
	fmt.Println("calls:", s.Calls.Succeeded, "retries:", s.Retries)
	for _, n := range s.Nodes {
		fmt.Println(n.Instance.Addr, n.Breaker, n.Attempts.Success, n.Attempts.Failure)
	}
	// Output:
	// calls: 4 retries: 2
	// a:80 closed 0 2
	// b:80 closed 4 0
}

func ExampleObserver() {
	client, err := rota.New(rota.Config{
		Resolver: rota.StaticAddrs("a:80", "b:80"), Balancer: rota.RoundRobinFrom(0), Policy: rota.DefaultPolicy(),
		Observer: rota.Observer{AttemptEnded: func(e rota.AttemptEvent) {
			fmt.Println(e.Number, e.Report.Instance.Addr, e.Report.Verdict)
		}},
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	rota.Do(context.Background(), client, rota.Call{Idempotent: true}, rota.Op[string]{Send: lookup})
	// Output:
	// 1 a:80 failure
	// 2 b:80 success
}

// picks shows which nodes a balancer chooses for a few calls, each answered before the next.
func picks(b rota.Balancer, calls int) (addrs []string) {
	now := time.Now()
	next := uint64(0)
	cl := rota.NewCluster(rota.ClusterParams{
		Balancer: b, Now: now,
		Rand: func() uint64 { next += 0x9e3779b97f4a7c15; return next },
	})
	cl.Update(now, []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}})
	for range calls {
		p := cl.Plan(now, time.Time{}, rota.Call{})
		s := p.Next(now)
		addrs = append(addrs, s.Attempt.Instance().Addr)
		p.Ended(now, s.Attempt, rota.Outcome{})
		p.Close()
	}
	return addrs
}

func ExampleRoundRobin() {
	// The first one is drawn, so that clients started together do not march in step.
	fmt.Println(len(picks(rota.RoundRobin(), 4)))
	// Output: 4
}

func ExampleRoundRobinFrom() {
	fmt.Println(picks(rota.RoundRobinFrom(1), 5))
	// Output: [b c a b c]
}

func ExamplePowerOfTwo() {
	counts := map[string]int{}
	for _, addr := range picks(rota.PowerOfTwo(2), 300) {
		counts[addr]++
	}
	fmt.Println(counts["a"] > 50, counts["b"] > 50, counts["c"] > 50)
	// Output: true true true
}

// A Plan makes a call's decisions; whoever drives it has the clock.
func ExampleCluster_Plan() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cl := rota.NewCluster(rota.ClusterParams{
		Policy:   rota.Policy{Hedge: &rota.Hedge{Delay: 10 * time.Millisecond}},
		Balancer: rota.RoundRobinFrom(0), Now: now,
	})
	cl.Update(now, []rota.Instance{{Addr: "a"}, {Addr: "b"}})

	p := cl.Plan(now, time.Time{}, rota.Call{Idempotent: true})
	first := p.Next(now)
	fmt.Println("send to", first.Attempt.Instance().Addr)
	wait := p.Next(now)
	fmt.Println("wait", wait.At.Sub(now))
	now = wait.At
	hedge := p.Next(now)
	fmt.Println("send to", hedge.Attempt.Instance().Addr)
	p.Ended(now.Add(time.Millisecond), hedge.Attempt, rota.Outcome{})
	fmt.Println("cancel", p.Next(now).Attempt.Instance().Addr)
	fmt.Println("done", p.Next(now).Kind == rota.StepDone, p.Err())
	p.Close()
	p.Ended(now.Add(2*time.Millisecond), first.Attempt, rota.Outcome{Verdict: rota.Failure})
	// Output:
	// send to a
	// wait 10ms
	// send to b
	// cancel a
	// done true <nil>
}

func ExamplePolicy_Validate() {
	fmt.Println(rota.Policy{Rate: &rota.Rate{PerSecond: 100}}.Validate())
	fmt.Println(rota.Policy{Rate: &rota.Rate{Burst: 100}}.Validate())
	// Output:
	// <nil>
	// rota: Rate.PerSecond = 0, want > 0
}

func ExampleDefaultPolicy() {
	p := rota.DefaultPolicy()
	p.Timeout = 250 * time.Millisecond
	p.Retry.Attempts = 2
	fmt.Println(p.Validate(), p.Hedge == nil)
	// Output: <nil> true
}

func ExampleStaticAddrs() {
	ctx, cancel := context.WithCancel(context.Background())
	err := rota.StaticAddrs("a:80", "b:80").Resolve(ctx, func(set []rota.Instance) {
		fmt.Println(set)
		cancel()
	})
	fmt.Println(err)
	// Output:
	// [{a:80 0 0 false false } {b:80 0 0 false false }]
	// context canceled
}

func ExampleClient_Close() {
	client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("b:80")})
	if err != nil {
		panic(err)
	}
	client.Close()
	_, err = rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{Send: lookup})
	fmt.Println(errors.Is(err, rota.ErrClosed))
	// Output: true
}

// What a transport does beside calls: it follows the set, and says what it found out about a replica.
func ExampleClient_Watch() {
	client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80", "b:80"), Policy: rota.DefaultPolicy()})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	known := make(chan []rota.Instance, 1)
	client.Watch(func(set []rota.Instance) { known <- set })
	set := <-known
	client.Go(func(ctx context.Context) { <-ctx.Done() }) // until Close, which waits for it
	client.Checked("a:80", false)
	fmt.Println(len(set), client.Stats().Nodes[0].Breaker)
	// Output: 2 open
}

// Calls that take about the same time share a Route.
func ExampleClient_Route() {
	client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80"), Policy: rota.DefaultPolicy()})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	call := rota.Call{Idempotent: true, Route: client.Route("lookup")}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	rota.Do(ctx, client, call, rota.Op[string]{Send: lookup})
	fmt.Println(client.Stats().Routes[0].Name)
	// Output: lookup
}
