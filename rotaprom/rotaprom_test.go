package rotaprom_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotaprom"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// service is a cluster with a clock of its own, so that its history is known to the nanosecond.
type service struct {
	*rota.Cluster
	now time.Time
}

func (s *service) Stats() rota.Stats { return s.Cluster.Stats(s.now) }

func newService(name string, p rota.Policy, addrs ...string) *service {
	s := &service{now: epoch, Cluster: rota.NewCluster(rota.ClusterParams{
		Service: name, Policy: p, Balancer: rota.RoundRobinFrom(0), Rand: func() uint64 { return 0 }, Now: epoch.Add(-time.Second),
	})}
	if len(addrs) > 0 {
		s.Update(s.now, rota.StaticAddrs(addrs...))
	}
	return s
}

// ending is how an attempt ends, and after what time.
type ending struct {
	took    time.Duration
	outcome rota.Outcome
}

func ok(took time.Duration) ending { return ending{took: took} }

func bad(took time.Duration, v rota.Verdict) ending {
	return ending{took, rota.Outcome{Verdict: v, Err: errors.New(v.String())}}
}

// call makes a call whose attempts end as told; it may be repeated if more than one is told. The attempt for which
// nothing is told is under way for good.
func (s *service) call(endings ...ending) {
	p := s.Plan(s.now, time.Time{}, rota.Call{Idempotent: len(endings) > 1})
	for {
		switch step := p.Next(s.now); step.Kind {
		case rota.StepSend:
			if len(endings) == 0 {
				return
			}
			s.now = s.now.Add(endings[0].took)
			p.Ended(s.now, step.Attempt, endings[0].outcome)
			endings = endings[1:]
		case rota.StepWait:
			s.now = step.At
		case rota.StepDone:
			p.Close()
			return
		}
	}
}

// history is a service with one of everything.
func history() *service {
	s := newService("users", rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{Failures: 1, Open: time.Hour}})
	s.call() // nobody is known
	s.Update(s.now, rota.StaticAddrs("a:80", "b:80"))
	s.call(ok(20 * time.Millisecond))                                      // a
	s.call(bad(5*time.Millisecond, rota.Failure), ok(40*time.Millisecond)) // b, whose breaker opens, and a
	s.call(bad(time.Second, rota.Ignored))                                 // a
	s.call()                                                               // a, under way
	s.call(bad(0, rota.Overload))                                          // a
	s.now = epoch.Add(10 * time.Second)
	return s
}

