package rota_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/rota-go/rota"
)

// A service refuses everything. Soon most calls are not even sent.
func ExampleThrottle() {
	sent := 0
	refuse := rota.Op[string]{
		Send: func(context.Context, *rota.Attempt) (string, error) {
			sent++
			return "", errors.New("503")
		},
		Classify: func(_ string, err error) rota.Outcome { return rota.Outcome{Verdict: rota.Overload, Err: err} },
	}
	client, err := rota.New(rota.Config{
		Service: "users", Resolver: rota.StaticAddrs("a:80"), Policy: rota.Policy{Throttle: &rota.Throttle{}},
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	throttled := 0
	for range 10_000_000 {
		_, err = rota.Do(context.Background(), client, rota.Call{}, refuse)
		if errors.Is(err, rota.ErrThrottled) {
			throttled++
		}
		if throttled == 1000 {
			break
		}
	}
	fmt.Println(throttled, "calls were not sent, and counted:", client.Stats().Calls.Throttled)
	fmt.Println("of the rest, the service saw all:", client.Stats().Calls.Overloaded == uint64(sent))
	// Output:
	// 1000 calls were not sent, and counted: 1000
	// of the rest, the service saw all: true
}

// What a caller does with a call that was not sent: what it does when the service is overloaded, for it is.
func ExampleErrThrottled() {
	err := error(&rota.CallError{Service: "users", Reason: rota.ErrThrottled})
	if errors.Is(err, rota.ErrThrottled) {
		fmt.Println("no answer from users for now:", err)
	}
	// Output: no answer from users for now: rota: users: too many calls were turned down lately
}

// Two clients whose calls end at the same service: together they make one retry for ten calls.
func ExampleNewSharedBudget() {
	shared := rota.NewSharedBudget(rota.Budget{Ratio: 0.1})
	var clients []*rota.Client
	for _, name := range []string{"reads", "writes"} {
		c, err := rota.New(rota.Config{
			Service: name, Resolver: rota.StaticAddrs("a:80", "b:80"), Policy: rota.DefaultPolicy(), SharedBudget: shared,
		})
		if err != nil {
			panic(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	fmt.Println(clients[0].Stats().BudgetLeft, clients[1].Stats().BudgetLeft)
	// Output: 10 10
}
