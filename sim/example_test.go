package sim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/sim"
)

// One seed of one policy, of an experiment that has more of both.
func ExampleRun() {
	e, err := sim.Parse([]byte(`{
		"name": "crash",
		"seeds": 5,
		"measure": "10s",
		"services": [{"name": "users", "replicas": 4, "server": {"work": "10ms"}}],
		"clients": [{"rate": 100}],
		"faults": [{"at": "3s", "for": "4s", "kind": "down"}],
		"policies": [{"name": "retries", "policy": {"retry": {}, "breaker": {}}}, {"name": "none"}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"retries", "none"} {
		r, err := sim.Run(context.Background(), e, sim.Options{Policies: []string{name}, Seeds: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: errors: %v\n", name, r.Runs[0].Errors > 0)
	}
	_, err = sim.Run(context.Background(), e, sim.Options{Policies: []string{"nnoe"}})
	fmt.Println(err)
	// Output:
	// retries: errors: false
	// none: errors: true
	// sim: Options.Policies: crash has no policy "nnoe"
}

// An experiment that is written in Go may have a balancer of one's own.
func ExampleExperiment() {
	work := 10 * time.Millisecond
	e := &sim.Experiment{
		Name:     "mine",
		Measure:  10 * time.Second,
		Services: []sim.Service{{Name: "users", Replicas: 10, Server: sim.Server{Work: &sim.Dist{Exp: &work}}}},
		Clients:  []sim.Client{{Count: 5}},
		Loads:    []float64{0.8},
		Policies: []sim.Variant{
			{Name: "random", Policy: config.Policy{Balancer: config.Balancer{Name: "random"}}},
			{Name: "best of five", NewBalancer: func() rota.Balancer { return rota.PowerOfTwo(5) }},
		},
	}
	r, err := sim.Run(context.Background(), e, sim.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	random, five := r.Runs[0].Latency.P99, r.Runs[1].Latency.P99
	fmt.Println("p99 is less than half of random's:", five < random/2)
	// Output:
	// p99 is less than half of random's: true
}
