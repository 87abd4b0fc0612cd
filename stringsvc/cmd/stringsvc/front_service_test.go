package main_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCountIsServedByTheFront(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, status(500, `{}`))
	p := front(t, addrs)
	for _, tt := range []struct{ s, want string }{{`hello`, `{"v":5}`}, {`né`, `{"v":3}`}, {``, `{"v":0}`}} {
		if resp, reply := p.do(t, "POST", "/count", `{"s":"`+tt.s+`"}`); resp.StatusCode != 200 || reply != tt.want+"\n" {
			t.Errorf("count %q = %d %s, want 200 %s", tt.s, resp.StatusCode, reply, tt.want)
		}
	}
	if n := len(list[0].requests()); n != 0 {
		t.Errorf("the replica was asked %d times, want none", n)
	}
}

// TestFrontChecksRequests: what is no request reaches no replica, and GET with
// a body is one.
func TestFrontChecksRequests(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well)
	p := front(t, addrs, "-max-body=64")
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/uppercase", `{"s":`, 400},
		{"POST", "/uppercase", `{"s":5}`, 400},
		{"POST", "/uppercase", `{"s":"a"} x`, 400},
		{"POST", "/uppercase", strings.Repeat(" ", 65), 413},
		{"PUT", "/uppercase", `{"s":"a"}`, 405},
		{"POST", "/upper", `{"s":"a"}`, 404},
	} {
		resp, reply := p.do(t, tt.method, tt.path, tt.body)
		if resp.StatusCode != tt.status || !strings.HasPrefix(reply, `{"err":"`) {
			t.Errorf("%s %s %q = %d %s, want %d with err", tt.method, tt.path, tt.body, resp.StatusCode, reply, tt.status)
		}
	}
	if n := len(list[0].requests()); n != 0 {
		t.Errorf("the replica was asked %d times, want none", n)
	}
	if resp, reply := p.do(t, "GET", "/uppercase", `{"s":"hello"}`); resp.StatusCode != 200 || reply != `{"v":"HELLO"}`+"\n" {
		t.Errorf("GET with a body = %d %s, want 200", resp.StatusCode, reply)
	}
}

func TestRoundRobinTakesTurns(t *testing.T) {
	t.Parallel()
	if turns := order(t, "round-robin", 12); turns != strings.Repeat("012", 4) {
		t.Errorf("12 calls went to %s, want turns from the first on", turns)
	}
}

// TestP2CSpreads: each of three replicas gets its share of 200 calls, in no
// order. Fewer than 20 of a fair third has a chance of 1 in 10^13.
func TestP2CSpreads(t *testing.T) {
	t.Parallel()
	turns := order(t, "p2c", 200)
	for _, one := range []string{"0", "1", "2"} {
		if n := strings.Count(turns, one); n < 20 {
			t.Errorf("replica %s answered %d of 200 calls, want about a third", one, n)
		}
	}
	if strings.Contains(turns, strings.Repeat("012", 8)) {
		t.Errorf("calls went to %s, want no order", turns)
	}
}

// order returns which of three replicas answered each of n calls.
func order(t *testing.T, balancer string, n int) string {
	t.Helper()
	answered := make(chan int, n)
	handlers := make([]http.Handler, 3)
	for i := range handlers {
		handlers[i] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answered <- i
			well.ServeHTTP(w, r)
		})
	}
	_, addrs := newReplicas(t, handlers...)
	p := front(t, addrs, "-hedge=false", "-balancer="+balancer)
	var turns strings.Builder
	for range n {
		p.all(t, 1)
		fmt.Fprint(&turns, within(t, answered))
	}
	return turns.String()
}