func TestExposition(t *testing.T) {
	const want = `
# HELP rota_client_attempts_total Attempts sent to a replica, by how they ended: success, failure, overload or ignored (the caller left, or another attempt won).
# TYPE rota_client_attempts_total counter
rota_client_attempts_total{replica="a:80",service="users",verdict="failure"} 0
rota_client_attempts_total{replica="a:80",service="users",verdict="ignored"} 1
rota_client_attempts_total{replica="a:80",service="users",verdict="overload"} 1
rota_client_attempts_total{replica="a:80",service="users",verdict="success"} 2
rota_client_attempts_total{replica="b:80",service="users",verdict="failure"} 1
rota_client_attempts_total{replica="b:80",service="users",verdict="ignored"} 0
rota_client_attempts_total{replica="b:80",service="users",verdict="overload"} 0
rota_client_attempts_total{replica="b:80",service="users",verdict="success"} 0
# HELP rota_client_breaker_state 1 for the state that a replica's breaker is in, 0 for the others.
# TYPE rota_client_breaker_state gauge
rota_client_breaker_state{replica="a:80",service="users",state="closed"} 1
rota_client_breaker_state{replica="a:80",service="users",state="failing"} 0
rota_client_breaker_state{replica="a:80",service="users",state="half-open"} 0
rota_client_breaker_state{replica="a:80",service="users",state="open"} 0
rota_client_breaker_state{replica="b:80",service="users",state="closed"} 0
rota_client_breaker_state{replica="b:80",service="users",state="failing"} 0
rota_client_breaker_state{replica="b:80",service="users",state="half-open"} 0
rota_client_breaker_state{replica="b:80",service="users",state="open"} 1
# HELP rota_client_calls_in_flight Calls under way.
# TYPE rota_client_calls_in_flight gauge
rota_client_calls_in_flight{service="users"} 1
# HELP rota_client_calls_total Calls, by how they ended: success, failure, overload (every attempt was refused), unplaced (no replica was usable), throttled (not sent, because most were turned down lately) or ignored (the caller left).
# TYPE rota_client_calls_total counter
rota_client_calls_total{result="failure",service="users"} 0
rota_client_calls_total{result="ignored",service="users"} 1
rota_client_calls_total{result="overload",service="users"} 1
rota_client_calls_total{result="success",service="users"} 2
rota_client_calls_total{result="throttled",service="users"} 0
rota_client_calls_total{result="unplaced",service="users"} 1
# HELP rota_client_ejections_total How often a replica was taken out of use by its breaker.
# TYPE rota_client_ejections_total counter
rota_client_ejections_total{replica="a:80",service="users"} 0
rota_client_ejections_total{replica="b:80",service="users"} 1
# HELP rota_client_hedge_delay_seconds Time without an answer after which a hedge is sent; 0 = not measured yet.
# TYPE rota_client_hedge_delay_seconds gauge
rota_client_hedge_delay_seconds{service="users"} 0
# HELP rota_client_hedges_total Attempts sent because the first was slower than nearly all answers lately.
# TYPE rota_client_hedges_total counter
rota_client_hedges_total{service="users"} 0
# HELP rota_client_in_flight Attempts under way.
# TYPE rota_client_in_flight gauge
rota_client_in_flight{replica="a:80",service="users"} 1
rota_client_in_flight{replica="b:80",service="users"} 0
# HELP rota_client_latency_seconds Latency of winning answers, each from its own attempt's start.
# TYPE rota_client_latency_seconds histogram
rota_client_latency_seconds_bucket{service="users",le="0.0005"} 0
rota_client_latency_seconds_bucket{service="users",le="0.001"} 0
rota_client_latency_seconds_bucket{service="users",le="0.0025"} 0
rota_client_latency_seconds_bucket{service="users",le="0.005"} 0
rota_client_latency_seconds_bucket{service="users",le="0.01"} 0
rota_client_latency_seconds_bucket{service="users",le="0.025"} 1
rota_client_latency_seconds_bucket{service="users",le="0.05"} 2
rota_client_latency_seconds_bucket{service="users",le="0.1"} 2
rota_client_latency_seconds_bucket{service="users",le="0.25"} 2
rota_client_latency_seconds_bucket{service="users",le="0.5"} 2
rota_client_latency_seconds_bucket{service="users",le="1"} 2
rota_client_latency_seconds_bucket{service="users",le="2.5"} 2
rota_client_latency_seconds_bucket{service="users",le="5"} 2
rota_client_latency_seconds_bucket{service="users",le="10"} 2
rota_client_latency_seconds_bucket{service="users",le="+Inf"} 2
rota_client_latency_seconds_sum{service="users"} 0.06
rota_client_latency_seconds_count{service="users"} 2
# HELP rota_client_panic 1 while too few replicas are fit to choose among, so that all are used.
# TYPE rota_client_panic gauge
rota_client_panic{service="users"} 0
# HELP rota_client_replicas Replicas in the set.
# TYPE rota_client_replicas gauge
rota_client_replicas{service="users"} 2
# HELP rota_client_retries_total Attempts after a failure, or because the first took its share of the time.
# TYPE rota_client_retries_total counter
rota_client_retries_total{service="users"} 1
# HELP rota_client_set_age_seconds Time since discovery last gave a set.
# TYPE rota_client_set_age_seconds gauge
rota_client_set_age_seconds{service="users"} 10
`
	var names []string
	for line := range strings.Lines(want) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names = append(names, strings.Fields(rest)[0])
		}
	}
	if err := testutil.CollectAndCompare(rotaprom.NewCollector(history()), strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

// What the core works out by rules of its own comes through as it is, in base units.
func TestGauges(t *testing.T) {
	s := history()
	got := gather(t, rotaprom.NewCollector(s))
	stats := s.Stats()
	for name, want := range map[string]float64{
		"rota_client_budget_left users":                  stats.BudgetLeft,
		"rota_client_replica_latency_seconds a:80 users": stats.Nodes[0].Latency.Seconds(),
		"rota_client_replica_latency_seconds b:80 users": stats.Nodes[1].Latency.Seconds(),
	} {
		if got[name] != want || want == 0 {
			t.Errorf("%s = %v, want %v, and not 0", name, got[name], want)
		}
	}
}

// Calls that the throttle holds back are counted apart from those that nobody could take.
func TestThrottled(t *testing.T) {
	s := newService("users", rota.Policy{Throttle: &rota.Throttle{}}, "a:80")
	for range 20 {
		s.call(bad(time.Second, rota.Overload))
	}
	stats, got := s.Stats(), gather(t, rotaprom.NewCollector(s))
	if n := got["rota_client_calls_total throttled users"]; n == 0 || n != float64(stats.Calls.Throttled) {
		t.Errorf("%v calls throttled of %+v", n, stats.Calls)
	}
	if n := got["rota_client_calls_total unplaced users"]; n != 0 {
		t.Errorf("%v calls unplaced", n)
	}
}

func TestHedgeDelay(t *testing.T) {
	s := newService("users", rota.Policy{Hedge: &rota.Hedge{}}, "a:80", "b:80")
	for range 150 {
		s.call(ok(50 * time.Millisecond))
	}
	delay := gather(t, rotaprom.NewCollector(s))["rota_client_hedge_delay_seconds users"]
	if delay < 0.05 || delay > 0.06 {
		t.Errorf("the hedge's delay is %v, want about 0.05 s", delay)
	}
}

func TestBreakerStates(t *testing.T) {
	s := newService("users", rota.Policy{Breaker: &rota.Breaker{Failures: 1, Open: time.Minute}}, "a:80", "b:80")
	check := func(want string) {
		t.Helper()
		got := gather(t, rotaprom.NewCollector(s))
		for _, state := range []string{"closed", "open", "half-open"} {
			v := 0.0
			if state == want {
				v = 1
			}
			if name := "rota_client_breaker_state a:80 users " + state; got[name] != v {
				t.Errorf("%s = %v, want %v: the breaker is %s", name, got[name], v, want)
			}
		}
	}
	check("closed")
	s.call(bad(time.Millisecond, rota.Failure))
	check("open")
	s.now = s.now.Add(2 * time.Minute)
	s.call(ok(time.Millisecond)) // its turn
	s.call()                     // a trial, under way
	check("half-open")
}

// Buckets are cumulative, and none counts what is longer than its bound.
func TestHistogram(t *testing.T) {
	s := newService("users", rota.Policy{}, "a:80")
	var all []time.Duration
	for d := time.Microsecond; d < 100*time.Second; d = d * 5 / 4 {
		s.call(ok(d))
		all = append(all, d)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(rotaprom.NewCollector(s))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "rota_client_latency_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		var before uint64
		for _, b := range h.GetBucket() {
			var most, least uint64
			for _, d := range all {
				if d.Seconds() <= b.GetUpperBound() {
					most++
				}
				if d.Seconds() <= b.GetUpperBound()*15/16 {
					least++
				}
			}
			if n := b.GetCumulativeCount(); n < before || n > most || n < least {
				t.Errorf("%d values up to %v, after %d, want %d to %d", n, b.GetUpperBound(), before, least, most)
			}
			before = b.GetCumulativeCount()
		}
		if n := uint64(len(all)); h.GetSampleCount() != n || len(h.GetBucket()) < 10 || before > n {
			t.Errorf("%d values in %d buckets, want %d", h.GetSampleCount(), len(h.GetBucket()), n)
		}
		return
	}
	t.Error("there is no histogram")
}

func TestLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(rotaprom.NewCollector(history()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestSeveralClients(t *testing.T) {
	got := gather(t, rotaprom.NewCollector(history(), newService("orders", rota.Policy{}), newService("empty", rota.Policy{})))
	for name, want := range map[string]float64{
		"rota_client_replicas users": 2, "rota_client_replicas orders": 0, "rota_client_set_age_seconds users": 10,
	} {
		if v, ok := got[name]; v != want || !ok {
			t.Errorf("%s = %v, %t, want %v", name, v, ok, want)
		}
	}
	if v, ok := got["rota_client_set_age_seconds orders"]; ok {
		t.Errorf("the age of a set that is not there is %v", v)
	}
}

// Discovery may bring names that Prometheus does not take. They cost no scrape.
func TestNamesThatAreNotUTF8(t *testing.T) {
	got := gather(t, rotaprom.NewCollector(newService("us\xffers", rota.Policy{}, "a\xff:80")))
	if v := got["rota_client_replicas us\ufffders"]; v != 1 {
		t.Errorf("gathered %v, want one replica", got)
	}
}

// gather collects everything, as a registry that checks what it is told, by name and the values of labels.
func gather(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}
