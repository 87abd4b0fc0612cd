package rota_test

import (
	"fmt"
	"time"

	"github.com/rota-go/rota"
)

// shared is a service of three replicas, of which b has much in flight that others sent.
func shared(b rota.Balancer) *rota.Cluster {
	cl := rota.NewCluster(rota.ClusterParams{
		Service: "users", Balancer: b, Now: epoch, Rand: func() uint64 { return 1 << 63 },
		Probe: func(*rota.Node) bool { return true }, // whoever makes probes tells Cluster.Probed what came of them
	})
	cl.Update(epoch, []rota.Instance{{Addr: "a:80"}, {Addr: "b:80"}, {Addr: "c:80"}, {Addr: "d:80"}, {Addr: "e:80"}, {Addr: "f:80"}})
	loads := []rota.Load{
		{Known: true, RIF: 3, Latency: 40 * time.Millisecond},
		{Known: true, RIF: 30, Latency: 10 * time.Millisecond},
		{Known: true, RIF: 3, Latency: 20 * time.Millisecond},
	}
	for i, l := range loads {
		cl.Probed(epoch, cl.Nodes()[i], l)
	}
	return cl
}

// goes tells where a call goes.
func goes(cl *rota.Cluster) string {
	p := cl.Plan(epoch, time.Time{}, rota.Call{})
	return p.Next(epoch).Attempt.Instance().Addr
}

func ExamplePrequal() {
	// b is hot, and c the quickest of the others.
	fmt.Println(goes(shared(rota.Prequal(rota.PrequalParams{}))))
	// Output: c:80
}

func ExampleC3() {
	// b answers quickly, but thirty times in flight weigh 31*31*31.
	fmt.Println(goes(shared(rota.C3(rota.C3Params{}))))
	// Output: c:80
}

func ExampleLinear() {
	// Without a weight for what is in flight, latency decides: b.
	fmt.Println(goes(shared(rota.Linear(rota.LinearParams{Lambda: -1}))))
	fmt.Println(goes(shared(rota.Linear(rota.LinearParams{Lambda: 0.5}))))
	// Output:
	// b:80
	// c:80
}

func ExampleYARP() {
	cl := shared(rota.YARP(rota.YARPParams{Interval: time.Second}))
	fmt.Println(cl.Tick(epoch)) // the first tick asks for a poll of all; each of the next for a tenth
	// Output: 100ms
}
