// Package rotaprom exports what rota clients count as Prometheus metrics.
//
// Everything is read from Client.Stats when Prometheus asks, so calls pay nothing for it.
package rotaprom

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rota-go/rota"
)

// Collector is a prometheus.Collector over one or more clients. Register it once. Each client needs a service name of
// its own, which is the label service: a registry fails to gather two of the same name.
type Collector struct {
	clients []Source
}

// Source is what a Collector reads: a *rota.Client.
type Source interface{ Stats() rota.Stats }

// NewCollector returns a Collector over clients.
func NewCollector(clients ...Source) *Collector { return &Collector{clients} }

// bounds are the upper ends of the latency histogram's buckets.
var bounds = []time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("rota_client_"+name, help, append([]string{"service"}, labels...), nil)
}

var (
	calls = desc("calls_total", "Calls, by how they ended: success, failure, overload (every attempt was refused), "+
		"unplaced (no replica was usable), throttled (not sent, because most were turned down lately) or ignored (the caller left).", "result")
	callsInFlight = desc("calls_in_flight", "Calls under way.")
	attempts      = desc("attempts_total", "Attempts sent to a replica, by how they ended: success, failure, overload "+
		"or ignored (the caller left, or another attempt won).", "replica", "verdict")
	retries    = desc("retries_total", "Attempts after a failure, or because the first took its share of the time.")
	hedges     = desc("hedges_total", "Attempts sent because the first was slower than nearly all answers lately.")
	budgetLeft = desc("budget_left", "Retries and hedges that could be sent now.")
	hedgeDelay = desc("hedge_delay_seconds", "Time without an answer after which a hedge is sent; 0 = not measured yet.")
	inFlight   = desc("in_flight", "Attempts under way.", "replica")
	breaker    = desc("breaker_state", "1 for the state that a replica's breaker is in, 0 for the others.", "replica", "state")
	ejections  = desc("ejections_total", "How often a replica was taken out of use by its breaker.", "replica")
	average    = desc("replica_latency_seconds", "Moving average of a replica's latency.", "replica")
	latency    = desc("latency_seconds", "Latency of winning answers, each from its own attempt's start.")
	replicas   = desc("replicas", "Replicas in the set.")
	panicking  = desc("panic", "1 while too few replicas are fit to choose among, so that all are used.")
	setAge     = desc("set_age_seconds", "Time since discovery last gave a set.")

	all = []*prometheus.Desc{
		calls, callsInFlight, attempts, retries, hedges, budgetLeft, hedgeDelay, inFlight, breaker, ejections, average,
		latency, replicas, panicking, setAge,
	}
	states = []string{"closed", "open", "half-open", "failing"}
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d
	}
}

// Collect implements prometheus.Collector. It may be called concurrently.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, client := range c.clients {
		s := client.Stats()
		out := sink{ch, label(s.Service)}
		service(out, s)
		for _, n := range s.Nodes {
			replica(out, n)
		}
	}
}

// label returns s as Prometheus takes it: what discovery calls a replica need not be UTF-8.
func label(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// sink makes the metrics of one service.
type sink struct {
	ch      chan<- prometheus.Metric
	service string
}

func (s sink) counter(d *prometheus.Desc, v uint64, labels ...string) {
	s.metric(d, prometheus.CounterValue, float64(v), labels)
}

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.metric(d, prometheus.GaugeValue, v, labels)
}

func (s sink) metric(d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	s.ch <- prometheus.MustNewConstMetric(d, t, v, append([]string{s.service}, labels...)...)
}

func service(out sink, s rota.Stats) {
	out.counter(calls, s.Calls.Succeeded, "success")
	out.counter(calls, s.Calls.Failed, "failure")
	out.counter(calls, s.Calls.Overloaded, "overload")
	out.counter(calls, s.Calls.Unplaced, "unplaced")
	out.counter(calls, s.Calls.Throttled, "throttled")
	out.counter(calls, s.Calls.Ignored, "ignored")
	out.gauge(callsInFlight, float64(s.Calls.InFlight))
	out.counter(retries, s.Retries)
	out.counter(hedges, s.Hedges)
	out.gauge(budgetLeft, s.BudgetLeft)
	out.gauge(hedgeDelay, s.HedgeDelay.Seconds())
	out.gauge(replicas, float64(s.Used()))
	out.gauge(panicking, one(s.Panic))
	if s.SetAge >= 0 {
		out.gauge(setAge, s.SetAge.Seconds())
	}
	buckets := make(map[float64]uint64, len(bounds))
	for _, b := range bounds {
		buckets[b.Seconds()] = s.Latency.Below(b)
	}
	out.ch <- prometheus.MustNewConstHistogram(latency, s.Latency.Count(), s.Latency.Sum().Seconds(), buckets, out.service)
}

func replica(out sink, n rota.NodeStats) {
	addr := label(n.Instance.Addr)
	out.counter(attempts, n.Attempts.Success, addr, "success")
	out.counter(attempts, n.Attempts.Failure, addr, "failure")
	out.counter(attempts, n.Attempts.Overload, addr, "overload")
	out.counter(attempts, n.Attempts.Ignored, addr, "ignored")
	out.gauge(inFlight, float64(n.InFlight), addr)
	out.counter(ejections, n.Opened, addr)
	out.gauge(average, n.Latency.Seconds(), addr)
	for _, state := range states {
		out.gauge(breaker, one(n.Breaker == state), addr, state)
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
