//go:build integration

package bench_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/proc"
)

// TestHostile is about callers and replicas that mean harm, or might as well. A front, as a process, stands between them.
func TestHostile(t *testing.T) {
	bin, err := proc.Build(t.Context(), t.TempDir(), proc.Stringsvc)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		name string
		test func(t *testing.T, bin string)
	}{
		{"slow callers", slowCallers}, // first, for it takes longest
		{"smuggling", smuggled},
		{"requests beyond limits", beyondLimits},
		{"replies", hostileReplies},
		{"trickled reply", trickledReply},
		{"reply of another call", replyOfAnother},
		{"reply before the request", replyBefore},
		{"absurd headers", absurdHeaders},
	} {
		t.Run(strings.ReplaceAll(part.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			part.test(t, bin)
		})
	}
}

// crlf writes a request with line ends that can be read.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") }

// Bodies in these tables are {"s":"####"}, 12 bytes; #### is different in each case. What an attacker would have taken for a
// request of its own asks for !!!!, and for the connection's end.
const (
	hidden     = "POST /uppercase HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 12\r\n\r\n" + `{"s":"!!!!"}`
	one        = `{"s":"####"}`
	oneChunk   = "c\r\n" + one + "\r\n0\r\n\r\n"
	uppercase1 = "POST /uppercase HTTP/1.1"
	chunkedTE  = "Transfer-Encoding: chunked"
)

