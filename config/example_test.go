package config_test

import (
	"fmt"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

func ExampleParseJSON() {
	policy, err := config.ParseJSON([]byte(`{
		"timeout": "2s",
		"balancer": {"name": "p2c", "choices": 3},
		"retry": {"attempts": 2},
		"breaker": {}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("10.0.0.1:80", "10.0.0.2:80"),
		Policy:   policy.Policy,
		Balancer: policy.NewBalancer(), // for this client, and no other
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(policy.Timeout, policy.Retry.Attempts, policy.Balancer.Name)
	// Output: 2s 2 p2c
}

func ExampleParseJSON_error() {
	_, err := config.ParseJSON([]byte(`{
		"timeout": 2,
		"retry": {
			"atempts": 2
		}
	}`))
	fmt.Println(err)
	// Output:
	// line 2: timeout: 2 has no unit, want a duration such as "1.5s" or "20ms"
	// line 4: retry.atempts: unknown key, did you mean attempts?
}
