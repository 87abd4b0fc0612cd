package sim_test

import (
	"context"
	"fmt"

	"github.com/rota-go/rota/sim"
)

func ExampleParse() {
	e, err := sim.Parse([]byte(`{
		"name": "users",
		"measure": "10s",
		"services": [{"name": "users", "replicas": 4, "server": {"work": "10ms"}}],
		"clients": [{"rate": 100}],
		"policy": {"timeout": "1s", "retry": {}},
		"policies": ["rr", {"name": "bare", "policy": {"retry": "off"}}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := sim.Run(context.Background(), e, sim.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range r.Runs {
		fmt.Printf("%s: %g errors, %g attempts per call\n", row.Policy, row.Errors, row.AttemptsPerCall)
	}
	// Output:
	// rr: 0 errors, 1 attempts per call
	// bare: 0 errors, 1 attempts per call
}

func ExampleParse_error() {
	_, err := sim.Parse([]byte(`{
		"name": "users",
		"services": [{"name": "users", "replicas": -1}],
		"clients": [{"service": "usres"}],
		"policies": ["rr"]
	}`))
	fmt.Println(err)
	// Output:
	// line 3: services[0].replicas: -1, want 1 to 1000000
	// line 4: clients[0].service: "usres": unknown service, did you mean users?
}
