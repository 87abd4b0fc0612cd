package wrk

import (
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

func TestParse(t *testing.T) {
	clean := Result{Requests: 66400, PerSecond: 16590.97, P50: 950 * time.Microsecond, P99: 1020 * time.Millisecond}
	dirty := clean
	dirty.Bad, dirty.Broken = 12, 1+2+3+4
	tests := []struct {
		name string
		in   string
		want Result
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
			got, err := parse(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error = %v, want one with %q", err, tt.err)
				}
				return
			}
			if got != tt.want || err != nil {
				t.Errorf("parse() = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}
