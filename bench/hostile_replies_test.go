//go:build integration

package bench_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// then answers every request on a connection with begin, and goes on with more until the other side has had enough.
func then(begin, more string) func(*rawReplica, net.Conn) {
	return func(r *rawReplica, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			if _, err := r.read(br); err != nil {
				return
			}
			_, err := io.WriteString(c, begin)
			for err == nil && more != "" {
				_, err = io.WriteString(c, more)
			}
			if err != nil {
				return
			}
		}
	}
}

// bomb is 16 MiB of spaces in 16 KB.
func bomb(t *testing.T) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	space := bytes.Repeat([]byte(" "), 1<<20)
	for range 16 {
		if _, err := z.Write(space); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostileReplies shows that whatever a replica sends, the call has an answer in its time, the connection is closed, and
// the front is none the worse. 504 is for what takes for ever, 502 for what is wrong.
func hostileReplies(t *testing.T, bin string) {
	const (
		head   = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		chunks = head + chunkedTE + "\r\n\r\n"
		v      = `{"v":"X"}`
	)
	megabyte := strings.Repeat("a", 1<<20)
	zipped := bomb(t)
	tests := []struct {
		name, begin, more string
		want              string // statuses that are right
		kept              int    // connections that may be used again: what is wrong is not how the reply is framed
	}{
		{"body without end", head + "\r\n" + `{"v":"`, megabyte, "502|504", 0},
		{"chunks without end", chunks + "9\r\n" + `{"v":"aaa` + "\r\n", "10000\r\n" + megabyte[:1<<16] + "\r\n", "502|504", 0},
		{"chunk without end", chunks + "7fffffffffffffff\r\n" + `{"v":"`, megabyte, "502|504", 0},
		{"length beyond memory", head + "Content-Length: 9000000000000000000\r\n\r\n" + `{"v":"`, megabyte, "502|504", 0},
		{"header without end", head, "X-A: b\r\n", "502", 0},
		{"header line without end", head + "X-A: ", megabyte, "502", 0},
		{"status line without end", "HTTP/1.1 200 ", megabyte, "502", 0},
		{"1xx without end", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "502", 0},
		{"trailer without end", chunks + "9\r\n" + v + "\r\n0\r\n", "X-A: b\r\n", "502|504", 0},
		{"extension without end", chunks + "9;", megabyte, "502", 0},
		{"empty lines without end", "", "\r\n", "502", 0},
		{"nothing", "", "", "504", 0},
		{"half a header", head + "X-A: b", "", "504", 0},
		{"half a body", head + "Content-Length: 9\r\n\r\n" + `{"v"`, "", "504", 0},
		{"half a chunk", chunks + "9\r\n" + `{"v"`, "", "504", 0},
		{"no last chunk", chunks + "9\r\n" + v + "\r\n", "", "504", 0},
		{"chunk size of letters", chunks + "zz\r\n" + v + "\r\n0\r\n\r\n", "", "502", 0},
		{"chunk size with a sign", chunks + "+9\r\n" + v + "\r\n0\r\n\r\n", "", "502", 0},
		{"chunk longer than it says", chunks + "8\r\n" + v + "\r\n0\r\n\r\n", "", "502", 0},
		{"negative length", head + "Content-Length: -9\r\n\r\n" + v, "", "502", 0},
		{"two lengths", head + "Content-Length: 9\r\nContent-Length: 8\r\n\r\n" + v, "", "502", 0},
		{"unknown coding", head + "Transfer-Encoding: xchunked\r\n\r\n" + v, "", "502", 0},
		{"NUL in a header", head + "X-A: b\x00c\r\nContent-Length: 9\r\n\r\n" + v, "", "502|200", 0},
		{"no protocol", "HTTQ/1.1 200 OK\r\n\r\n", "", "502", 0},
		{"another protocol", "HTTP/9.9 200 OK\r\nContent-Length: 9\r\n\r\n" + v, "", "200", 1},
		{"status of two digits", "HTTP/1.1 99 OK\r\nContent-Length: 9\r\n\r\n" + v, "", "502", 0},
		{"status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 9\r\n\r\n" + v, "", "502", 0},
		{"status 000", "HTTP/1.1 000 OK\r\nContent-Length: 9\r\n\r\n" + v, "", "502|504", 0},
		{"switched protocols", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", megabyte, "502", 0},
		{"sent elsewhere", "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "", "502", 1},
		{"zipped though nobody asked", head + "Content-Encoding: gzip\r\nContent-Length: " + strconv.Itoa(len(zipped)) + "\r\n\r\n" + zipped, "", "502", 1},
		{"brackets", head + "Content-Length: 1048576\r\n\r\n" + strings.Repeat("[", 1<<20), "", "502", 1},
		{"text that rings", "HTTP/1.1 500 \a\x1b[31m\r\nContent-Length: 0\r\n\r\n", "", "502", 1},
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x1b[31m\n\n", "", "502", 0},
	}
	t.Run("replies", func(t *testing.T) {
		for _, tt := range tests {
			t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				raw := startRaw(t, then(tt.begin, tt.more))
				most := "-max-time=2s" // plenty, for what is seen to be wrong at once
				if tt.want == "504" {
					most = "-max-time=300ms"
				}
				f := start(t, bin, "-proxy="+raw.addr, most)
				for range 2 {
					a := f.call(t)
					if ok, _ := regexp.MatchString("^("+tt.want+")$", strconv.Itoa(a.status)); !ok || a.took > 3*time.Second {
						t.Errorf("answer = %.300s after %v, want %s", a, a.took, tt.want)
					}
					if a.status != 200 && (a.Err == "" || !json.Valid([]byte(a.text))) {
						t.Errorf("the answer does not say why: %.300s", a)
					}
				}
				eventually(t, "connections to a replica that misbehaves stay open", func() bool { return raw.open() <= tt.kept })
				healthy(t, f)
			})
		}
	})
}

// A reply that comes a byte at a time would take for ever: the call's own time ends it, and that of the next one, too.
func trickledReply(t *testing.T, bin string) {
	raw := startRaw(t, func(r *rawReplica, c net.Conn) {
		if _, err := r.read(bufio.NewReader(c)); err != nil {
			return
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, c)
		}()
		trickle(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", " ", ended)
	})
	f := start(t, bin, "-proxy="+raw.addr, "-max-time=600ms")
	for range 2 {
		if a := f.call(t); a.status != 504 || a.took < 500*time.Millisecond || a.took > 3*time.Second {
			t.Errorf("answer = %v after %v, want 504 after 600ms", a, a.took)
		}
	}
	eventually(t, "the connection stays open", func() bool { return raw.open() == 0 })
	healthy(t, f)
}

// healthy fails the test unless the front lives, and has kept neither memory nor goroutines of what it went through.
func healthy(t *testing.T, f *front) {
	t.Helper()
	resp, err := f.client.Get("http://" + f.Addr + "/healthz")
	if err != nil {
		t.Fatalf("the front does not answer any more: %v", err)
	}
	resp.Body.Close()
	if n := total(t, f, "go_goroutines"); n > 60 {
		t.Errorf("the front has %v goroutines", n)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.PID()))
	if err != nil {
		return // no such thing on this system
	}
	if m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); m != nil {
		if kb, _ := strconv.Atoi(string(m[1])); kb > 200<<10 {
			t.Errorf("the front took %d MB", kb>>10)
		}
	}
}

