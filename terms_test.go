package rota_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// Terms replace the policy's Timeout, Retry and Hedge, also after the policy has changed, and nothing else.
func TestTermsReplaceTimeRetryAndHedge(t *testing.T) {
	policy := rota.Policy{Timeout: time.Second, Retry: &rota.Retry{Attempts: 3, TryTimeout: -1}, Breaker: &rota.Breaker{Failures: 2}}
	w := newWorld(1, policy, 4, rota.RoundRobin())
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		return ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	}
	terms, err := rota.NewTerms(rota.Policy{Timeout: 50 * ms})
	if err != nil {
		t.Fatal(err)
	}
	if d := decide(t, w, rota.Call{Idempotent: true}); len(d.Tries) != 3 || d.Deadline != time.Second {
		t.Errorf("without Terms: %d tries in %v, want 3 in 1s", len(d.Tries), d.Deadline)
	}
	for range 2 {
		if d := decide(t, w, rota.Call{Idempotent: true, Terms: terms}); len(d.Tries) != 1 || d.Deadline != 50*ms {
			t.Errorf("with Terms: %d tries in %v, want 1 in 50ms", len(d.Tries), d.Deadline)
		}
		policy.Retry.Attempts = 2
		w.cl.Apply(w.now, policy, nil)
	}
	out := 0
	for range 20 {
		decide(t, w, rota.Call{Terms: terms})
	}
	for _, n := range w.cl.Stats(w.now).Nodes {
		if n.Breaker != "closed" {
			out++
		}
	}
	if out == 0 {
		t.Error("no breaker counted calls with Terms")
	}
}

func ExampleNewTerms() {
	slow, err := rota.NewTerms(rota.Policy{Timeout: 5 * time.Second, Retry: &rota.Retry{Attempts: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := rota.Call{Idempotent: true, Terms: slow} // for Do
	fmt.Println(call.Terms == slow)
	_, err = rota.NewTerms(rota.Policy{Timeout: -1})
	fmt.Println(err)
	// Output:
	// true
	// rota: Timeout = -1ns, want >= 0
}
