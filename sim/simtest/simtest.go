// Package simtest provides assertions about a policy for go test: how fast, even and calm a fleet is whose clients call with
// it, in the simulator of package sim. Nothing sleeps and nothing is random: a test takes about a second, and the same code
// has the same result.
package simtest

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/sim"
)

// Fleet is clients and replicas of one service. A zero field has the default that its comment gives. What it cannot say,
// an Experiment can.
type Fleet struct {
	Replicas int     // default 10
	Clients  int     // each with what it learned for itself; default 10
	Load     float64 // share of what the replicas can do; default 0.7
	// Server is how a replica works; default: requests take 10 ms of its one core, exponentially distributed.
	Server  sim.Server
	Groups  []sim.Group   // of replicas that are different
	Timeout time.Duration // the callers' deadline; default 1 s

	// Policy is that of the clients: retries, hedges, breakers and so on. It is to be valid.
	Policy rota.Policy
	// Balancer returns the balancer for one client; nil = the default of the library. Each call is to return a new one.
	Balancer func() rota.Balancer

	Faults  []sim.Fault   // their times count from the end of Warmup
	Warmup  time.Duration // before anything is counted; default 2 s
	Measure time.Duration // default 20 s
	Seed    uint64        // default 1
	Seeds   int           // results are medians over so many runs; default 1
}

// Experiment returns the fleet as an experiment, for those who want to change more of it.
func (f *Fleet) Experiment() *sim.Experiment {
	server := f.Server
	if server.Work == nil {
		mean := 10 * time.Millisecond
		server.Work = &sim.Dist{Exp: &mean}
	}
	return &sim.Experiment{
		Name: "simtest", Seed: f.Seed, Seeds: f.Seeds,
		Warmup: cmp.Or(f.Warmup, 2*time.Second), Measure: cmp.Or(f.Measure, 20*time.Second), Loads: []float64{cmp.Or(f.Load, 0.7)},
		Services: []sim.Service{{Name: "fleet", Replicas: cmp.Or(f.Replicas, 10), Server: server, Groups: f.Groups}},
		Clients:  []sim.Client{{Name: "client", Count: cmp.Or(f.Clients, 10), Timeout: cmp.Or(f.Timeout, time.Second)}},
		Faults:   f.Faults,
		Policies: []sim.Variant{{Name: "policy", Policy: config.Policy{Policy: f.Policy}, NewBalancer: f.Balancer}},
	}
}

// Run lets the fleet work. It fails the test at once if the fleet cannot be meant.
func Run(t testing.TB, f Fleet) *Result {
	t.Helper()
	return Experiment(t, f.Experiment())[0]
}

// File is Experiment for a file, in the JSON that sim.Parse reads.
func File(t testing.TB, path string) []*Result {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("simtest: %v", err)
	}
	e, err := sim.Parse(data)
	if err != nil {
		t.Fatalf("simtest: %s: %v", path, err)
	}
	return Experiment(t, e)
}

// Experiment runs an experiment, and returns a Result for each of its policies under each load, or in each step, in this
// order. It fails the test at once if the experiment cannot be meant.
func Experiment(t testing.TB, e *sim.Experiment) []*Result {
	t.Helper()
	report, err := sim.Run(t.Context(), e, sim.Options{})
	if err != nil {
		t.Fatalf("simtest: %v", err)
	}
	var list []*Result
	for _, row := range report.Runs {
		list = append(list, &Result{row, t, report})
	}
	return list
}

// Result is what came out, and how to assert something about it. An assertion that does not hold is an error of the test,
// which goes on. It names the seed with which the same comes out again.
type Result struct {
	sim.Row
	t      testing.TB
	report *sim.Report
}

// ErrorShare is the share of calls that failed.
func (r *Result) ErrorShare() float64 { return r.Errors / max(r.Calls, 1) }

// AtMost asserts that a number is at most so much. The name is that in the JSON of sim.Row, such as latency_ms.p99,
// imbalance, attempts_per_call, recovery_s or services.NAME.utilization; or error_share.
func (r *Result) AtMost(name string, most float64) {
	r.t.Helper()
	if got, ok := r.number(name); ok && !(got <= most) {
		r.fail(name, got, "at most", most)
	}
}

// AtLeast asserts that a number is at least so much.
func (r *Result) AtLeast(name string, least float64) {
	r.t.Helper()
	if got, ok := r.number(name); ok && !(got >= least) {
		r.fail(name, got, "at least", least)
	}
}

// P99 asserts that of 100 calls 99 have their answer within a time. One that fails counts as the caller's timeout.
func (r *Result) P99(within time.Duration) {
	r.t.Helper()
	r.AtMost("latency_ms.p99", float64(within)/float64(time.Millisecond))
}

// Recovers asserts that after the last fault goodput is back within a time, for good.
func (r *Result) Recovers(within time.Duration) {
	r.t.Helper()
	r.AtMost("recovery_s", within.Seconds())
}

// number returns a number by its name. A name that is none fails the test.
func (r *Result) number(name string) (float64, bool) {
	r.t.Helper()
	if name == "error_share" {
		return r.ErrorShare(), true
	}
	v, ok := r.Metric(name)
	if !ok {
		switch {
		case name == "recovery_s" || name == "shed_s":
			r.t.Errorf("simtest: there is no %s: it wants faults, and recovery_s one that ends before the run does", name)
		default:
			r.t.Errorf("simtest: %q is no number of a result, want error_share, services.NAME.…, errors_by.… or one of %s",
				name, strings.Join(slices.Sorted(slices.Values(sim.Metrics())), " "))
		}
		return 0, false
	}
	if v < 0 && (name == "recovery_s" || name == "shed_s") {
		v = math.Inf(1) // never
	}
	return v, true
}

func (r *Result) fail(name string, got float64, rel string, want float64) {
	r.t.Helper()
	was := fmt.Sprint("= ", got)
	if math.IsInf(got, 1) {
		was = "is never"
	}
	r.t.Errorf("%s %s, want %s %v (%s)", name, was, rel, want, r)
}

// String says which run it was, and how to have it again.
func (r *Result) String() string {
	text := fmt.Sprintf("%s, policy %s, load %v", r.report.Experiment, r.Policy, r.Load)
	if r.Step != "" {
		text += ", " + r.Step
	}
	if text += fmt.Sprintf(", seed %d", r.report.Seed); r.report.Seeds > 1 {
		text += fmt.Sprintf(" and %d more", r.report.Seeds-1)
	}
	return text
}
