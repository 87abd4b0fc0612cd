//go:build integration

package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
)

// A row shows one defect of go-kit's stringsvc3 tutorial. show drives both fronts before the same replicas, fails unless
// go-kit's answer is what we say and ours is the right one, and returns both in a few words.
type row struct {
	defect string
	show   func(t *testing.T, b binaries) (kit, ours string)
}

// rows are in the order of the table. What cannot be seen from outside is not here: the hot loop of a nil retry callback, the
// leaks of the endpoint cache, the data race of the random balancer.
var rows = []row{
	{"limiter set to 100 a second", limiter},
	{"one of three replicas hangs", hungReplica},
	{"three of four replicas are down", openBreaker},
	{"replica fails half of its calls", halfBroken},
	{"replica comes back after an outage", recovery},
	{"one of three resets, garbles, cuts, 503 (no defect)", otherFaults},
	{"every replica answers 500 {}", statusIgnored},
	{"every replica refuses", failedCall},
	{"refused, then timed out: what the error says", lostCauses},
	{"the caller hangs up", callerLeaves},
	{"the caller's deadline", callerDeadline},
	{"traceparent and X-Request-Id", tracePassed},
	{"request the replica gets", method},
	{"request body", bodyLength},
	{"replica named httpd:8080", httpName},
	{"empty entry in -proxy", emptyEntry},
	{"replica listed twice", duplicate},
	{"SIGTERM with a call in flight", shutdown},
	{"client sends half a header", noTimeouts},
	{"latency_microseconds of a 20 ms call", latencyUnit},
	{"log line of a 10 kB input", logLine},
}

func TestCompare(t *testing.T) {
	b := build(t)
	type cells struct{ kit, ours string }
	got := make([]cells, len(rows))
	for i, r := range rows {
		t.Run(strings.ReplaceAll(r.defect, " ", "-"), func(t *testing.T) {
			got[i] = cells{"FAILED", "FAILED"}
			kit, ours := r.show(t, b)
			if !t.Failed() {
				got[i] = cells{kit, ours}
			}
		})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ndefect\tgo-kit v0.13\tstringsvc")
	fmt.Fprintln(w, "------\t------------\t---------")
	for i, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.defect, got[i].kit, got[i].ours)
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
}
