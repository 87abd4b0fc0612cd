package rotahttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// Bytes that two parsers might read as different requests are refused, and end the connection: what comes after them is
// never taken for a request.
func TestSmuggling(t *testing.T) {
	const next = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(header, body string) string {
		return "POST /front HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n" + body
	}
	tests := []struct {
		name, text string
		status     string // "" = the connection just ends
		handled    bool   // the request itself is fine, or its fault is in its body
	}{
		{"two lengths", post("Content-Length: 3\r\nContent-Length: 0", "abc"+next), "400", false},
		{"two lengths in a line", post("Content-Length: 3, 0", "abc"+next), "400", false},
		{"a signed length", post("Content-Length: +3", "abc"+next), "400", false},
		{"a negative length", post("Content-Length: -1", next), "400", false},
		{"a length in hex", post("Content-Length: 0x3", "abc"+next), "400", false},
		{"a huge length", post("Content-Length: 99999999999999999999", next), "400", false},
		{"two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"+next), "", false},
		{"an unknown coding", post("Transfer-Encoding: xchunked", "0\r\n\r\n"+next), "501", false},
		{"chunked and more", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"+next), "501", false},
		{"a space before the colon", post("Content-Length : 3", "abc"+next), "400", false},
		{"a space in the name", post("Content Length: 3", "abc"+next), "400", false},
		{"a line without a name", post(": x", next), "400", false},
		{"a NUL in a value", post("X-A: a\x00b", next), "400", false},
		{"a CR in a value", post("X-A: a\rContent-Length: 3", next), "400", false},
		{"no host", "GET /front HTTP/1.1\r\n\r\n" + next, "400", false},
		{"two hosts", "GET /front HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + next, "400", false},
		{"another protocol", "GET /front HTTP/3.7\r\nHost: x\r\n\r\n" + next, "505", false},
		{"a broken method", "GE\x01T /front HTTP/1.1\r\nHost: x\r\n\r\n" + next, "400", false},
		{"chunks in letters", post("Transfer-Encoding: chunked", "zz\r\nabc\r\n0\r\n\r\n"+next), "400", true},
		{"a chunk in hex with a sign", post("Transfer-Encoding: chunked", "+3\r\nabc\r\n0\r\n\r\n"+next), "400", true},
		{"a chunk that is longer than it says", post("Transfer-Encoding: chunked", "2\r\nabc\r\n0\r\n\r\n"+next), "400", true},
		{"a huge chunk", post("Transfer-Encoding: chunked", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"+next), "400", true},
		{"a bare LF after a chunk", post("Transfer-Encoding: chunked", "3\r\nabc\n0\r\n\r\n"+next), "400", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen []string
				gate := rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					seen = append(seen, r.URL.Path)
					if _, err := io.ReadAll(r.Body); err != nil {
						w.WriteHeader(http.StatusBadRequest)
					}
				}), rotahttp.ServerPolicy{})
				x := start(t, &rotahttp.Runner{}, &http.Server{Handler: gate})
				c, err := x.listener.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				go io.WriteString(c, test.text)
				c.SetReadDeadline(time.Now().Add(time.Minute))
				reply, err := io.ReadAll(c)
				if err != nil {
					t.Errorf("the connection stays open: %v", err)
				}
				if status, _, _ := strings.Cut(strings.TrimPrefix(string(reply), "HTTP/1.1 "), " "); test.status != "" && status != test.status {
					t.Errorf("the reply begins with %.40q, want %s", reply, test.status)
				}
				if n := strings.Count(string(reply), "HTTP/1."); n > 1 || len(seen) > 1 || len(seen) == 1 != test.handled || strings.Contains(fmt.Sprint(seen), "smuggled") {
					t.Errorf("%d replies, and the handler has seen %v", n, seen)
				}
			})
		})
	}
}

