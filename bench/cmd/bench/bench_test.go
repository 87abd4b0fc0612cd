package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/wrk"
)

func TestFailedCalls(t *testing.T) {
	const page = `# HELP my_group_string_service_request_count Number of requests received.
my_group_string_service_request_count{error="false",method="uppercase"} 1000
my_group_string_service_request_count{error="true",method="uppercase"} 3
my_group_string_service_request_count{error="true",method="count"} 1e+01
`
	if n, err := failedCalls(page); n != 13 || err != nil {
		t.Errorf("failedCalls() = %d, %v; want 13", n, err)
	}
	if _, err := failedCalls("go_goroutines 7\n"); err == nil {
		t.Error("failedCalls() of a page without the metric succeeded: no count is not a count of 0")
	}
}

func TestReport(t *testing.T) {
	rows := newRows()
	for i, cpu := range []float64{40, 80, 50} {
		for range 3 {
			rows[i].add(measurement{Result: wrk.Result{Requests: 1, PerSecond: 1000, P50: time.Millisecond, P99: time.Millisecond}, cpu: cpu, attempts: 1})
		}
	}
	var out bytes.Buffer
	if err := report(&out, rows); err != nil {
		t.Errorf("report() = %v, want no error", err)
	}
	for _, want := range []string{"A/B    0.50", "A/C    0.80", "0.50, met"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}

	rows[1].all[1].failed = 7
	for i := range rows[0].all {
		rows[0].all[i].cpu = 70
	}
	out.Reset()
	err := report(&out, rows)
	if err == nil || !strings.Contains(err.Error(), "round 2, B go-kit, limiter opened: 7 calls counted as failed") {
		t.Errorf("report() = %v, want the failed calls by round and front", err)
	}
	if !strings.Contains(out.String(), "0.88, MISSED") {
		t.Errorf("a missed target is not said in:\n%s", out.String())
	}
}

func TestFlags(t *testing.T) {
	p, err := parse(nil, io.Discard)
	if want := (params{rounds: 5, connections: 32, duration: 4 * time.Second, warmup: time.Second}); p != want || err != nil {
		t.Errorf("defaults = %+v, %v; want %+v", p, err, want)
	}
	for _, bad := range []string{"-rounds=0", "-connections=0", "-duration=1500ms", "-duration=0s", "-warmup=0s", "more"} {
		var said bytes.Buffer
		if _, err := parse([]string{bad}, &said); err == nil || !strings.Contains(said.String(), strings.Split(bad, "=")[0]) {
			t.Errorf("parse(%s) = %v, saying %q; want an error that names it", bad, err, said.String())
		}
	}
}

func TestReplicasAnswer(t *testing.T) {
	r, err := startReplicas(3)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for i, addr := range r.addrs {
		if err := check(t.Context(), addr); err != nil {
			t.Error(err)
		}
		if got := r.served.Load(); got != int64(i+1) {
			t.Errorf("served %d, want %d", got, i+1)
		}
	}
	if len(r.addrs) != 3 {
		t.Errorf("addrs = %v, want 3", r.addrs)
	}
	if got := fmt.Sprint(check(t.Context(), "127.0.0.1:1")); got == "<nil>" {
		t.Error("check of nobody succeeded")
	}
}
