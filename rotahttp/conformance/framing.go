package conformance

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// Where a reply's body ends, and that a body which was cut short is not taken for a whole one.
var framingCases = []testCase{
	{"chunked", onHTTP1, contract, framingChunked},
	{"close-delimited", onHTTP1, contract, framingClose},
	{"http-1.0", onHTTP1, contract, framingHTTP10},
	{"http-1.0-keep-alive", onHTTP1, contract, framingHTTP10KeepAlive},
	{"no-body-whatever-is-said", onHTTP1, contract, framingNoBody},
	{"in-single-bytes", onHTTP1, contract, framingSingleBytes},
	{"length-cut", onHTTP1, contract, truncated("Content-Length: 100\r\n\r\nhalf", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"length-cut-before-body", onHTTP1, contract, truncated("Content-Length: 100\r\n\r\n", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"length-reset", onHTTP1, contract, truncated("Content-Length: 100\r\n\r\nhalf", (*rawConn).resetLater, nil)},
	{"chunk-cut", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n10\r\nhalf", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"chunk-cut-between", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"chunk-cut-before-its-end", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"chunk-cut-in-size", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1", (*rawConn).cut, io.ErrUnexpectedEOF)},
	{"chunk-cut-in-last", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", (*rawConn).cut, nil)},
	{"chunk-cut-in-trailer", onHTTP1, contract,
		truncated("Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nhalf\r\n0\r\nX-Su", (*rawConn).cut, nil)},
	{"chunk-reset", onHTTP1, contract, truncated("Transfer-Encoding: chunked\r\n\r\n10\r\nhalf", (*rawConn).resetLater, nil)},
	{"close-delimited-reset", onHTTP1, contract, truncated("\r\nhalf", (*rawConn).resetLater, nil)},
	{"aborted", onAll, contract, framingAborted},
}

func framingChunked(e *env) {
	replies := []string{
		"5\r\nhello\r\n0\r\n\r\n",
		"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
		"0005\r\nhello\r\n000\r\n\r\n",
		"5;name=value;other=\"quoted\"\r\nhello\r\n0;last\r\n\r\n",
		"5\r\nhello\r\n0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n",
	}
	next := make(chan string, 1)
	defer close(next)
	e.script(func(c *rawConn) {
		for {
			if c.request().URL.Path == "/next" {
				c.send("%s", ok("/next"))
				continue
			}
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n%s", <-next)
		}
	})
	for _, reply := range replies {
		next <- reply
		resp := e.must(e.request("GET", "/", nil))
		if body, err := e.read(resp); body != "hello" || err != nil || resp.ContentLength != -1 {
			e.Errorf("%q: the body is %q, %v, ContentLength %d", reply, body, err, resp.ContentLength)
		}
		e.get("/next", "/next")
	}
}

// With neither a length nor chunks, the body ends with the connection.
func framingClose(e *env) {
	want := payload(100_000)
	e.script(func(c *rawConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\n\r\n")
		c.send("%s", want)
		c.Close() // says goodbye in TLS
	})
	for range 3 {
		resp := e.must(e.request("GET", "/", nil))
		if body, err := e.read(resp); body != want || err != nil || resp.ContentLength != -1 {
			e.Errorf("%d bytes arrive, %v, ContentLength %d", len(body), err, resp.ContentLength)
		}
	}
}

// A server of HTTP/1.0 closes the connection after its reply, whether it says so or not.
func framingHTTP10(e *env) {
	e.script(func(c *rawConn) {
		req := c.request()
		c.send("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
		if c.n%2 == 0 {
			c.Close()
			return
		}
		c.request() // and hears no more
		c.send("%s", ok("WRONG"))
	})
	for range 5 {
		e.get("/one", "/one")
		resp := e.must(e.request("GET", "/two", nil))
		if e.read(resp); resp.ProtoMajor != 1 || resp.ProtoMinor != 0 || resp.Proto != "HTTP/1.0" {
			e.Errorf("Proto = %q, %d.%d, want HTTP/1.0", resp.Proto, resp.ProtoMajor, resp.ProtoMinor)
		}
	}
}

func framingHTTP10KeepAlive(e *env) {
	e.script(func(c *rawConn) {
		for {
			req := c.request()
			c.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
		}
	})
	for _, path := range []string{"/one", "/two", "/three"} {
		e.get(path, path)
	}
	if n := e.server.total.Load(); e.custom() && n != 1 {
		e.Errorf("%d connections were made, want 1", n)
	}
}

// These have no body though they have a length or a coding, and the next reply comes right after the head.
func framingNoBody(e *env) {
	e.script(func(c *rawConn) {
		for {
			req := c.request()
			switch req.URL.Path {
			case "/204":
				c.send("HTTP/1.1 204 No Content\r\n\r\n")
			case "/304":
				c.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n")
			case "/304-chunked":
				c.send("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n")
			case "/head":
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
			case "/head-chunked":
				c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			default:
				c.send("%s", ok(req.URL.Path))
			}
		}
	})
	for _, path := range []string{"/204", "/304", "/304-chunked", "/head", "/head-chunked"} {
		method := "GET"
		if strings.HasPrefix(path, "/head") {
			method = "HEAD"
		}
		resp := e.must(e.request(method, path, nil))
		if body, err := e.read(resp); body != "" || err != nil {
			e.Errorf("%s %s: the body is %q, %v, want none", method, path, body, err)
		}
		e.get("/next", "/next")
	}
}

// Every byte of a reply comes in a packet of its own.
func framingSingleBytes(e *env) {
	e.script(func(c *rawConn) {
		for {
			c.request()
			reply := "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" +
				"Trailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 42\r\n\r\n"
			for i := range len(reply) {
				c.send("%s", reply[i:i+1])
			}
		}
	})
	for range 3 {
		resp := e.must(e.request("GET", "/", nil))
		if body, err := e.read(resp); body != "abcdefg" || err != nil || resp.Trailer.Get("X-Sum") != "42" {
			e.Errorf("the body is %q, %v, the trailer %v", body, err, resp.Trailer)
		}
	}
}

// truncated is a case of a reply that ends before its end: what there is may be read, and then comes an error. The next
// request is not hurt. want is what http.Transport says; nil = nothing in particular.
func truncated(reply string, end func(*rawConn), want error) func(*env) {
	return func(e *env) {
		e.script(func(c *rawConn) {
			c.untilPOST()
			c.send("HTTP/1.1 200 OK\r\n%s", reply)
			end(c)
		})
		for range 2 {
			resp, err := e.try(e.request("POST", "/", nil))
			if err == nil {
				if body, err := e.read(resp); err == nil {
					e.Errorf("the body is %q, %v, want an error: it was cut short", body, err)
				} else if e.custom() && want != nil && !errors.Is(err, want) {
					e.Errorf("reading the body: %v, want %v", err, want)
				}
			} else if e.custom() && want != nil {
				e.Errorf("RoundTrip() = %v, want the reply: its head is whole", err)
			}
			e.get("/next", "/next")
		}
	}
}

// resetLater resets the connection when the client has closed it, or has had the time to read what was sent: a RST
// overtakes what was not read.
func (c *rawConn) resetLater() {
	c.settle()
	c.reset()
}

func framingAborted(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			return
		}
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", "100")
		}
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for range 3 {
		for _, path := range []string{"/known", "/unknown"} {
			resp := e.must(e.request("POST", path, nil))
			if body, err := e.read(resp); err == nil {
				e.Errorf("%s: the body is %q, %v, want an error: it was cut short", path, body, err)
			}
			e.get("/next", "/next")
		}
	}
}
