package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/load"
	"github.com/rota-go/rota/bench/wrk"
)

// What rota's proxy may take at most, in terms of httputil.ReverseProxy.
const (
	cpuTarget    = 1.05
	memoryTarget = 1.5 // with most connections
)

// A measurement is one system under one load in one round.
type measurement struct {
	wrk.Result
	cpu    float64 // microseconds of CPU time a request
	memory float64 // peak, megabytes
}

// errors says what went wrong; "" = nothing.
func (m measurement) errors() string {
	var s []string
	if m.Bad > 0 {
		s = append(s, fmt.Sprintf("%d answers not 2xx", m.Bad))
	}
	if m.Broken > 0 {
		s = append(s, fmt.Sprintf("%d socket errors", m.Broken))
	}
	return strings.Join(s, ", ")
}

func (m measurement) line(name string) string {
	s := fmt.Sprintf("%-21s %6.1f us CPU/request  %7.0f requests/s  p50 %v  p99 %v  %.1f MB", name, m.cpu, m.PerSecond, m.P50, m.P99, m.memory)
	if e := m.errors(); e != "" {
		s += "  ERRORS: " + e
	}
	return s
}

// A row is one system over all rounds.
type row struct {
	system *system
	all    [][]measurement // by load, then by round
}

func newRows(list []*system) []*row {
	rows := make([]*row, len(list))
	for i, s := range list {
		rows[i] = &row{s, make([][]measurement, len(loads))}
	}
	return rows
}

// values returns one number of every round.
func (r *row) values(l int, of func(measurement) float64) []float64 {
	v := make([]float64, len(r.all[l]))
	for i, m := range r.all[l] {
		v[i] = of(m)
	}
	return v
}

func cpuOf(m measurement) float64    { return m.cpu }
func rateOf(m measurement) float64   { return m.PerSecond }
func p50Of(m measurement) float64    { return float64(m.P50) / float64(time.Millisecond) }
func p99Of(m measurement) float64    { return float64(m.P99) / float64(time.Millisecond) }
func memoryOf(m measurement) float64 { return m.memory }

// against compares round by round: what slows the machine for a while slows both.
func (r *row) against(base *row, l int, of func(measurement) float64) []float64 {
	v, w := r.values(l, of), base.values(l, of)
	for i := range v {
		v[i] /= w[i]
	}
	return v
}

// report prints a table in Markdown for each load, and what became of the targets.
func report(out io.Writer, rows []*row) {
	base := find(rows, baseName)
	for l := range loads {
		fmt.Fprintf(out, "\n| %s | CPU us/request | beside ReverseProxy (rounds) | requests/s | p50 ms | p99 ms | memory MB | beside it |\n", loads[l].name)
		fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|--:|")
		for _, r := range rows {
			med := func(of func(measurement) float64) float64 { return load.Median(r.values(l, of)) }
			cpu := r.against(base, l, cpuOf)
			fmt.Fprintf(out, "| %s | %.1f | %.2fx (%.2f to %.2f) | %.0f | %.2f | %.1f | %.1f | %.2fx |\n", r.system.name, med(cpuOf),
				load.Median(cpu), slices.Min(cpu), slices.Max(cpu), med(rateOf), med(p50Of), med(p99Of), med(memoryOf),
				load.Median(r.against(base, l, memoryOf)))
		}
	}
	fmt.Fprintln(out)
	ours := find(rows, systems[0].name)
	if ours == nil {
		return
	}
	for l := range loads {
		judge(out, "CPU, "+loads[l].name, load.Median(ours.against(base, l, cpuOf)), cpuTarget)
		if caddy := find(rows, caddyName); caddy != nil {
			ratio, verdict := load.Median(ours.against(caddy, l, cpuOf)), "met"
			if ratio >= 1 {
				verdict = "MISSED"
			}
			fmt.Fprintf(out, "target: CPU, %s: below Caddy's: %.2fx, %s\n", loads[l].name, ratio, verdict)
		}
	}
	most := slices.IndexFunc(loads, func(l scenario) bool { return l.connections == 512 })
	judge(out, "memory, "+loads[most].name, load.Median(ours.against(base, most, memoryOf)), memoryTarget)
}

func judge(out io.Writer, what string, ratio, target float64) {
	verdict := "met"
	if ratio > target {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "target: %s: at most %.2fx of ReverseProxy's: %.2fx, %s\n", what, target, ratio, verdict)
}

func find(rows []*row, name string) *row {
	if i := slices.IndexFunc(rows, func(r *row) bool { return r.system.name == name }); i >= 0 {
		return rows[i]
	}
	return nil
}

// anyErrors returns an error when a call failed: such numbers compare nothing.
func anyErrors(rows []*row) error {
	var s []string
	for _, r := range rows {
		for l, all := range r.all {
			for i, m := range all {
				if e := m.errors(); e != "" {
					s = append(s, fmt.Sprintf("round %d, %s, %s: %s", i+1, loads[l].name, r.system.name, e))
				}
			}
		}
	}
	if len(s) > 0 {
		return fmt.Errorf("calls failed, do not use these numbers:\n%s", strings.Join(s, "\n"))
	}
	return nil
}
