package proxy

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rota-go/rota/rotaprom"
)

// Metrics are what the proxy counts, beside what the clients of its services do.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	applied  *prometheus.CounterVec
	when     prometheus.Gauge
	good     prometheus.Gauge

	nowhere *routeCounts // of requests that no route fits, or that are not let in

	mu     sync.Mutex
	routes map[string]*routeCounts
	proxy  *Proxy
}

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// NewMetrics registers what is counted.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rota_proxy_requests_total", Help: "Requests, by route and class of the status that the client got; route - is none.",
		}, []string{"route", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rota_proxy_request_seconds", Help: "Time from a request to the end of its response.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		applied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rota_proxy_config_changes_total", Help: "Changes of the config, by whether they were applied or refused.",
		}, []string{"result"}),
		when: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rota_proxy_config_applied_timestamp_seconds", Help: "When the config in force was applied.",
		}),
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rota_proxy_config_good", Help: "0 while the file is not what is in force, because it was refused.",
		}),
		routes: map[string]*routeCounts{},
	}
	m.nowhere = m.route("-")
	reg.MustRegister(m.requests, m.seconds, m.applied, m.when, m.good, m)
	return m
}

// Applied counts a change of the config; err is why it was refused.
func (m *Metrics) Applied(now time.Time, err error) {
	if err != nil {
		m.applied.WithLabelValues("refused").Inc()
		m.good.Set(0)
		return
	}
	m.applied.WithLabelValues("applied").Inc()
	m.when.Set(float64(now.UnixMilli()) / 1000)
	m.good.Set(1)
}

// Of has the clients of p's services counted too.
func (m *Metrics) Of(p *Proxy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proxy = p
}

// Describe implements prometheus.Collector: what clients count.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) { rotaprom.NewCollector().Describe(ch) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	p := m.proxy
	m.mu.Unlock()
	if p == nil {
		return
	}
	var sources []rotaprom.Source
	for _, s := range p.Services() {
		sources = append(sources, s.Client)
	}
	rotaprom.NewCollector(sources...).Collect(ch)
}

// routeCounts are the counters of a route, looked up once.
type routeCounts struct {
	classes [len(classes)]prometheus.Counter
	seconds prometheus.Observer
}

func (m *Metrics) route(name string) *routeCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.routes[name]; c != nil {
		return c
	}
	c := &routeCounts{seconds: m.seconds.WithLabelValues(name)}
	for i, class := range classes {
		c.classes[i] = m.requests.WithLabelValues(name, class)
	}
	m.routes[name] = c
	return c
}

func (c *routeCounts) add(status int, took time.Duration) {
	if class := status/100 - 1; class >= 0 && class < len(classes) {
		c.classes[class].Inc()
	}
	c.seconds.Observe(took.Seconds())
}
