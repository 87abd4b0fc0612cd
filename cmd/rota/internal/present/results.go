package present

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rota-go/rota/sim"
)

// column is a number of a row, and how it is written.
type column struct {
	title string
	value func(*sim.Row) (float64, bool)
	write func(float64) string
}

// Results is what came out: a line for every policy in every step. lists are the metrics to show; none = what fits.
func Results(r *sim.Report, lists []string) Table {
	columns := chosen(lists)
	if len(lists) == 0 {
		columns = fitting(r)
	}
	t := Table{Head: []string{"policy", stepTitle(r)}, Left: 2}
	for _, c := range columns {
		t.Head = append(t.Head, c.title)
	}
	for i := range r.Runs {
		row := &r.Runs[i]
		cells := []string{row.Policy, StepName(row)}
		for _, c := range columns {
			cell := "-"
			if v, ok := c.value(row); ok {
				cell = c.write(v)
			}
			cells = append(cells, cell)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// Paper is published values beside ours; no rows if there are none.
func Paper(r *sim.Report) Table {
	t := Table{Head: []string{"policy", stepTitle(r), "metric", "paper", "ours", "ratio", "allowed", ""}, Left: 3}
	for i := range r.Runs {
		row := &r.Runs[i]
		for _, c := range row.Paper {
			kind, allowed := "prediction", "-"
			if c.Fitted {
				kind = "fitted"
			}
			if c.Within > 0 {
				allowed = fmt.Sprintf("±%.4g %%", c.Within*100)
			}
			if c.Missed {
				kind += ", MISSED"
			}
			t.Rows = append(t.Rows, []string{
				row.Policy, StepName(row), c.Metric, digits(c.Paper), digits(c.Ours), fmt.Sprintf("%.3f", c.Ratio), allowed, kind,
			})
		}
	}
	return t
}

// StepName is the name of a row's step, or its load.
func StepName(row *sim.Row) string {
	if row.Step != "" {
		return row.Step
	}
	return strconv.FormatFloat(row.Load, 'g', 4, 64)
}

func stepTitle(r *sim.Report) string {
	for i := range r.Runs {
		if r.Runs[i].Step != "" {
			return "step"
		}
	}
	return "load"
}

// metric is a column of a number with a name.
func metric(title, name string, write func(float64) string) column {
	return column{title, func(r *sim.Row) (float64, bool) { return r.Metric(name) }, write}
}

func chosen(lists []string) []column {
	var columns []column
	for _, name := range lists {
		write := digits
		if strings.HasSuffix(name, "_s") {
			write = seconds
		}
		columns = append(columns, metric(strings.TrimPrefix(name, "latency_ms."), name, write))
	}
	return columns
}

// fitting are the columns that every experiment has, and those that say something in this one.
func fitting(r *sim.Report) []column {
	columns := []column{
		metric("p50 ms", "latency_ms.p50", digits),
		metric("p90 ms", "latency_ms.p90", digits),
		metric("p99 ms", "latency_ms.p99", digits),
		metric("p99.9 ms", "latency_ms.p999", digits),
		{"errors %", errorsOf, percent},
		metric("att./call", "attempts_per_call", fixed),
		metric("RIF", "rif.mean", digits),
		metric("RIF p99", "rif.p99", digits),
	}
	for _, c := range []struct {
		column
		says func(*sim.Row) bool
	}{
		{metric("offered/s", "offered", digits), falls},
		{metric("goodput/s", "goodput", digits), falls},
		{metric("recovery s", "recovery_s", seconds), func(r *sim.Row) bool { return r.Recovery != nil }},
		{metric("shed s", "shed_s", seconds), func(r *sim.Row) bool { return r.Shed != nil }},
		{metric("ejected", "ejections", digits), func(r *sim.Row) bool { return r.Ejections > 0 }},
		{metric("falsely", "false_ejections", digits), func(r *sim.Row) bool { return r.FalseEjections > 0 }},
		{metric("probes/call", "probes_per_call", digits), func(r *sim.Row) bool { return r.ProbesPerCall > 0 }},
		{metric("imbalance", "imbalance", fixed), func(r *sim.Row) bool { return r.Imbalance > 1.2 }},
	} {
		for i := range r.Runs {
			if c.says(&r.Runs[i]) {
				columns = append(columns, c.column)
				break
			}
		}
	}
	return columns
}

func errorsOf(r *sim.Row) (float64, bool) { return 100 * r.Errors / max(r.Calls, 1), true }

// falls reports whether a noticeable part of what is offered gets no answer in time.
func falls(r *sim.Row) bool { return r.Goodput < 0.99*r.Offered }

// digits writes three digits, and all of those before the point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

func percent(v float64) string {
	if v > 0 && v < 0.001 {
		return "<0.001"
	}
	return digits(v)
}

// seconds writes a time that may never come.
func seconds(v float64) string {
	if v < 0 {
		return "never"
	}
	return digits(v)
}
