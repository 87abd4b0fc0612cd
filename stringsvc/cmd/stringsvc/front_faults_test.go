package main_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota/stringsvc"
)

// TestFaults meets every kind of bad replica: as one of three, when no call
// may fail, and as all three.
func TestFaults(t *testing.T) {
	const half = `{"v":"HELL`
	tests := []struct {
		name    string
		replica http.Handler
		status  int // when all are so
		outcome string
	}{
		{"garbage", raw("\x00\x1b[31mgarbage\n\n"), 502, `malformed HTTP response "\\x00\\x1b\[31mgarbage"`},
		{"reset", reset, 502, `reset|forcibly|EOF`},
		{"closed without a reply", raw(""), 502, `EOF`},
		{"half a head", raw("HTTP/1.1 200 OK\nContent-Le"), 502, `malformed MIME header`},
		{"half a body", raw("HTTP/1.1 200 OK\nContent-Length: 13\n\n" + half), 502, `^read reply: unexpected EOF`},
		{"half a chunked body", raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\na\n" + half + "\n"), 502, `^read reply: unexpected EOF`},
		{"half an answer in a whole body", status(200, half), 502, `^the reply does not decode: `},
		{"head too long", status(200, `{"v":"HELLO"}`, "X", strings.Repeat("x", 80<<10)), 502, `headers exceeded`},
		{"reply too long", status(200, strings.Repeat(" ", 7<<20)), 502, `^the reply is too long`},
		{"HTML", status(200, "<html>It works!</html>"), 502, `does not decode: invalid character '<'`},
		{"no answer in it", status(200, `{}`), 502, `does not decode: no "v" in it`},
		{"an array", status(200, `[]`), 502, `does not decode`},
		{"null", status(200, `null`), 502, `does not decode: no "v" in it`},
		{"a number", status(200, `{"v":5}`), 502, `does not decode`},
		{"two answers", status(200, `{"v":"HELLO"}{"v":"HELLO"}`), 502, `does not decode`},
		{"no body", status(200, ``), 502, `does not decode`},
		{"no content", status(204, ``), 502, `does not decode`},
		{"500", status(500, `{}`), 502, `^status 500 Internal Server Error$`},
		{"500 with an answer", status(500, `{"v":"WRONG"}`), 502, `^status 500 Internal Server Error$`},
		{"501", status(501, ``), 502, `^status 501 Not Implemented$`},
		{"504", status(504, ``), 502, `^status 504 Gateway Timeout$`},
		{"wrong path", http.NotFoundHandler(), 502, `^status 404 Not Found$`},
		{"login page", http.RedirectHandler("/login", http.StatusFound), 502, `^status 302 Found$`},
		{"400 with an answer", status(400, `{"v":"WRONG"}`), 502, `^status 400 Bad Request$`},
		{"503", status(503, `{"v":"WRONG"}`), 503, `^status 503 Service Unavailable$`},
		{"429", status(429, ``), 503, `^status 429 Too Many Requests$`},
		{"508", status(508, ``), 508, `^status 508 Loop Detected$`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, addrs := newReplicas(t, tt.replica, well, well)
			p := front(t, addrs)
			p.all(t, 6)
			met := len(list[0].requests())
			if met == 0 {
				t.Error("no call met the bad replica")
			}
			if n := p.metric(t, `rota_client_retries_total{service="uppercase"}`); n != float64(met) {
				t.Errorf("%v retries, want one for each of %d bad answers", n, met)
			}
			list[1].set(tt.replica)
			list[2].set(tt.replica)
			a := p.uppercase(t, "hello")
			a.want(t, tt.status, 3, tt.outcome)
			want := []string{list[0].name(), list[1].name(), list[2].name()}
			if slices.Sort(want); !slices.Equal(a.names(), want) {
				t.Errorf("attempts went to %v, want %v", a.names(), want)
			}
			if after := a.retryAfter(); tt.status == 503 && after != 1 {
				t.Errorf("Retry-After = %d, want 1", after)
			}
			for _, name := range want {
				if !strings.Contains(a.err, name) {
					t.Errorf("err %q does not name %s", a.err, name)
				}
			}
		})
	}
}

