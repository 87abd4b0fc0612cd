package stringsvc

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Instrumenting registers the service's metrics with reg and returns the
// Middleware that feeds them:
//
//	my_group_string_service_request_count{method,error}
//	my_group_string_service_request_latency_microseconds{method,error}
//	my_group_string_service_count_result
//
// error is "true" for every error, a business error included, and for a call
// that panicked. The two summaries have no quantiles, only sum and count:
// quantiles of several replicas cannot be added up, they cost a lock and a
// sorted stream per call, and the tutorial these names come from had none.
// The error is reg's, a [prometheus.AlreadyRegisteredError] for one.
func Instrumenting(reg prometheus.Registerer) (Middleware, error) {
	const namespace, subsystem = "my_group", "string_service"
	labels := []string{"method", "error"}
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace,
		Subsystem: subsystem,
		Name:      "request_count",
		Help:      "Number of requests received.",
	}, labels)
	latency := prometheus.NewSummaryVec(prometheus.SummaryOpts{
		Namespace: namespace,
		Subsystem: subsystem,
		Name:      "request_latency_microseconds",
		Help:      "Total duration of requests in microseconds.",
	}, labels)
	result := prometheus.NewSummary(prometheus.SummaryOpts{
		Namespace: namespace,
		Subsystem: subsystem,
		Name:      "count_result",
		Help:      "The result of each count method.",
	})
	for _, c := range []prometheus.Collector{count, latency, result} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	// Children are looked up here, once: a lookup hashes its labels each time.
	child := func(method, failed string) series {
		return series{count.WithLabelValues(method, failed), latency.WithLabelValues(method, failed)}
	}
	uppercase := outcomes{ok: child("uppercase", "false"), failed: child("uppercase", "true")}
	counted := outcomes{ok: child("count", "false"), failed: child("count", "true")}
	return func(next Service) Service {
		return &instrumenting{uppercase: uppercase, count: counted, result: result, next: next}
	}, nil
}

type instrumenting struct {
	uppercase, count outcomes
	result           prometheus.Observer
	next             Service
}

// outcomes holds the series of one method.
type outcomes struct{ ok, failed series }

type series struct {
	count   prometheus.Counter
	latency prometheus.Observer
}

func (i *instrumenting) Uppercase(ctx context.Context, s string) (v string, err error) {
	begin := time.Now()
	answered := false // stays so in a panic
	defer func() { i.uppercase.observe(time.Since(begin), answered && err == nil) }()
	v, err = i.next.Uppercase(ctx, s)
	answered = true
	return v, err
}

func (i *instrumenting) Count(ctx context.Context, s string) (n int) {
	begin := time.Now()
	answered := false
	defer func() { i.count.observe(time.Since(begin), answered) }()
	n = i.next.Count(ctx, s)
	answered = true
	i.result.Observe(float64(n))
	return n
}

func (o *outcomes) observe(took time.Duration, ok bool) {
	s := &o.failed
	if ok {
		s = &o.ok
	}
	s.count.Inc()
	s.latency.Observe(float64(took) / float64(time.Microsecond))
}
