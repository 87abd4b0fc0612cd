package sim_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/rota-go/rota/sim"
)

// busy is an experiment in which about everything happens.
const busy = `{
	"name": "busy", "seeds": 2, "warmup": "200ms", "steps": [["a", "200ms", 0.7], ["b", "200ms", 1.1]], "network": {"loss": 0.01},
	"services": [
		{"name": "front", "replicas": 8, "zones": ["a", "b"], "calls": [{"service": "back", "count": 2}],
			"server": {"workers": 8, "cores": 2, "work": {"lognormal": {"p50": "3ms", "sigma": 1}}, "limit": {"max": 20}, "drop_late": true,
				"capacity": {"strata": [[0.5, 0.5, 1], [0.5, 1, 2]], "dwell": "1s"}, "probe_work": "10us"}},
		{"name": "back", "replicas": 6, "server": {"cores": 4, "work": {"normal": {"mean": "2ms", "sd": "2ms"}}, "per_attempt": {"exp": "1ms"}, "zombie": true}}
	],
	"clients": [{"count": 7, "skew": 0.5, "share": 0.8, "timeout": "300ms", "keys": 100, "key_skew": 1.1}, {"zone": "a", "fanout": 2, "arrivals": "even"}],
	"faults": [{"at": "20ms", "for": "40ms", "every": "40ms", "kind": "restart", "cold": 3, "cold_for": "100ms", "drain": "50ms"},
		{"at": "100ms", "for": "50ms", "kind": "pause"}, {"at": "200ms", "for": "100ms", "service": "back", "share": 0.5, "kind": "errors", "rate": 0.5}],
	"policy": {"retry": {"try_timeout": "100ms"}, "hedge": {}, "breaker": {}, "throttle": {}, "zone": {}},
	"policies": ["random", "rr", "wrr", "ll", "p2c", "peak-ewma", "yarp", "linear", "c3", "prequal", "echo", "rendezvous", "ring", "maglev",
		{"name": "few", "policy": {"subset": {"size": 3}}}]
}`

// TestTheSameSeedGivesTheSameBytes runs an experiment with much and little concurrency, and with a collector that takes
// pools away all the time.
func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	bytesOf := func(doc string, o sim.Options) []byte {
		r, err := sim.Run(t.Context(), parsed(t, doc), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	busy := busy
	if sim.Racing {
		busy = strings.Replace(busy, `"seeds": 2`, `"seeds": 1`, 1)
		busy = strings.Replace(busy, `"random", "rr", "wrr", "ll", "p2c", "peak-ewma", "yarp", "linear",`, "", 1)
	}
	want := bytesOf(busy, sim.Options{})
	if got := bytesOf(busy, sim.Options{Procs: 1}); !bytes.Equal(got, want) {
		t.Error("one run at a time gives other results")
	}
	if got := bytesOf(busy, sim.Options{Seed: 2}); bytes.Equal(got, want) {
		t.Error("another seed gives the same results")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(30))
	if got := bytesOf(busy, sim.Options{Procs: 5}); !bytes.Equal(got, want) {
		t.Error("one processor and a busy collector give other results")
	}
}

func TestResultsAreMediansOverTheSeeds(t *testing.T) {
	const doc = `{"name": "m", "seed": 5, "measure": "5s", "services": [{"name": "s", "replicas": 3, "server": {"work": {"exp": "10ms"}}}],
		"clients": [{}], "loads": [0.8], "policies": ["random"]}`
	e := parsed(t, doc)
	of := func(seed uint64, seeds int) sim.Row {
		r, err := sim.Run(t.Context(), e, sim.Options{Seed: seed, Seeds: seeds})
		if err != nil {
			t.Fatal(err)
		}
		return r.Runs[0]
	}
	three := of(5, 3)
	for _, name := range []string{"latency_ms.p99", "rif.mean", "calls", "services.s.utilization", "imbalance"} {
		var each []float64
		for seed := range uint64(3) {
			one := of(5+seed, 1)
			v, _ := one.Metric(name)
			each = append(each, v)
		}
		got, _ := three.Metric(name)
		low, high := min(each[0], each[1], each[2]), max(each[0], each[1], each[2])
		if want := each[0] + each[1] + each[2] - low - high; got < want*(1-1e-5) || got > want*(1+1e-5) {
			t.Errorf("%s of three seeds = %v, want the middle of %v", name, got, each)
		}
	}
	if three.Spread == nil || three.Spread[0] > three.Latency.P99 || three.Spread[1] < three.Latency.P99 {
		t.Errorf("p99 = %v is not in %v", three.Latency.P99, three.Spread)
	}
}
