package rota_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rota-go/rota"
)

// spread makes calls, one after the other, and prints who answered how many of them.
func spread(bal rota.Balancer, calls int, set ...rota.Instance) {
	client, err := rota.New(rota.Config{Service: "users", Resolver: rota.Static(set), Balancer: bal})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	send := func(context.Context, *rota.Attempt) (string, error) { return "answer", nil }
	for range calls {
		if _, err := rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{Send: send}); err != nil {
			panic(err)
		}
	}
	for _, n := range client.Stats().Nodes {
		fmt.Println(n.Instance.Addr, n.Attempts.Success)
	}
}

func ExampleRandom() {
	spread(rota.Random(), 40, rota.Instance{Addr: "a:80"})
	// Output: a:80 40
}

// One call at a time finds all replicas idle: they take turns.
func ExampleLeastLoaded() {
	spread(rota.LeastLoaded(), 40, rota.Instance{Addr: "a:80"}, rota.Instance{Addr: "b:80"})
	// Output:
	// a:80 20
	// b:80 20
}

// Before replicas report their load, their weights are those that discovery gave them.
func ExampleWeightedRoundRobin() {
	bal := rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{})
	spread(bal, 40, rota.Instance{Addr: "a:80", Weight: 1}, rota.Instance{Addr: "b:80", Weight: 3})
	// Output:
	// a:80 10
	// b:80 30
}

// A replica that fails at once is quick, and yet it is hardly called again.
func ExamplePeakEWMA() {
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("a:80", "b:80", "c:80"), // a is down: see lookup
		Balancer: rota.PeakEWMA(rota.PeakEWMAParams{FailurePenalty: time.Second}),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	failed := 0
	for range 1000 {
		if _, err := rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{Send: lookup}); err != nil {
			failed++
		}
	}
	fmt.Println("failed more than 10 of 1000 calls:", failed > 10)
	// Output: failed more than 10 of 1000 calls: false
}

// Replicas say on their replies how long one is likely to take (over HTTP, rotahttp's Gate does): the slow one is asked
// now and then whether it still is.
func ExampleEcho() {
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("a:80", "b:80", "c:80"), // a is slow
		Balancer: rota.Echo(rota.EchoParams{}),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	slow := 0
	op := rota.Op[string]{
		Send: func(_ context.Context, a *rota.Attempt) (string, error) { return a.Instance().Addr, nil },
		Classify: func(from string, _ error) rota.Outcome {
			load := rota.Load{Known: true, RIF: 1, Latency: 5 * time.Millisecond}
			if from == "a:80" {
				load.Latency = 50 * time.Millisecond
				slow++
			}
			return rota.Outcome{Load: load}
		},
	}
	for range 1000 {
		if _, err := rota.Do(context.Background(), client, rota.Call{}, op); err != nil {
			panic(err)
		}
	}
	fmt.Println("the slow one had more than 20 of 1000 calls:", slow > 20)
	// Output: the slow one had more than 20 of 1000 calls: false
}
