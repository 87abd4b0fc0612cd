package present_test

import (
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/present"
	"github.com/rota-go/rota/sim"
)

func report() *sim.Report {
	never, soon := -1.0, 0.25
	return &sim.Report{Experiment: "e1", Runs: []sim.Row{
		{
			Policy: "rr", Load: 0.9, Latency: sim.Latency{P50: 80, P90: 182.4, P99: 5000, P999: 5000}, Calls: 1e5, Errors: 250,
			AttemptsPerCall: 1, RIF: sim.RIF{Mean: 4.8412, P99: 12}, Offered: 100, Goodput: 60, Imbalance: 1.01, Recovery: &never,
		},
		{
			Policy: "prequal", Load: 1.0 / 3, Latency: sim.Latency{P50: 0.5, P90: 0.123456, P99: 9.999, P999: 99.96}, Calls: 1e9, Errors: 1,
			AttemptsPerCall: 1.0213, ProbesPerCall: 3, Recovery: &soon, Imbalance: 1,
			Paper: []sim.Comparison{
				{Metric: "latency_ms.p99", Paper: 281, Ours: 304, Ratio: 1.0819, Within: 0.1},
				{Metric: "latency_ms.p90", Paper: 149, Ours: 182, Ratio: 1.2215, Within: 0.1, Fitted: true, Missed: true},
				{Metric: "a|b", Paper: 1, Ours: 1, Ratio: 1},
			},
		},
	}}
}

func TestResults(t *testing.T) {
	want := `
policy   load    p50 ms  p90 ms  p99 ms  p99.9 ms  errors %  att./call   RIF  RIF p99  offered/s  goodput/s  recovery s  probes/call
rr       0.9       80.0     182    5000      5000      0.25      1.000  4.84     12.0        100       60.0       never            0
prequal  0.3333     0.5   0.123    10.0       100    <0.001      1.021     0        0          0          0        0.25         3.00
`
	table := present.Results(report(), nil)
	if got := text(t, &table); got != want[1:] {
		t.Errorf("Results() =\n%s\nwant\n%s", got, want[1:])
	}
}

func TestResultsOfChosenColumnsAndSteps(t *testing.T) {
	r := report()
	r.Runs[0].Step, r.Runs[1].Step = "calm", "storm"
	want := `
policy   step    p99  recovery_s  shed_s
rr       calm   5000       never       -
prequal  storm  10.0        0.25       -
`
	table := present.Results(r, []string{"latency_ms.p99", "recovery_s", "shed_s"})
	if got := text(t, &table); got != want[1:] {
		t.Errorf("Results() =\n%s\nwant\n%s", got, want[1:])
	}
}

func TestPaperAsMarkdown(t *testing.T) {
	want := `
| policy  | load   | metric         | paper | ours | ratio | allowed |                |
| ------- | ------ | -------------- | ----: | ---: | ----: | ------: | -------------: |
| prequal | 0.3333 | latency_ms.p99 |   281 |  304 | 1.082 |   ±10 % |     prediction |
| prequal | 0.3333 | latency_ms.p90 |   149 |  182 | 1.222 |   ±10 % | fitted, MISSED |
| prequal | 0.3333 | a\|b           |  1.00 | 1.00 | 1.000 |       - |     prediction |
`
	var b strings.Builder
	table := present.Paper(report())
	if err := table.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != want[1:] {
		t.Errorf("Markdown() =\n%s\nwant\n%s", b.String(), want[1:])
	}
	if none := present.Paper(&sim.Report{}); len(none.Rows) != 0 {
		t.Errorf("Paper() of nothing published has rows %q", none.Rows)
	}
}

func text(t *testing.T, table *present.Table) string {
	t.Helper()
	var b strings.Builder
	if err := table.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
