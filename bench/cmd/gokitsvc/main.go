// Command gokitsvc is the string service as go-kit's stringsvc3 tutorial builds it: what rota's stringsvc is compared with.
package main

import (
	"context"
	"flag"
	"net/http"
	"os"

	kitprometheus "github.com/go-kit/kit/metrics/prometheus"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota/bench/gokit"
)

func main() {
	var (
		listen = flag.String("listen", ":8080", "`address` to listen on")
		proxy  = flag.String("proxy", "", "comma-separated `replicas` that Uppercase goes to; empty: be a plain replica")
		open   = flag.Bool("open-limiter", false, "let every call pass the limiter (the tutorial's passes one a second)")
		tuned  = flag.Bool("tuned", false, "256 idle connections a replica and no log, instead of the tutorial's client and log")
	)
	flag.Parse()

	var logger log.Logger = log.NewLogfmtLogger(os.Stderr)
	logger = log.With(logger, "listen", *listen, "caller", log.DefaultCaller)

	var client *http.Client
	if *tuned {
		client = tunedClient()
	}
	var svc gokit.Service = gokit.Local{}
	svc = gokit.Proxying(context.Background(), gokit.ProxyParams{
		Instances:   *proxy,
		OpenLimiter: *open,
		Client:      client,
		Logger:      logger,
	})(svc)
	if !*tuned {
		svc = gokit.Logging(logger)(svc)
	}
	svc = gokit.Instrumenting(meters())(svc)

	http.Handle("/uppercase", gokit.UppercaseHandler(svc))
	http.Handle("/count", gokit.CountHandler(svc))
	http.Handle("/metrics", promhttp.Handler())
	_ = logger.Log("msg", "HTTP", "addr", *listen)
	// No timeouts and no shutdown: the tutorial's last line.
	_ = logger.Log("err", http.ListenAndServe(*listen, nil))
}

// meters registers with Prometheus' default registry, as the tutorial does.
func meters() gokit.Meters {
	labels := []string{"method", "error"}
	return gokit.Meters{
		Requests: kitprometheus.NewCounterFrom(prometheus.CounterOpts{
			Namespace: "my_group",
			Subsystem: "string_service",
			Name:      "request_count",
			Help:      "Number of requests received.",
		}, labels),
		Latency: kitprometheus.NewSummaryFrom(prometheus.SummaryOpts{
			Namespace: "my_group",
			Subsystem: "string_service",
			Name:      "request_latency_microseconds",
			Help:      "Total duration of requests in microseconds.",
		}, labels),
		Counted: kitprometheus.NewSummaryFrom(prometheus.SummaryOpts{
			Namespace: "my_group",
			Subsystem: "string_service",
			Name:      "count_result",
			Help:      "The result of each count method.",
		}, nil),
	}
}

// tunedClient keeps a connection for every call in flight; net/http keeps two a host.
func tunedClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	return &http.Client{Transport: t}
}
