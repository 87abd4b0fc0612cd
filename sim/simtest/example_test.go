package simtest_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/sim"
	"github.com/rota-go/rota/sim/simtest"
)

// What a team asserts of its own policy: one replica of ten hangs for ten seconds.
func Example() {
	_ = func(t *testing.T) { // TestPolicy
		r := simtest.Run(t, simtest.Fleet{
			Replicas: 10, Clients: 20, Load: 0.8,
			Policy:   rota.Policy{Retry: &rota.Retry{TryTimeout: 200 * time.Millisecond}, Breaker: &rota.Breaker{}},
			Balancer: func() rota.Balancer { return rota.PowerOfTwo(2) },
			Faults:   []sim.Fault{{At: 5 * time.Second, For: 10 * time.Second, Kind: "blackhole"}},
		})
		r.P99(300 * time.Millisecond)
		r.AtMost("error_share", 0.001)
		r.AtMost("attempts_per_call", 1.1)
		r.AtMost("imbalance", 1.2)
		r.Recovers(2 * time.Second)
	}
}
