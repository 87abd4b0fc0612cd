package h1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/h1"
	"github.com/rota-go/rota/internal/memnet"
)

// pair returns a client's connection, and the server's end of it.
func pair(t testing.TB, maxHead int64) (*h1.Conn, net.Conn) {
	t.Helper()
	n := new(memnet.Network)
	l, err := n.Listen("server:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := n.DialContext(t.Context(), "tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn, again := h1.New(c, maxHead)
	if !again {
		t.Fatal("the connection cannot tell whether it is alive")
	}
	t.Cleanup(func() { conn.Close(); server.Close() })
	return conn, server
}

func get(t testing.TB, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", "http://users/v1?a=b", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return req
}

func TestReplies(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	tests := []struct {
		name, wire string
		method     string
		status     int
		body       string
		reused     bool
		err, read  string // of RoundTrip, of reading the body
	}{
		{name: "length", wire: ok, status: 200, body: "hi", reused: true},
		{name: "chunks and a trailer", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n", status: 200, body: "hi", reused: true},
		{name: "no body", wire: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, reused: true},
		{name: "HEAD", method: "HEAD", wire: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", status: 200, reused: true},
		{name: "until the end", wire: "HTTP/1.1 200 OK\r\n\r\nhi", status: 200, body: "hi"},
		{name: "close", wire: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi"},
		{name: "HTTP/1.0", wire: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi"},
		{name: "informational before", wire: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok, status: 200, body: "hi", reused: true},
		{name: "more than one reply", wire: ok + ok, status: 200, body: "hi"},
		{name: "cut in the body", wire: ok[:len(ok)-1], status: 200, body: "h", read: "unexpected EOF"},
		{name: "cut in a chunk", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", status: 200, body: "hi", read: "unexpected EOF"},
		{name: "chunk that is none", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi", status: 200, read: "invalid byte in chunk length"},
		{name: "cut in the head", wire: ok[:17], err: "unexpected EOF"},
		{name: "nothing", wire: "", err: "unexpected EOF"},
		{name: "not HTTP", wire: "\x15\x03\x01\x00\x02\x02\x28\r\n\r\n", err: "malformed HTTP"},
		{name: "two lengths", wire: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", err: "Content-Length"},
		{name: "switching unasked", wire: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", err: "switches protocols"},
		{name: "a head too long", wire: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10), err: "headers exceeded"},
		{name: "informational for ever", wire: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000), err: "headers exceeded"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn, server := pair(t, 16<<10)
			go func() {
				io.WriteString(server, test.wire)
				if !test.reused {
					server.(*memnet.Conn).CloseWrite()
				}
				io.Copy(io.Discard, server)
			}()
			req := get(t)
			if test.method != "" {
				req.Method = test.method
			}
			reused := false
			resp, err := roundTrip(t, conn, t.Context(), req, func(*h1.Conn) { reused = true })
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || reused {
					t.Errorf("err = %v, reused %t, want %q", err, reused, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if resp.StatusCode != test.status || string(b) != test.body {
				t.Errorf("reply = %d %q, want %d %q", resp.StatusCode, b, test.status, test.body)
			}
			if test.read == "" && err != nil || test.read != "" && (err == nil || !strings.Contains(err.Error(), test.read)) {
				t.Errorf("reading the body: %v, want %q", err, test.read)
			}
			if resp.Body.Close(); reused != test.reused {
				t.Errorf("reused = %t, want %t", reused, test.reused)
			}
		})
	}
}

// A body that is closed before its end takes the connection with it, unless the rest is here already.
func TestCloseBeforeTheEnd(t *testing.T) {
	for _, test := range []struct {
		name, now string
		reused    bool
	}{
		{"the rest is here", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", true},
		{"the rest is to come", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", false},
		{"and some of another", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi!HTTP/1.1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, server := pair(t, 16<<10)
				go io.Copy(io.Discard, server)
				io.WriteString(server, test.now)
				synctest.Wait()
				reused := false
				resp, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) { reused = true })
				if err != nil {
					t.Fatal(err)
				}
				var two [2]byte
				io.ReadFull(resp.Body, two[:])
				resp.Body.Close()
				if reused != test.reused {
					t.Errorf("reused = %t, want %t", reused, test.reused)
				}
				if _, err := resp.Body.Read(two[:]); !errors.Is(err, http.ErrBodyReadAfterClose) {
					t.Errorf("Read after Close: %v", err)
				}
				if reused {
					io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
					if resp, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {}); err != nil || resp.StatusCode != 204 {
						t.Errorf("the next request: %v, %v", resp, err)
					}
				}
				conn.Close()
			})
		})
	}
}

// The end of the context ends what is waited for, with its cause.
func TestContextEndsEverything(t *testing.T) {
	cause := errors.New("enough")
	for _, when := range []string{"head", "body", "write"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, server := pair(t, 16<<10)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(cause) })
				req := get(t)
				switch when {
				case "body":
					io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
				case "write":
					req.Header.Set("X", strings.Repeat("x", 1<<20))
				}
				resp, err := roundTrip(t, conn, ctx, req, func(*h1.Conn) { t.Error("used again") })
				if when == "body" {
					if err != nil {
						t.Fatal(err)
					}
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if !errors.Is(err, cause) {
					t.Errorf("err = %v, want the cause of the context's end", err)
				}
			})
		})
	}
}

