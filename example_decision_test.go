package rota_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/rota-go/rota"
)

// A Recorder keeps why the last calls went where they did; a program may have another Observer beside it.
func ExampleRecorder() {
	rec := rota.NewRecorder(rota.RecorderParams{Size: 100, PerSecond: 1000})
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("10.0.0.1:8080", "10.0.0.2:8080"),
		Balancer: rota.RoundRobin(),
		Policy:   rota.Policy{Retry: &rota.Retry{}},
		Observer: rota.Observers(rec.Observer(), rota.Observer{
			CallEnded: func(e rota.CallEvent) { fmt.Println("ended after", e.Attempts, "attempts") },
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	dead := ""
	_, err = rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{
		Send: func(_ context.Context, a *rota.Attempt) (string, error) {
			if a.Number() == 1 {
				dead = a.Instance().Addr
				return "", errors.New("connection refused")
			}
			return "ok", nil
		},
		Classify: func(_ string, err error) rota.Outcome {
			if err != nil {
				return rota.Outcome{Verdict: rota.Failure, Unsent: true, Err: err}
			}
			return rota.Outcome{}
		},
	})
	list, _, _ := rec.Since(0)
	for _, d := range list {
		for _, t := range d.Tries {
			fmt.Println(t.Cause, t.Verdict, t.Err, "to the dead one:", t.Instance.Addr == dead)
		}
		for _, c := range d.Tries[1].Looked {
			if c.Addr == dead {
				fmt.Println("passed over:", c.Passed)
			}
		}
	}
	fmt.Println(err)
	// Output:
	// ended after 2 attempts
	// first failure connection refused to the dead one: true
	// retry success <nil> to the dead one: false
	// passed over: tried already
	// <nil>
}
