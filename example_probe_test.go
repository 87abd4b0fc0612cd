package rota_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rota-go/rota"
)

// A transport makes the probes that the client's balancer asks for. Of two replicas, the one that is asked says that it is
// going away.
func ExampleClient_ProbeWith() {
	client, err := rota.New(rota.Config{
		Resolver: rota.StaticAddrs("a:80", "b:80"), Balancer: rota.Prequal(rota.PrequalParams{}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	wanted := make(chan *rota.Node, 16)
	client.ProbeWith(func(n *rota.Node) bool {
		select {
		case wanted <- n:
			return true
		default:
			return false
		}
	})
	where := rota.Op[string]{Send: func(_ context.Context, a *rota.Attempt) (string, error) { return a.Instance().Addr, nil }}
	if _, err := rota.Do(context.Background(), client, rota.Call{}, where); err != nil {
		log.Fatal(err)
	}

	n := <-wanted
	client.Probed(n, rota.Load{Known: true, RIF: 3})
	client.Draining(n)
	for range 20 {
		addr, err := rota.Do(context.Background(), client, rota.Call{}, where)
		if err != nil || addr == n.Instance().Addr {
			fmt.Println("a call went to the one that drains", err)
		}
	}
	fmt.Println("calls go elsewhere")
	// Output: calls go elsewhere
}