// A context that ends after the reply's end is no business of the connection's.
func TestContextAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := pair(t, 16<<10)
		go io.Copy(io.Discard, server)
		for range 3 {
			io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			ctx, cancel := context.WithCancel(t.Context())
			resp, err := roundTrip(t, conn, ctx, get(t), func(*h1.Conn) {})
			if err != nil {
				t.Fatal(err)
			}
			io.ReadAll(resp.Body)
			cancel()
			synctest.Wait()
		}
		conn.Close()
	})
}

// roundTrip sends req on conn.
func roundTrip(t testing.TB, conn *h1.Conn, ctx context.Context, req *http.Request, idle func(*h1.Conn)) (*http.Response, error) {
	t.Helper()
	m, err := h1.Encode(req)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	return conn.RoundTrip(ctx, m, idle)
}

// Nothing of a request that could not be written has been sent.
func TestUnsent(t *testing.T) {
	conn, server := pair(t, 16<<10)
	server.Close()
	_, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {})
	var unsent *h1.UnsentError
	if !errors.As(err, &unsent) {
		t.Errorf("err = %v, want an UnsentError", err)
	}
}

func TestFits(t *testing.T) {
	with := func(change func(*http.Request)) *http.Request {
		req, _ := http.NewRequest("POST", "http://users/", strings.NewReader("body"))
		change(req)
		return req
	}
	traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{})
	for _, test := range []struct {
		name string
		ctx  context.Context
		req  *http.Request
		want bool
	}{
		{"GET", t.Context(), get(t), true},
		{"with headers", t.Context(), get(t, "Accept", "a/b;q=0.5", "X-Request-Id", "ä"), true},
		{"short body", t.Context(), with(func(*http.Request) {}), true},
		{"traced", traced, get(t), false},
		{"no URL", t.Context(), with(func(r *http.Request) { r.URL = nil }), false},
		{"no header", t.Context(), with(func(r *http.Request) { r.Header = nil }), false},
		{"long body", t.Context(), with(func(r *http.Request) { r.ContentLength = h1.MaxBody + 1 }), false},
		{"body of unknown length", t.Context(), with(func(r *http.Request) { r.ContentLength = -1 }), false},
		{"body from elsewhere", t.Context(), with(func(r *http.Request) { r.GetBody = nil }), false},
		{"close", t.Context(), with(func(r *http.Request) { r.Close = true }), false},
		{"trailer", t.Context(), with(func(r *http.Request) { r.Trailer = http.Header{"X": nil} }), false},
		{"CONNECT", t.Context(), with(func(r *http.Request) { r.Method = "CONNECT" }), false},
		{"bad method", t.Context(), with(func(r *http.Request) { r.Method = "GET /" }), false},
		{"Expect", t.Context(), get(t, "Expect", "100-continue"), false},
		{"expect", t.Context(), with(func(r *http.Request) { r.Header["expect"] = []string{"100-continue"} }), false},
		{"Upgrade", t.Context(), get(t, "Upgrade", "websocket"), false},
		{"Connection", t.Context(), get(t, "Connection", "close"), false},
		{"Transfer-Encoding", t.Context(), get(t, "Transfer-Encoding", "chunked"), false},
		{"bad key", t.Context(), with(func(r *http.Request) { r.Header["a b"] = []string{"x"} }), false},
		{"bad value", t.Context(), with(func(r *http.Request) { r.Header["X"] = []string{"a\r\nb: c"} }), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := h1.Fits(test.ctx, test.req); got != test.want {
				t.Errorf("Fits() = %t, want %t", got, test.want)
			}
		})
	}
}

// Whatever a server sends, a request ends, and a connection is used again only if nothing is left on it.
func FuzzReply(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nhi")
	f.Add("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
	f.Fuzz(func(t *testing.T, wire string) {
		conn, server := pair(t, 4<<10)
		go func() {
			io.WriteString(server, wire)
			server.(*memnet.Conn).CloseWrite()
			io.Copy(io.Discard, server)
		}()
		reused := false
		resp, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) { reused = true })
		if (err == nil) != (resp != nil) {
			t.Fatalf("RoundTrip() = %v, %v", resp, err)
		}
		if resp == nil {
			return
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if n > int64(len(wire)) || reused && err != nil {
			t.Errorf("%d bytes of a body from %d on the wire, reused %t after %v", n, len(wire), reused, err)
		}
	})
}
