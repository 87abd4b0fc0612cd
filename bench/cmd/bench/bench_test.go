package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

const wrkSays = `Running 4s test @ http://127.0.0.1:8080/uppercase
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.96ms    1.36ms  20.40ms   82.06%
    Req/Sec    16.67k     1.00k   19.00k    70.00%
  Latency Distribution
     50%  950.00us
     75%    2.46ms
     90%    3.63ms
     99%    1.02s
  66400 requests in 4.00s, 8.88MB read
Requests/sec:  16590.97
Transfer/sec:      2.22MB
`

func TestParseWrk(t *testing.T) {
	clean := load{requests: 66400, perSecond: 16590.97, p50: 950 * time.Microsecond, p99: 1020 * time.Millisecond}
	dirty := clean
	dirty.bad, dirty.broken = 12, 1+2+3+4
	tests := []struct {
		name string
		in   string
		want load
		err  string
	}{
		{name: "clean", in: wrkSays, want: clean},
		{name: "errors", in: strings.Replace(wrkSays, "Requests/sec",
			"  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 12\nRequests/sec", 1), want: dirty},
		{name: "empty", err: "no "},
		{name: "no p99", in: strings.Replace(wrkSays, "99%", "98%", 1), err: "99%"},
		{name: "nothing answered", in: strings.Replace(wrkSays, "66400 requests", "0 requests", 1), err: "no request was answered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseWrk(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error = %v, want one with %q", err, tt.err)
				}
				return
			}
			if got != tt.want || err != nil {
				t.Errorf("parseWrk() = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseStat(t *testing.T) {
	const stat = "5976 (a (b) c) R 5963 5963 4689 0 -1 4194304 102 0 0 0 120 34 7 8 20 0 1 0 119142 2998272"
	if got, err := parseStat(stat); got != 1540*time.Millisecond || err != nil {
		t.Errorf("parseStat() = %v, %v; want user 1.2s and system 340ms", got, err)
	}
	for _, bad := range []string{"", "1 (x) R 1", strings.Replace(stat, "120", "many", 1)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) succeeded", bad)
		}
	}
}

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

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{{[]float64{7}, 7}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := median(tt.in); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestReport(t *testing.T) {
	rows := newRows()
	for i, cpu := range []float64{40, 80, 50} {
		for range 3 {
			rows[i].add(measurement{load: load{requests: 1, perSecond: 1000, p50: time.Millisecond, p99: time.Millisecond}, cpu: cpu, attempts: 1})
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
