package rotaprom_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
	"github.com/rota-go/rota/rotaprom"
)

func ExampleNewCollector() {
	replicas := rotatest.Start(2, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `"hello"`) }))
	defer replicas.Close()
	client, err := rota.New(rota.Config{
		Service: "greeter", Resolver: replicas.Resolver(), Policy: rota.DefaultPolicy(), Balancer: rota.RoundRobinFrom(0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(rotaprom.NewCollector(client))
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	replicas.Replica(0).Set(rotatest.Status(http.StatusBadGateway))
	greet := rotahttp.JSON[string, string](client, http.MethodGet, "/")
	greet.HTTP = replicas.Transport()
	fmt.Println(greet.Call(context.Background(), "ann"))

	scrape := httptest.NewRecorder()
	metrics.ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(scrape.Body.String()) {
		if strings.HasPrefix(line, "rota_client_attempts_total") && !strings.HasSuffix(line, " 0\n") {
			fmt.Print(line)
		}
	}
	// Output:
	// hello <nil>
	// rota_client_attempts_total{replica="replica-0:80",service="greeter",verdict="failure"} 1
	// rota_client_attempts_total{replica="replica-1:80",service="greeter",verdict="success"} 1
}