// evil is an answer to nobody's question.
const evil = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n" + `{"v":"EVIL"}`

// replyOfAnother is about replicas that send more replies than they were asked for, on a connection that is used
// again: no call may get what was meant for another one. say returns what is sent for a request, and what is sent later: when
// its caller has the answer and nothing else is under way.
func replyOfAnother(t *testing.T, bin string) {
	tests := []struct {
		name string
		say  func(s string) (now, later string)
	}{
		{"two at once", func(s string) (string, string) { return reply(s) + evil, "" }},
		{"many at once", func(s string) (string, string) { return reply(s) + strings.Repeat(evil, 1000), "" }},
		{"one more, later", func(s string) (string, string) { return reply(s), evil }},
		{"half of one more, later", func(s string) (string, string) { return reply(s), evil[:20] }},
		{"an empty line, later", func(s string) (string, string) { return reply(s), "\r\n" }},
		{"a time-out, later", func(s string) (string, string) {
			return reply(s), "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
		}},
		{"one more in a body that is too long", func(s string) (string, string) {
			return strings.Replace(reply(s), "\r\n\r\n", "\r\nX-A: b\r\n\r\n", 1) + " " + evil, ""
		}},
		{"one more after the last chunk", func(s string) (string, string) {
			body := `{"v":` + strconv.Quote(strings.ToUpper(s)) + `}`
			return fmt.Sprintf("HTTP/1.1 200 OK\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n%s", chunkedTE, len(body), body, evil), ""
		}},
		{"chunks and a length", func(s string) (string, string) {
			body := `{"v":` + strconv.Quote(strings.ToUpper(s)) + `}`
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", chunkedTE, len(body), body), evil
		}},
		{"one in an informational reply", func(s string) (string, string) {
			return "HTTP/1.1 103 Early Hints\r\nContent-Length: 100\r\n\r\n" + reply(s), evil
		}},
		{"one after 204", func(string) (string, string) { return "HTTP/1.1 204 No Content\r\n\r\n" + evil, "" }},
		{"one in 204", func(string) (string, string) {
			return "HTTP/1.1 204 No Content\r\nContent-Length: " + strconv.Itoa(len(evil)) + "\r\n\r\n" + evil, ""
		}},
		{"one in 304", func(string) (string, string) {
			return "HTTP/1.1 304 Not Modified\r\n" + chunkedTE + "\r\n\r\n0\r\n\r\n" + evil, ""
		}},
		{"one after a business error", func(string) (string, string) {
			return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" + evil, ""
		}},
		{"one after an overload", func(string) (string, string) {
			return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n" + evil, ""
		}},
	}
	t.Run("replies", func(t *testing.T) {
		for _, tt := range tests {
			t.Run(strings.NewReplacer(" ", "-", ",", "").Replace(tt.name), func(t *testing.T) {
				t.Parallel()
				answered, goOn := make(chan struct{}), make(chan struct{})
				raw := startRaw(t, func(r *rawReplica, c net.Conn) {
					br := bufio.NewReader(c)
					for {
						s, err := r.read(br)
						if err != nil {
							return
						}
						now, later := tt.say(s)
						if _, err := io.WriteString(c, now); err != nil || later == "" {
							continue
						}
						select {
						case <-answered:
							_, _ = io.WriteString(c, later)
							goOn <- struct{}{}
						case <-t.Context().Done():
							return
						}
					}
				})
				f := start(t, bin, "-proxy="+raw.addr, "-max-time=1s", "-max-attempts=1", "-hedge=false")
				_, later := tt.say("")
				for i := range 8 {
					s := fmt.Sprintf("call%d", i)
					a := f.send(t.Context(), `{"s":"`+s+`"}`, nil)
					if a.status == 200 && a.V != strings.ToUpper(s) {
						t.Errorf("call %d was answered %s", i, a)
					}
					if later == "" {
						continue
					}
					if !a.rightFor(s) {
						t.Fatalf("call %d was answered %s, want the connection with too much on it not to be used", i, a)
					}
					answered <- struct{}{}
					<-goOn
				}
			})
		}
	})
}