func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	gone := refusing(t, 3)
	t.Run("one of three", func(t *testing.T) {
		_, addrs := newReplicas(t, well, well)
		p := front(t, append(addrs, gone[0]))
		p.all(t, 20)
		bad := fmt.Sprintf(`rota_client_attempts_total{replica="http://%s/uppercase",service="uppercase",verdict="failure"}`, gone[0])
		if n := p.metric(t, bad); n < 1 {
			t.Errorf("%s %v, want some", bad, n)
		}
	})
	t.Run("all", func(t *testing.T) {
		p := front(t, gone)
		p.uppercase(t, "hello").want(t, 502, 3, `refused`)
		for path, want := range map[string]string{"/readyz": `{"status":"ready"}`, "/healthz": `{"status":"ok"}`} {
			if resp, reply := p.do(t, "GET", path, ""); resp.StatusCode != 200 || reply != want+"\n" {
				t.Errorf("%s with no replica alive = %d %s, want 200 %s", path, resp.StatusCode, reply, want)
			}
		}
	})
}

// TestBusinessErrorIsAnAnswer also shows that three real replicas share the calls.
func TestBusinessErrorIsAnAnswer(t *testing.T) {
	t.Parallel()
	replicas := []*process{start(t), start(t), start(t)}
	p := front(t, []string{replicas[0].addr(), replicas[1].addr(), replicas[2].addr()})
	p.all(t, 9)
	for range 9 {
		if resp, reply := p.do(t, "POST", "/uppercase", `{"s":""}`); resp.StatusCode != 200 || reply != `{"v":"","err":"empty string"}`+"\n" {
			t.Errorf(`uppercase "" = %d %s, want 200 and an err`, resp.StatusCode, reply)
		}
	}
	if n := p.metric(t, `rota_client_retries_total{service="uppercase"}`); n != 0 {
		t.Errorf("%v retries, want none", n)
	}
	for _, r := range replicas {
		for failed, want := range map[string]float64{"false": 3, "true": 3} {
			if n := r.metric(t, `my_group_string_service_request_count{error="`+failed+`",method="uppercase"}`); n != want {
				t.Errorf("%s counted %v requests with error %s, want %v", r.url, n, failed, want)
			}
		}
		for verdict, want := range map[string]float64{"success": 6, "failure": 0, "overload": 0, "ignored": 0} {
			if n := p.metric(t, `rota_client_attempts_total{replica="`+r.url+`/uppercase",service="uppercase",verdict="`+verdict+`"}`); n != want {
				t.Errorf("%s: %v attempts are a %s, want %v", r.url, n, verdict, want)
			}
		}
	}
}

// TestTooLongForTheReplicas: a call that is too long hurts no replica, and one
// that the front takes is not made longer on the way.
func TestTooLongForTheReplicas(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal(), MaxBody: 100}))
	p := front(t, addrs)
	for range 6 { // a breaker would open
		p.uppercase(t, strings.Repeat("x", 100)).want(t, 502, 1, `^status 413 Request Entity Too Large$`)
	}
	if got := len(list[0].requests()); got != 6 {
		t.Errorf("the replica saw %d requests, want 6", got)
	}
	if a := p.uppercase(t, strings.Repeat("<", 92)); a.status != 200 {
		t.Errorf("100 bytes = %d %s, want 200", a.status, a.body)
	}
}

func TestLongAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, "-max-body=6000000")
	p := front(t, []string{r.addr()}, "-max-body=6000000")
	if a := p.uppercase(t, strings.Repeat("x", 5_000_000)); a.status != 200 {
		t.Errorf("5 MB = %d %.200s, want 200", a.status, a.body)
	}
}
