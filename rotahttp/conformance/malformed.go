package conformance

import (
	"fmt"
	"net/http"
	"strings"
)

// What is not HTTP is an error, and costs the client neither its connections nor its memory.
var malformedCases = []testCase{
	{"nothing", onHTTP1, contract, malformed("")},
	{"empty-lines", onHTTP1, contract, malformed("\r\n\r\n\r\n")},
	{"not-http", onHTTP1, contract, malformed("220 smtp.test ESMTP\r\n\r\n")},
	{"tls-alert", onHTTP1, contract, malformed("\x15\x03\x01\x00\x02\x02\x28\r\n\r\n")},
	{"http-2-preface", onHTTP1, contract, malformed("\x00\x00\x00\x04\x00\x00\x00\x00\x00")},
	{"no-status", onHTTP1, contract, malformed("HTTP/1.1\r\n\r\n")},
	{"status-short", onHTTP1, contract, malformed("HTTP/1.1 20 OK\r\n\r\n")},
	{"status-long", onHTTP1, contract, malformed("HTTP/1.1 2000 OK\r\n\r\n")},
	{"status-not-a-number", onHTTP1, contract, malformed("HTTP/1.1 2xx OK\r\n\r\n")},
	{"status-negative", onHTTP1, contract, malformed("HTTP/1.1 -20 OK\r\n\r\n")},
	{"version", onHTTP1, contract, malformed("HTTP/x.y 200 OK\r\n\r\n")},
	{"header-without-colon", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon\r\n\r\nok")},
	{"header-without-name", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: value\r\n\r\nok")},
	{"header-cut", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Le")},
	{"length-not-a-number", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok")},
	{"length-negative", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok")},
	{"length-with-sign", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")},
	{"length-too-long", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok")},
	{"lengths-differ", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!")},
	{"lengths-in-a-list", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!")},
	{"coding-unknown", onHTTP1, contract, malformed("HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nbx")},
	{"chunk-size-not-a-number", onHTTP1, contract, malformedChunk("zz\r\nok\r\n0\r\n\r\n")},
	{"chunk-size-empty", onHTTP1, contract, malformedChunk("\r\nok\r\n0\r\n\r\n")},
	{"chunk-size-negative", onHTTP1, contract, malformedChunk("-2\r\nok\r\n0\r\n\r\n")},
	{"chunk-size-overflows", onHTTP1, contract, malformedChunk("10000000000000002\r\nok\r\n0\r\n\r\n")},
	{"chunk-size-prefixed", onHTTP1, contract, malformedChunk("0x2\r\nok\r\n0\r\n\r\n")},
	{"chunk-longer-than-its-size", onHTTP1, contract, malformedChunk("2\r\nokay\r\n0\r\n\r\n")},
	{"chunk-end-missing", onHTTP1, contract, malformedChunk("2\r\nok0\r\n\r\n")},
	{"chunk-line-endless", onHTTP1, custom, malformedEndless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", "x")},
	{"status-line-endless", onHTTP1, custom, malformedEndless("HTTP/1.1 200 ", "x")},
	{"header-endless", onHTTP1, custom, malformedEndless("HTTP/1.1 200 OK\r\nX-Key: ", "x")},
	{"headers-endless", onHTTP1, custom, malformedEndless("HTTP/1.1 200 OK\r\n", "X-Key: value\r\n")},
	{"bytes-endless", onHTTP1, custom, malformedEndless("", "x")},
	{"trailer-endless", onHTTP1, custom, malformedEndless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Key: value\r\n")},
	{"headers-huge", 1 << H2C, custom, malformedHuge},
}

// malformed is a case of a reply that is none.
func malformed(reply string) func(*env) {
	return func(e *env) {
		e.spoilt(reply)
		for range 2 {
			req := e.request("POST", "/", nil)
			body := replayable(req, "what is sent")
			if resp, err := e.try(req); err == nil {
				got, err := e.read(resp)
				e.Errorf("RoundTrip() = %s, %v, body %q, %v, want an error", resp.Status, resp.Header, brief(got), err)
			}
			e.closed(body)
			e.get("/next", "/next")
		}
	}
}

// malformedChunk is a case of a body that is none. The error may come with the reply, or when that is read.
func malformedChunk(chunks string) func(*env) {
	return func(e *env) {
		e.spoilt("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
		for range 2 {
			if resp, err := e.try(e.request("POST", "/", nil)); err == nil {
				if got, err := e.read(resp); err == nil {
					e.Errorf("the body is %q, want an error", brief(got))
				}
			}
			e.get("/next", "/next")
		}
	}
}

// spoilt starts a server that sends the reply to a POST, and is right otherwise.
func (e *env) spoilt(reply string) {
	e.script(func(c *rawConn) {
		for {
			req, _, _ := c.whole()
			if req.Method == "POST" {
				c.send("%s", reply)
				c.cut()
				return
			}
			c.send("%s", ok(req.URL.Path))
		}
	})
}

// malformedEndless is a case of a head without end. The client gives up at some time.
func malformedEndless(start, more string) func(*env) {
	const limit = 64 << 20
	return func(e *env) {
		e.script(func(c *rawConn) {
			req, _, _ := c.whole()
			if req.Method == "GET" {
				c.send("%s", ok(req.URL.Path))
				return
			}
			c.send("%s", start)
			if took := c.endless(strings.Repeat(more, 64<<10/len(more)), limit); took >= limit {
				e.Errorf("the client took %d MiB of %q", took>>20, brief(start+more))
				c.cut() // or it would wait for more
			}
		})
		if resp, err := e.try(e.request("POST", "/", nil)); err == nil {
			if _, err := e.read(resp); err == nil {
				e.Errorf("RoundTrip() = %s, want an error", resp.Status)
			}
		}
		e.get("/next", "/next")
	}
}

// malformedHuge is the same for HTTP/2, where the server has to have it all.
func malformedHuge(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			seen(w, r)
			return
		}
		for i := range 44 {
			w.Header().Set(fmt.Sprintf("X-Key-%d", i), strings.Repeat("v", 256<<10))
		}
	})
	if resp, err := e.try(e.request("POST", "/", nil)); err == nil {
		e.read(resp)
		e.Errorf("RoundTrip() = %s with 11 MiB of headers, want an error", resp.Status)
	}
	e.get("/next", "/next")
}