// A folded line is part of the value before it, joined by a space as RFC 9112, 5.2 wants it, and so it goes on: as one line,
// that no parser behind can take for two.
func TestFoldedLineIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen http.Header
		gate := rotahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }), rotahttp.ServerPolicy{})
		x := start(t, &rotahttp.Runner{}, &http.Server{Handler: gate})
		status, c := x.raw("GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\tRota-Timeout-Ms: 0\r\n\r\n")
		defer c.Close()
		if want := "b Transfer-Encoding: chunked Rota-Timeout-Ms: 0"; status != "HTTP/1.1 200 OK" || len(seen) != 1 || seen.Get("X-A") != want {
			t.Errorf("%s, and the handler has seen %q", status, seen)
		}
	})
}

// With both a length and chunks the length is not believed (RFC 9112, 6.3), and it does not go on to the replica: what
// comes after the chunks is a request of its own for front and replica alike.
func TestSmugglingThroughAFront(t *testing.T) {
	bubble(t, 1, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %q %v", r.URL.Path, b, err)
	}, rota.DefaultPolicy(), func(t *testing.T, w *world) {
		rt := w.transport()
		front := rotahttp.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			out, _ := http.NewRequestWithContext(r.Context(), r.Method, "http://users"+r.URL.Path, r.Body)
			out.ContentLength, out.Header = r.ContentLength, r.Header.Clone()
			resp, err := rt.RoundTrip(out)
			if err != nil {
				http.Error(rw, "the replica has no answer", http.StatusBadGateway)
				return
			}
			defer resp.Body.Close()
			io.Copy(rw, resp.Body)
		}), rotahttp.ServerPolicy{})
		x := start(t, &rotahttp.Runner{Wait: -1}, &http.Server{Handler: front})
		c, err := x.listener.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"1e\r\nPOST /smuggled HTTP/1.1\r\nHost:\r\n0\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := `/first "POST /smuggled HTTP/1.1\r\nHost:" <nil>`; string(b) != want {
			t.Errorf("the replica has seen %s, want %s", b, want)
		}
		for _, seen := range w.Replica(0).Seen() {
			if seen.URI != "/first" || seen.Header.Get("Content-Length") != "" {
				t.Errorf("the replica has seen %s, %v", seen.URI, seen.Header)
			}
		}
		x.leave()
		<-x.ended
	})
}

// Whoever sends the headers of a request a line at a time, or none, loses the connection after a few seconds, and keeps
// nobody from being served.
func TestSlowHeaders(t *testing.T) {
	tests := []struct {
		name, first string
		line        string // sent every second
		end         time.Duration
	}{
		{"slowly", "GET / HTTP/1.1\r\n", "X-A: b\r\n", 5 * time.Second},
		{"slowly, after a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n", "X-A: b\r\n", 5 * time.Second},
		{"none", "", "", 5 * time.Second},
		{"none, after a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", 2 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := start(t, &rotahttp.Runner{}, &http.Server{Handler: http.HandlerFunc(hello)})
				var slow []net.Conn
				for range 100 {
					c, err := x.listener.Dial(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					slow = append(slow, c)
					go func() {
						_, err := io.WriteString(c, test.first)
						for err == nil {
							time.Sleep(time.Second)
							_, err = io.WriteString(c, test.line)
							if test.line == "" {
								return
							}
						}
					}()
				}
				began := time.Now()
				if status, _, _ := x.get("/"); status != 200 {
					t.Errorf("others have %d", status)
				}
				for _, c := range slow {
					io.Copy(io.Discard, c)
				}
				if took := time.Since(began); took < test.end || took > test.end+time.Second {
					t.Errorf("the connections ended after %v, want %v", took, test.end)
				}
			})
		})
	}
}

// Headers have a bound, and one that is reached costs nobody else anything.
func TestHugeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{}, &http.Server{Handler: http.HandlerFunc(hello)})
		for _, test := range []struct {
			size int
			want string
		}{{60 << 10, "HTTP/1.1 200 OK"}, {80 << 10, "HTTP/1.1 431 Request Header Fields Too Large"}} {
			c, err := x.listener.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			go io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", test.size)+"\r\n\r\n")
			if line, _ := bufio.NewReader(c).ReadString('\n'); strings.TrimSpace(line) != test.want {
				t.Errorf("headers of %d bytes: %q, want %q", test.size, line, test.want)
			}
			c.Close()
		}
	})
}
