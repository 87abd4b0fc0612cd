package sim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/rota-go/rota/sim"
)

// run runs an experiment that is written as JSON, with args where it has verbs.
func run(t *testing.T, doc string, args ...any) *sim.Report {
	t.Helper()
	r, err := sim.Run(t.Context(), parsed(t, fmt.Sprintf(doc, args...)), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func parsed(t *testing.T, doc string) *sim.Experiment {
	t.Helper()
	e, err := sim.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func near(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if !(math.Abs(got-want) <= off*math.Abs(want)) {
		t.Errorf("%s = %v, want %v, give or take %v %%", what, got, want, off*100)
	}
}

// queue is one server without a network, at a load of 50 %; requests take 1 ms.
func queue(t *testing.T, server string) *sim.Row {
	t.Helper()
	if sim.Racing {
		t.Skip("a long run of one goroutine")
	}
	r := run(t, `{"name": "queue", "warmup": "20s", "measure": "700s", "network": {"delay": "0s"},
		"services": [{"name": "s", "server": %s}], "clients": [{"timeout": "1h"}], "loads": [0.5], "policies": ["rr"]}`, server)
	return &r.Runs[0]
}

// The formulas are those of every book on queues, such as M. Harchol-Balter, "Performance Modeling and Design of Computer
// Systems", chapters 13, 14 and 30.
func TestMM1WithSharing(t *testing.T) {
	r := queue(t, `{"work": {"exp": "1ms"}}`)
	near(t, "mean", r.Latency.Mean, 1/0.5, 0.03)
	near(t, "requests there", r.RIF.Mean, 1, 0.03)
	near(t, "utilization", r.Services[0].Utilization, 0.5, 0.01)
}

func TestMG1WithSharingDependsOnTheMeanOnly(t *testing.T) {
	r := queue(t, `{"work": {"mix": [{"share": 0.9, "of": "0.5ms"}, {"share": 0.1, "of": "5.5ms"}]}}`)
	near(t, "mean", r.Latency.Mean, 1/0.5, 0.03)
}

func TestMM1InTurn(t *testing.T) {
	r := queue(t, `{"workers": 1, "work": {"exp": "1ms"}}`)
	near(t, "mean", r.Latency.Mean, 1/0.5, 0.03)
	near(t, "p50", r.Latency.P50, math.Ln2/0.5, 0.03)
	near(t, "p99", r.Latency.P99, math.Log(100)/0.5, 0.03)
}

func TestMD1InTurn(t *testing.T) {
	r := queue(t, `{"workers": 1, "work": "1ms"}`)
	near(t, "mean", r.Latency.Mean, 1.5, 0.03)
}

func TestMM1LastFirst(t *testing.T) {
	r := queue(t, `{"workers": 1, "order": "lifo", "work": {"exp": "1ms"}}`)
	near(t, "mean", r.Latency.Mean, 1/0.5, 0.03)
	// The second moment of the wait is 1/(1-load) times that of the queue in turn.
	if turn := math.Log(100) / 0.5; r.Latency.P50 > math.Ln2/0.5 || r.Latency.P99 < 1.3*turn {
		t.Errorf("p50 = %v and p99 = %v, want most quicker and a few slower than in turn, %v and %v", r.Latency.P50, r.Latency.P99, math.Ln2/0.5, turn)
	}
}

func TestMMkInTurn(t *testing.T) {
	r := queue(t, `{"workers": 4, "work": {"exp": "4ms"}}`)
	const a, k = 2.0, 4.0 // Erlang's C
	none, term := 0.0, 1.0
	for i := 0.0; i < k; i++ {
		none, term = none+term, term*a/(i+1)
	}
	waits := term / (1 - a/k) / (none + term/(1-a/k))
	near(t, "mean", r.Latency.Mean, 4+waits*4/(k-a), 0.03)
}

func TestCoresAreSharedOnlyByMoreThanThereAre(t *testing.T) {
	r := queue(t, `{"cores": 4, "work": {"exp": "4ms"}}`) // the number there is as with 4 workers
	const a, k = 2.0, 4.0
	none, term := 0.0, 1.0
	for i := 0.0; i < k; i++ {
		none, term = none+term, term*a/(i+1)
	}
	waits := term / (1 - a/k) / (none + term/(1-a/k))
	near(t, "mean", r.Latency.Mean, 4+waits*4/(k-a), 0.03)
}

func TestQueueHasRoomForSoMany(t *testing.T) {
	if sim.Racing {
		t.Skip("a long run of one goroutine")
	}
	r := run(t, `{"name": "queue", "measure": "300s", "network": {"delay": "0s"},
		"services": [{"name": "s", "server": {"workers": 1, "queue": 3, "work": {"exp": "1ms"}}}],
		"clients": [{"timeout": "1h"}], "loads": [1], "policies": [{"name": "p", "policy": {"retry": "off"}}]}`).Runs[0]
	// M/M/1/4 with a load of 1: all of 0 to 4 are equally likely. Refusals make a client pause, so count those that came.
	s := r.Services[0]
	near(t, "share refused", s.Refused/s.Attempts, 0.2, 0.05)
	if r.RIF.Max > 4 {
		t.Errorf("%v requests at once, want at most 4", r.RIF.Max)
	}
}

func TestRequestsTravelAndGetLost(t *testing.T) {
	if sim.Racing {
		t.Skip("a long run of one goroutine")
	}
	r := run(t, `{"name": "net", "measure": "200s", "network": {"delay": "2ms", "loss": 0.1, "retransmit": "50ms"},
		"services": [{"name": "s", "server": {"work": "1ms", "cores": 100}}], "clients": [{"rate": 500}], "policies": ["rr"]}`).Runs[0]
	// Two messages, each lost k times with a probability of 0.9 0.1^k.
	near(t, "mean", r.Latency.Mean, 5+2*50*0.1/0.9, 0.03)
	near(t, "p50", r.Latency.P50, 5, 0.01)
	near(t, "p90", r.Latency.P90, 55, 0.01)
	near(t, "p99", r.Latency.P99, 105, 0.01)
}

func TestArrivals(t *testing.T) {
	if sim.Racing {
		t.Skip("a long run of one goroutine")
	}
	const doc = `{"name": "arrivals", "warmup": "3s", "network": {"delay": "0s"}, "steps": [["a", "100s", 1], ["b", "100s", 3], ["c", "50s", 0.5]],
		"services": [{"name": "s", "replicas": 4, "server": {"work": "1us"}}],
		"clients": [{"count": 20, "rate": 400, "arrivals": "%s", "skew": 1}], "policies": ["rr"]}`
	for _, kind := range []string{"poisson", "even"} {
		r := run(t, doc, kind)
		for i, want := range []float64{400, 1200, 200} {
			near(t, kind+": calls a second in "+r.Runs[i].Step, r.Runs[i].Offered, want, 0.03)
		}
		s := r.Runs[2].Series
		for i, x := range s.Offered { // that the rate changes at once
			want := 400.0
			if i >= 200 {
				want = 200
			} else if i >= 100 {
				want = 1200
			}
			near(t, fmt.Sprintf("%s: calls in second %d", kind, i), x, want, 6/math.Sqrt(want))
		}
		if len(s.Offered) != 250 {
			t.Errorf("%d seconds in the plots, want 250", len(s.Offered))
		}
	}
}

func TestPoissonArrivalsVaryAsTheyShould(t *testing.T) {
	s := run(t, `{"name": "arrivals", "measure": "600s", "services": [{"name": "s", "server": {"work": "1us"}}],
		"clients": [{"count": 3, "rate": 50}], "policies": ["rr"]}`).Runs[0].Series
	sum, squares := 0.0, 0.0
	for _, x := range s.Offered {
		sum, squares = sum+x, squares+x*x
	}
	n := float64(len(s.Offered))
	near(t, "the variance beside the mean", (squares/n-sum/n*sum/n)/(sum/n), 1, 0.2)
}
