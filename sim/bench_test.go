package sim_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota/sim"
)

// BenchmarkCalls simulates the fleet of experiment e2 at 90 % load: 100 clients and 100 replicas, a second of which is 7,950
// calls.
func BenchmarkCalls(b *testing.B) {
	for _, policy := range []string{"random", "prequal"} {
		b.Run(policy, func(b *testing.B) {
			e, err := sim.Parse([]byte(`{"name": "e2", "warmup": "0s", "measure": "10s", "loads": [0.9],
				"services": [{"name": "backend", "replicas": 100, "groups": [{"share": 0.5, "work": 2}], "server": {
					"cores": 6.44, "work": {"normal": {"mean": "50.5ms", "sd": "50.5ms"}},
					"capacity": {"strata": [[0.18, 0.80, 0.90], [0.55, 1.15, 1.30], [0.27, 2, 6]], "dwell": "180s"}}}],
				"clients": [{"count": 100}], "policies": ["` + policy + `"]}`))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			calls, start := 0.0, time.Now()
			for b.Loop() {
				r, err := sim.Run(b.Context(), e, sim.Options{Procs: 1})
				if err != nil {
					b.Fatal(err)
				}
				calls += r.Runs[0].Calls
			}
			b.ReportMetric(calls/time.Since(start).Seconds(), "calls/s")
		})
	}
}
