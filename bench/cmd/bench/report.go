package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rota-go/rota/bench/load"
	"github.com/rota-go/rota/bench/wrk"
)

// target is the share of the tutorial's CPU time that ours may take.
const target = 0.65

// A measurement is one front in one round.
type measurement struct {
	wrk.Result
	cpu      float64 // microseconds of the front's CPU time a request
	attempts float64 // answers of replicas a request: retries and hedges show here
	failed   int     // calls the front counted as failed
}

// errors says what went wrong; "" = nothing.
func (m measurement) errors() string {
	var s []string
	for _, e := range []struct {
		n    int
		what string
	}{{m.Bad, "answers not 2xx"}, {m.Broken, "socket errors"}, {m.failed, "calls counted as failed"}} {
		if e.n > 0 {
			s = append(s, fmt.Sprintf("%d %s", e.n, e.what))
		}
	}
	return strings.Join(s, ", ")
}

func (m measurement) line(name string) string {
	s := fmt.Sprintf("%-25s %6.1f us CPU/request  %7.0f requests/s  p50 %v  p99 %v  %.3f attempts", name, m.cpu, m.PerSecond, m.P50, m.P99, m.attempts)
	if e := m.errors(); e != "" {
		s += "  ERRORS: " + e
	}
	return s
}

// A row is one front over all rounds.
type row struct {
	name string
	all  []measurement
}

func newRows() []*row {
	rows := make([]*row, len(fronts))
	for i, f := range fronts {
		rows[i] = &row{name: f.name}
	}
	return rows
}

func (r *row) add(m measurement) { r.all = append(r.all, m) }

// values returns one number of every round.
func (r *row) values(of func(measurement) float64) []float64 {
	v := make([]float64, len(r.all))
	for i, m := range r.all {
		v[i] = of(m)
	}
	return v
}

func cpuOf(m measurement) float64      { return m.cpu }
func rateOf(m measurement) float64     { return m.PerSecond }
func p50Of(m measurement) float64      { return float64(m.P50) }
func p99Of(m measurement) float64      { return float64(m.P99) }
func attemptsOf(m measurement) float64 { return m.attempts }

// report prints medians with their spread, and the first row in terms of the others. A round with errors is printed with
// them, and is an error in the end: such numbers compare nothing.
func report(out io.Writer, rows []*row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "front\tCPU us/request\tmin..max\trequests/s\tmin..max\tp50\tp99\tattempts")
	for _, r := range rows {
		cpu, rate := r.values(cpuOf), r.values(rateOf)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f..%.1f\t%.0f\t%.0f..%.0f\t%v\t%v\t%.3f\n", r.name,
			load.Median(cpu), slices.Min(cpu), slices.Max(cpu), load.Median(rate), slices.Min(rate), slices.Max(rate),
			rounded(load.Median(r.values(p50Of))), rounded(load.Median(r.values(p99Of))), load.Median(r.values(attemptsOf)))
	}
	fmt.Fprintln(w, "\nratio\tCPU\tby round\trequests/s\tby round")
	for _, r := range rows[1:] {
		cpu, rate := ratios(rows[0], r, cpuOf), ratios(rows[0], r, rateOf)
		fmt.Fprintf(w, "%.1s/%.1s\t%.2f\t%.2f..%.2f\t%.2f\t%.2f..%.2f\n", rows[0].name, r.name,
			load.Median(rows[0].values(cpuOf))/load.Median(r.values(cpuOf)), slices.Min(cpu), slices.Max(cpu),
			load.Median(rows[0].values(rateOf))/load.Median(r.values(rateOf)), slices.Min(rate), slices.Max(rate))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	ratio, verdict := load.Median(rows[0].values(cpuOf))/load.Median(rows[1].values(cpuOf)), "met"
	if ratio > target {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "\ntarget: A/B at most %.2f of the CPU time a request: %.2f, %s\n", target, ratio, verdict)
	return anyErrors(rows)
}

func anyErrors(rows []*row) error {
	var s []string
	for _, r := range rows {
		for i, m := range r.all {
			if e := m.errors(); e != "" {
				s = append(s, fmt.Sprintf("round %d, %s: %s", i+1, r.name, e))
			}
		}
	}
	if len(s) > 0 {
		return fmt.Errorf("calls failed, do not use these numbers:\n%s", strings.Join(s, "\n"))
	}
	return nil
}

// ratios compares round by round: what slows the machine for a while slows both.
func ratios(a, b *row, of func(measurement) float64) []float64 {
	va, vb := a.values(of), b.values(of)
	for i := range va {
		va[i] /= vb[i]
	}
	return va
}

func rounded(ns float64) time.Duration { return time.Duration(ns).Round(10 * time.Microsecond) }
