package rotatest_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// A client meets a replica that cuts its replies, and one that is down.
func Example() {
	handler := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", rotatest.Addr(r)) }
	replicas := rotatest.Start(3, http.HandlerFunc(handler)) // in a test: rotatest.New(t, 3, …)
	defer replicas.Close()

	client, err := rota.New(rota.Config{
		Resolver: replicas.Resolver(),
		Policy:   rota.DefaultPolicy(),
		Balancer: rota.RoundRobinFrom(0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	who := rotahttp.JSON[string, string](client, http.MethodGet, "/who")
	who.HTTP = replicas.Transport()

	replicas.Replica(0).Set(rotatest.Cut())
	replicas.Replica(1).Set(rotatest.Refuse())
	fmt.Println(who.Call(context.Background(), "you"))
	for i := range replicas.Len() {
		fmt.Println(replicas.Replica(i).Addr(), "was asked", replicas.Replica(i).Calls())
	}
	// Output:
	// replica-2:80 <nil>
	// replica-0:80 was asked 1
	// replica-1:80 was asked 0
	// replica-2:80 was asked 1
}