// smuggling are requests that two parsers might read differently. Each is followed by hidden on the same connection. Where
// replies has one status, what follows must not be taken for a request. Where it has two, the request is one that every
// parser reads alike, hidden is its sender's second request, and both have their own answers.
var smuggling = []struct {
	name, wire, replies string
	first, second       int // how often the replica is asked for each
	why                 string
}{
	{"length", crlf(uppercase1, "Host: x", "Content-Length: 12", "", one), "200 200", 1, 1, "the honest request that the others are compared with"},
	{"chunked", crlf(uppercase1, "Host: x", chunkedTE, "", oneChunk), "200 200", 1, 1, "the same, in chunks"},
	{"TE and CL, short", crlf(uppercase1, "Host: x", "Content-Length: 4", chunkedTE, "", oneChunk), "200 200", 1, 1, "RFC 9112, 6.3: chunks win, and the length must not go on"},
	{"TE and CL, long", crlf(uppercase1, "Host: x", chunkedTE, "Content-Length: 400", "", oneChunk), "200 200", 1, 1, "the same, with the hidden request inside the length"},
	{"two lengths", crlf(uppercase1, "Host: x", "Content-Length: 12", "Content-Length: 13", "", one), "400", 0, 0, "nobody knows which"},
	{"two equal lengths", crlf(uppercase1, "Host: x", "Content-Length: 12", "Content-Length: 12", "", one), "200 200", 1, 1, "RFC 9110, 8.6 lets them be one"},
	{"list of lengths", crlf(uppercase1, "Host: x", "Content-Length: 12, 13", "", one), "400", 0, 0, "a proxy may take either"},
	{"signed length", crlf(uppercase1, "Host: x", "Content-Length: +12", "", one), "400", 0, 0, "digits only"},
	{"negative length", crlf(uppercase1, "Host: x", "Content-Length: -1", "", one), "400", 0, 0, "digits only"},
	{"hexadecimal length", crlf(uppercase1, "Host: x", "Content-Length: 0xc", "", one), "400", 0, 0, "digits only"},
	{"length beyond 64 bits", crlf(uppercase1, "Host: x", "Content-Length: 18446744073709551628", "", one), "400", 0, 0, "it is 12 where it overflows"},
	{"space before the colon", crlf(uppercase1, "Host: x", "Content-Length : 12", "", one), "400", 0, 0, "RFC 9112, 5.1: a server must refuse"},
	{"tab before the colon", crlf(uppercase1, "Host: x", "Transfer-Encoding\t: chunked", "", oneChunk), "400", 0, 0, "the same"},
	{"unknown coding", crlf(uppercase1, "Host: x", "Transfer-Encoding: xchunked", "", oneChunk), "501", 0, 0, "some look for the word anywhere"},
	{"coding twice", crlf(uppercase1, "Host: x", chunkedTE, chunkedTE, "", oneChunk), "501", 0, 0, "some count"},
	{"coding and identity", crlf(uppercase1, "Host: x", chunkedTE, "Transfer-Encoding: identity", "", oneChunk), "501", 0, 0, "some take the last"},
	{"coding after a vertical tab", crlf(uppercase1, "Host: x", "Transfer-Encoding: \x0bchunked", "", oneChunk), "400", 0, 0, "some trim it"},
	{"coding in quotes", crlf(uppercase1, "Host: x", `Transfer-Encoding: "chunked"`, "", oneChunk), "501", 0, 0, "some unquote it"},
	{"coding with HTTP/1.0", crlf("POST /uppercase HTTP/1.0", "Host: x", chunkedTE, "", oneChunk), "400", 0, 0, "1.0 has no chunks: the body is empty, and the connection ends"},
	{"folded coding", crlf(uppercase1, "Host: x", "Content-Length: 12", "X-A: b", " Transfer-Encoding: chunked", "", one), "200 200", 1, 1, "a folded line is part of the value before it"},
	{"folded name", crlf(uppercase1, " Host: x", "Content-Length: 12", "", one), "400", 0, 0, "there is nothing that the first line could be part of"},
	{"bare LF", strings.ReplaceAll(crlf(uppercase1, "Host: x", "Content-Length: 12", "", one), "\r\n", "\n"), "200 200", 1, 1, "RFC 9112, 2.2 lets a line end so; all lines of this parser do"},
	{"bare CR in a value", crlf(uppercase1, "Host: x", "X-A: b\rTransfer-Encoding: chunked", "Content-Length: 12", "", one), "400", 0, 0, "some end a line there"},
	{"NUL in a value", crlf(uppercase1, "Host: x", "X-A: b\x00c", "Content-Length: 12", "", one), "400", 0, 0, "some end a string there"},
	{"NUL in a name", crlf(uppercase1, "Host: x", "Content-\x00Length: 0", "Content-Length: 12", "", one), "400", 0, 0, "the same"},
	{"NUL in the path", crlf("POST /uppercase\x00 HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "400", 0, 0, "the same"},
	{"no name", crlf(uppercase1, "Host: x", ": 12", "Content-Length: 12", "", one), "400", 0, 0, "a name has a letter"},
	{"chunk size of letters", crlf(uppercase1, "Host: x", chunkedTE, "", "zz", one, "0", "", ""), "400", 0, 0, "no number"},
	{"chunk size with a sign", crlf(uppercase1, "Host: x", chunkedTE, "", "+c", one, "0", "", ""), "400", 0, 0, "hexadecimal digits only"},
	{"chunk size with 0x", crlf(uppercase1, "Host: x", chunkedTE, "", "0xc", one, "0", "", ""), "400", 0, 0, "the same: some read 0 here"},
	{"no chunk size", crlf(uppercase1, "Host: x", chunkedTE, "", "", one, "0", "", ""), "400", 0, 0, "the same"},
	{"chunk size beyond 64 bits", crlf(uppercase1, "Host: x", chunkedTE, "", "1000000000000000c", one, "0", "", ""), "400", 0, 0, "it is 12 where it overflows"},
	{"chunk longer than it says", crlf(uppercase1, "Host: x", chunkedTE, "", "b", one, "0", "", ""), "400", 0, 0, "the line must end where the size says"},
	{"bare LF after a chunk", crlf(uppercase1, "Host: x", chunkedTE, "", "c", one+"\n0", "", ""), "400", 0, 0, "some look for CRLF further on"},
	{"bare LF in an extension", crlf(uppercase1, "Host: x", chunkedTE, "", "c;a\n"+one, "0", "", ""), "400", 0, 0, "some take it for the end of the line, some do not"},
	{"long extension", crlf(uppercase1, "Host: x", chunkedTE, "", "c;"+strings.Repeat("a", 100<<10), one, "0", "", ""), "400", 0, 0, "nobody needs it, and it costs"},
	{"flood of extensions", crlf(uppercase1, "Host: x", chunkedTE, "", strings.Repeat("1;"+strings.Repeat("a", 2000)+"\r\n \r\n", 200)+oneChunk), "400", 0, 0, "2 kB for a byte, again and again"},
	{"length in a trailer", crlf(uppercase1, "Host: x", chunkedTE, "Trailer: Content-Length", "", "c", one, "0", "Content-Length: 4", "", ""), "400", 0, 0, "RFC 9110, 6.5.1: it is none"},
	{"two hosts", crlf(uppercase1, "Host: x", "Host: y", "Content-Length: 12", "", one), "400", 0, 0, "RFC 9112, 3.2: a server must refuse"},
	{"no host", crlf(uppercase1, "Content-Length: 12", "", one), "400", 0, 0, "the same"},
	{"host with a line's end", crlf(uppercase1, "Host: x y", "Content-Length: 12", "", one), "400", 0, 0, "no such name"},
	{"absolute form", crlf("POST http://169.254.169.254/uppercase HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "200 200", 1, 1, "the host that it names is nowhere that we go"},
	{"two slashes", crlf("POST //169.254.169.254/uppercase HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "404 200", 0, 1, "a path, and no host"},
	{"authority form", crlf("CONNECT 169.254.169.254:80 HTTP/1.1", "Host: 169.254.169.254:80", "Content-Length: 12", "", one), "404 200", 0, 1, "no proxy is here"},
	{"a user in the target", crlf("POST http://a:b@x/uppercase HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "200 200", 1, 1, "it is not passed on"},
	{"path that climbs", crlf("POST /uppercase/../metrics HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "404 200", 0, 1, "paths are not cleaned"},
	{"path with a line's end", crlf("POST /uppercase%0d%0aX-A:%20b HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "404 200", 0, 1, "the replica's path is ours"},
	{"two protocols", crlf("POST /uppercase HTTP/1.1 HTTP/1.1", "Host: x", "Content-Length: 12", "", one), "400", 0, 0, "some take the first, some the last"},
	{"HTTP/2 out of the blue", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "404", 0, 0, "it is not offered: the preface is a request for nothing, and the last one"},
	{"upgrade to HTTP/2", crlf(uppercase1, "Host: x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Content-Length: 12", "", one), "200 200", 1, 1, "it is not offered, and not passed on"},
	{"an expectation", crlf(uppercase1, "Host: x", "Expect: 200-ok", "Content-Length: 12", "", one), "417", 0, 0, "nobody knows whether the body comes"},
	{"a trail too long", crlf(uppercase1, "Host: x", "Rota-Hops: "+strings.Repeat("a,", 1000), "Content-Length: 12", "", one), "508 200", 0, 1, "it grows with every process"},
	{"times that are none", crlf(uppercase1, "Host: x", "Rota-Timeout-Ms: 99999999999999999999", "Grpc-Timeout: -1S", "Connect-Timeout-Ms: 1e9", "Rota-Attempt: 99999", "Rota-Retries-Left: -1", "Content-Length: 12", "", one), "200 200", 1, 1, "they limit nothing"},
}

// smuggled sends what front and replica could read differently, byte by byte, through a front to a replica that keeps
// every byte: the replica is asked what its callers have asked, in requests that the front has written, and everybody gets
// his own answer.
func smuggled(t *testing.T, bin string) {
	raw := startRaw(t, recorder)
	f := start(t, bin, "-proxy="+raw.addr, "-hedge=false", "-max-time=5s")
	requests := 0
	t.Run("cases", func(t *testing.T) {
		for i, tt := range smuggling {
			t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
				requests += tt.first + tt.second // before others run beside it
				t.Parallel()
				open, closed := fmt.Sprintf("c%03d", i), fmt.Sprintf("s%03d", i)
				wire := strings.NewReplacer("####", open, "!!!!", closed).Replace(tt.wire + hidden)
				all := exchange(t, f.Addr, wire)
				if got := statuses(all); got != tt.replies {
					t.Errorf("replies %v, want %s: %s", all, tt.replies, tt.why)
				}
				for k, r := range all {
					if want := fmt.Sprintf(`{"v":%q}`, strings.ToUpper([]string{open, closed, ""}[min(k, 2)])); r.status == 200 && r.body != want {
						t.Errorf("reply %d is %s, want %s: %s", k+1, r.body, want, tt.why)
					}
				}
				raw.mu.Lock()
				defer raw.mu.Unlock()
				for id, want := range map[string]int{open: tt.first, closed: tt.second} {
					if n := strings.Count(raw.bytes.String(), id); n != want {
						t.Errorf("the replica got %q %d times, want %d: %s", id, n, want, tt.why)
					}
				}
			})
		}
	})
	raw.mu.Lock()
	defer raw.mu.Unlock()
	if lines := strings.Count(raw.bytes.String(), "HTTP/1.1\r\n"); lines != requests || len(raw.requests) != requests {
		t.Errorf("the replica got %d request lines in %d requests, want %d", lines, len(raw.requests), requests)
	}
	known := regexp.MustCompile(`^(User-Agent|Content-Length|Content-Type|Rota-(Timeout-Ms|Hops|Attempt|Retries-Left))$`)
	for _, req := range raw.requests {
		if req.Method != "POST" || req.RequestURI != "/uppercase" || req.Host != raw.addr {
			t.Errorf("the replica was asked %s %s of %s", req.Method, req.RequestURI, req.Host)
		}
		for key := range req.Header {
			if !known.MatchString(key) {
				t.Errorf("%s: %q went on to the replica", key, req.Header[key])
			}
		}
	}
}

// beyondLimits shows that nobody makes a front hold much: what is too long is refused, and not read to its end.
func beyondLimits(t *testing.T, bin string) {
	raw := startRaw(t, recorder)
	f := start(t, bin, "-proxy="+raw.addr, "-hedge=false", "-max-time=5s")
	const body = `{"s":"x"}`
	head := uppercase1 + "\r\nHost: x\r\nConnection: close\r\n"
	tests := []struct{ name, wire, replies string }{
		{"long line", head + "X-A: " + strings.Repeat("a", 80<<10) + "\r\n\r\n", "431"},
		{"long name", head + strings.Repeat("a", 80<<10) + ": b\r\n\r\n", "431"},
		{"long target", "POST /" + strings.Repeat("a", 80<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
		{"header without end", head + strings.Repeat("X-A: b\r\n", 1<<20/8), "431"},
		{"many headers", head + strings.Repeat("A: b\r\n", 14000) + "\r\n", "431"},
		{"quite a few headers", head + "Content-Length: 9\r\n" + strings.Repeat("A: b\r\n", 9000) + "\r\n" + body, "200"},
		{"long trailer", head + chunkedTE + "\r\n\r\n9\r\n" + body + "\r\n0\r\nX-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", "400"},
		{"long body", head + "Content-Length: 2000000\r\n\r\n" + strings.Repeat(" ", 2000000), "413"},
		{"body that is only announced", head + "Content-Length: 9000000000000000000\r\n\r\n", "413"},
		{"chunks without end", head + chunkedTE + "\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n", 64), "413"},
		{"one chunk without end", head + chunkedTE + "\r\n\r\n7fffffffffffffff\r\n" + strings.Repeat(" ", 4<<20), "413"},
		{"brackets without end", head + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("[", 1000000), "400"},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			if got := exchange(t, f.Addr, tt.wire); statuses(got) != tt.replies {
				t.Errorf("replies %.300v, want %s", got, tt.replies)
			}
		})
	}
}

// slowCallers shows that callers who send as slowly as they can are cut off, and that the others do not notice them.
func slowCallers(t *testing.T, bin string) {
	raw := startRaw(t, recorder)
	f := start(t, bin, "-proxy="+raw.addr, "-hedge=false", "-max-time=5s")
	tests := []struct {
		name, first, more string
		within            time.Duration
	}{
		{"header", uppercase1 + "\r\n", "X-A: b\r\n", 5 * time.Second},
		{"one header line", uppercase1 + "\r\nX-A: ", "b", 5 * time.Second},
		{"request line", "", "P", 5 * time.Second},
		{"body", uppercase1 + "\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", " ", 8 * time.Second},
		{"chunks", uppercase1 + "\r\nHost: x\r\n" + chunkedTE + "\r\n\r\n", "1\r\n \r\n", 8 * time.Second},
		{"extension", uppercase1 + "\r\nHost: x\r\n" + chunkedTE + "\r\n\r\n1;", "a", 8 * time.Second},
		{"second request", crlf(uppercase1, "Host: x", "Content-Length: 12", "", `{"s":"slow"}`) + uppercase1 + "\r\n", "X-A: b\r\n", 5 * time.Second},
	}
	var slow sync.WaitGroup
	for _, tt := range tests {
		for range 20 {
			c := dialRaw(t, f.Addr)
			began := time.Now()
			ended := make(chan struct{})
			slow.Go(func() {
				defer close(ended)
				if _, err := io.Copy(io.Discard, c); timeout(err) {
					t.Errorf("%s: after %v the connection is still open", tt.name, cutOff)
				} else if took := time.Since(began); took > tt.within+3*time.Second {
					t.Errorf("%s: the connection was cut off after %v, want about %v", tt.name, took, tt.within)
				}
			})
			slow.Go(func() { trickle(c, tt.first, tt.more, ended) })
		}
	}
	paced(100*time.Millisecond, time.Second, func() bool {
		a := f.call(t)
		if !a.right() || a.took > time.Second {
			t.Errorf("others get %v after %v while there are slow callers", a, a.took)
		}
		return a.right()
	})
	slow.Wait()
	if a := f.call(t); !a.right() {
		t.Errorf("afterwards others get %v", a)
	}
	raw.mu.Lock()
	defer raw.mu.Unlock()
	for _, req := range raw.requests {
		if req.Method != http.MethodPost || req.ContentLength > 13 {
			t.Errorf("half a request went on to the replica: %+v", req)
		}
	}
}

// trickle writes first, and then more again and again, until the connection has ended.
func trickle(c net.Conn, first, more string, ended <-chan struct{}) {
	defer c.Close()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	_, err := io.WriteString(c, first)
	for err == nil {
		select {
		case <-tick.C:
			_, err = io.WriteString(c, more)
		case <-ended:
			return
		}
	}
	<-ended
}