func (a answer) rightFor(s string) bool { return a.status == 200 && a.V == strings.ToUpper(s) }

// A replica that replies before it is asked can harm the calls that come to it, and no other: what was sent on a connection
// before a call was is not taken for its answer once the connection has been used.
func replyBefore(t *testing.T, bin string) {
	raw := startRaw(t, func(_ *rawReplica, c net.Conn) {
		if _, err := io.WriteString(c, strings.Repeat(evil, 3)); err == nil {
			_, _ = io.Copy(io.Discard, c)
		}
	})
	good := startRaw(t, recorder)
	f := start(t, bin, "-proxy="+raw.addr+","+good.addr, "-hedge=false")
	for i := range 20 {
		s := fmt.Sprintf("call%d", i)
		if a := f.send(t.Context(), `{"s":"`+s+`"}`, nil); !a.rightFor(s) && a.V != "EVIL" {
			t.Errorf("call %d = %v, want its answer, or the lie of the replica that it went to", i, a)
		}
	}
	eventually(t, "the connection stays open", func() bool { return raw.open() == 0 })
	healthy(t, f)
}

// absurdHeaders shows that a replica cannot take itself out of use for longer than rota.MaxRest whatever it says, nor any
// other one at all.
func absurdHeaders(t *testing.T, bin string) {
	refusal := func(header string) string {
		return "HTTP/1.1 503 Service Unavailable\r\n" + header + "\r\nContent-Length: 0\r\n\r\n"
	}
	ok := func(header string) string {
		return "HTTP/1.1 200 OK\r\n" + header + "\r\nContent-Length: 13\r\n\r\n" + `{"v":"HELLO"}`
	}
	tests := []struct {
		name, say string
		alone     string // statuses of calls when there is no other replica
	}{
		{"rest beyond 64 bits", refusal("Retry-After: 99999999999999999999999"), "503"},
		{"rest for years", refusal("Retry-After: 315360000"), "503"},
		{"rest until 9999", refusal("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"), "503"},
		{"rest until 1970", refusal("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT"), "503"},
		{"negative rest", refusal("Retry-After: -1"), "503"},
		{"rest that is no number", refusal("Retry-After: NaN"), "503"},
		{"two rests", refusal("Retry-After: 1\r\nRetry-After: 99999999"), "503"},
		{"load beyond 64 bits", ok("Rota-Load: rif=99999999999999999999999, latency-us=99999999999999999999999"), "200"},
		{"negative load", ok("Rota-Load: rif=-1, latency-us=-1"), "200"},
		{"long load", ok("Rota-Load: " + strings.Repeat("rif=1,", 5000)), "200"},
		{"load of nonsense", ok("Rota-Load: \xff\xfe=\x80,,,===,rif,=5"), "200"},
		{"always draining", ok("Rota-Load: state=draining"), "200"},
		{"no retries left", "HTTP/1.1 500 Oops\r\nRota-Retries-Left: -99999999999999\r\nContent-Length: 0\r\n\r\n", "502|503"},
		{"a trail and a time", ok("Rota-Hops: a,b,c\r\nRota-Timeout-Ms: 0\r\nRota-Attempt: 9999"), "200"},
	}
	t.Run("replies", func(t *testing.T) {
		for _, tt := range tests {
			t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				raw := startRaw(t, then(tt.say, ""))
				alone := start(t, bin, "-proxy="+raw.addr, "-hedge=false")
				for _, a := range alone.calls(t, 5) {
					if ok, _ := regexp.MatchString("^("+tt.alone+")$", strconv.Itoa(a.status)); !ok {
						t.Errorf("alone = %v, want %s", a, tt.alone)
					}
					if after, _ := strconv.Atoi(a.header.Get("Retry-After")); a.status == 503 && (after < 1 || after > 30) {
						t.Errorf("Retry-After: %q, want 1 to rota.MaxRest, 30", a.header.Get("Retry-After"))
					}
				}
				good := startRaw(t, recorder)
				both := start(t, bin, "-proxy="+raw.addr+","+good.addr, "-hedge=false", "-balancer=p2c")
				if bad := wrong(both.calls(t, 20)); len(bad) > 0 {
					t.Errorf("with a good one: %d of 20 calls failed, the first with %v", len(bad), bad[0])
				}
				healthy(t, both)
			})
		}
	})
}