// TestFrontMetrics checks the names and labels that dashboards are made of, and
// that each time is in its unit.
func TestFrontMetrics(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Millisecond
	list, addrs := newReplicas(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(pause)
		well.ServeHTTP(w, r)
	}))
	p := front(t, addrs)
	begin := time.Now()
	p.all(t, 2)
	_, _ = p.do(t, "POST", "/uppercase", `{"s":""}`)
	spent := time.Since(begin)
	_, _ = p.do(t, "POST", "/count", `{"s":"hello"}`)
	list[0].set(status(500, `{}`))
	p.uppercase(t, "hello").want(t, 502, 3, `500`)

	name := list[0].name()
	for sample, want := range map[string]float64{
		`my_group_string_service_request_count{error="false",method="uppercase"}`:                      2,
		`my_group_string_service_request_count{error="true",method="uppercase"}`:                       2,
		`my_group_string_service_request_count{error="false",method="count"}`:                          1,
		`my_group_string_service_request_latency_microseconds_count{error="false",method="uppercase"}`: 2,
		`my_group_string_service_count_result_sum`:                                                     5,
		`my_group_string_service_count_result_count`:                                                   1,
		`my_group_string_service_loop_count`:                                                           0,

		`rota_client_calls_total{result="success",service="uppercase"}`:                            3,
		`rota_client_calls_total{result="failure",service="uppercase"}`:                            1,
		`rota_client_calls_in_flight{service="uppercase"}`:                                         0,
		`rota_client_attempts_total{replica="` + name + `",service="uppercase",verdict="success"}`: 3,
		`rota_client_attempts_total{replica="` + name + `",service="uppercase",verdict="failure"}`: 3,
		`rota_client_retries_total{service="uppercase"}`:                                           2,
		`rota_client_hedges_total{service="uppercase"}`:                                            0,
		`rota_client_in_flight{replica="` + name + `",service="uppercase"}`:                        0,
		`rota_client_breaker_state{replica="` + name + `",service="uppercase",state="closed"}`:     1,
		`rota_client_breaker_state{replica="` + name + `",service="uppercase",state="open"}`:       0,
		`rota_client_ejections_total{replica="` + name + `",service="uppercase"}`:                  0,
		`rota_client_latency_seconds_count{service="uppercase"}`:                                   3,
		`rota_client_latency_seconds_bucket{service="uppercase",le="0.01"}`:                        0,
		`rota_client_latency_seconds_bucket{service="uppercase",le="+Inf"}`:                        3,
		`rota_client_replicas{service="uppercase"}`:                                                1,
	} {
		if got := p.metric(t, sample); got != want {
			t.Errorf("%s = %v, want %v", sample, got, want)
		}
	}
	for sample, bounds := range map[string][2]float64{
		`my_group_string_service_request_latency_microseconds_sum{error="false",method="uppercase"}`: {float64(2 * pause.Microseconds()), float64(spent.Microseconds())},
		`rota_client_latency_seconds_sum{service="uppercase"}`:                                       {3 * pause.Seconds(), spent.Seconds()},
		`rota_client_replica_latency_seconds{replica="` + name + `",service="uppercase"}`:            {0, spent.Seconds()},
		`rota_client_budget_left{service="uppercase"}`:                                               {7, 10.4},
	} {
		if got := p.metric(t, sample); got < bounds[0] || got > bounds[1] {
			t.Errorf("%s = %v, want %v to %v", sample, got, bounds[0], bounds[1])
		}
	}
}

func TestFrontLog(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well, well)
	p := run(t, nil, "-listen=127.0.0.1:0", "-proxy= "+addrs[0]+" , http://"+addrs[1]+"/v1", "-max-time="+patience.String())
	p.line(t, regexp.MustCompile(`^time=\S+ proxy_to=\[`+list[0].name()+`,http://`+addrs[1]+`/v1\]$`))
	p.url = "http://" + listening.FindStringSubmatch(p.line(t, listening))[1]

	p.uppercase(t, "hello").want(t, 200, 0, ``)
	p.line(t, regexp.MustCompile(`^time=\S+ method=uppercase input=hello output=HELLO err=null took=\S+$`))
	for _, r := range list {
		r.set(raw("HTTP/1.1 200\" err=null\ttook=1s\n\n"))
	}
	a := p.uppercase(t, "x=y z")
	a.want(t, 502, 3, `.`)
	line := p.line(t, regexp.MustCompile(`^time=\S+ method=uppercase input="x=y z" output= err="rota: uppercase: no attempts are left: .*" took=\S+$`))
	for _, one := range a.attempts {
		if !strings.Contains(line, one.Replica) || !strings.Contains(line, one.Took) {
			t.Errorf("line %s does not name the attempt %+v", line, one)
		}
	}
	_, _ = p.do(t, "POST", "/count", `{"s":"hello"}`)
	p.line(t, regexp.MustCompile(`^time=\S+ method=count input=hello n=5 took=\S+$`))
}
