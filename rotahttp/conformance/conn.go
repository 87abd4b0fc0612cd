package conformance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Every request gets its own reply, whatever was on the connection before; and connections are kept, or closed.
var connCases = []testCase{
	{"reuse", onAll, custom, connReuse},
	{"closed-unread", onAll, contract, connClosedUnread},
	{"closed-mid-body", onAll, contract, connClosedMidBody},
	{"closed-mid-body-held", onAll, contract, connClosedWhileHeld},
	{"read-but-not-to-eof", onAll, contract, connReadNotToEOF},
	{"close-said-by-server", onHTTP1, contract, connCloseByServer},
	{"close-asked-for", onAll, contract, connCloseAskedFor},
	{"close-in-header", onHTTP1, contract, connCloseInHeader},
	{"reply-twice", onHTTP1, contract, connUnsolicited("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG")},
	{"garbage-after-reply", onHTTP1, contract, connUnsolicited("garbage")},
	{"newline-after-reply", onHTTP1, contract, connUnsolicited("\r\n")},
	{"body-after-204", onHTTP1, contract, connBodyAfter("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG")},
	{"body-after-304", onHTTP1, contract, connBodyAfter("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nWRONG")},
	{"unsolicited-when-idle", onHTTP1, contract, connUnsolicitedLater},
	{"no-reply", onHTTP1, contract, connNoReply((*rawConn).cut)},
	{"no-reply-reset", onHTTP1, contract, connNoReply((*rawConn).reset)},
	{"no-reply-half-head", onHTTP1, contract, connNoReply(func(c *rawConn) { c.send("HTTP/1.1 200 OK\r\nX-"); c.cut() })},
	{"refused", onAll, contract, connRefused},
	{"closed-when-idle", onAll, contract, connClosedWhenIdle},
	{"idle-closed-and-used-again", onAll, contract, connIdleClosed},
}

// Requests one after another use one connection, if their replies are read to the end and closed.
func connReuse(e *env) {
	e.serve(echo)
	made := e.warm()
	for i := range 20 {
		req := e.request([]string{"GET", "PUT", "POST", "HEAD"}[i%4], "/", nil)
		body := ""
		if i%4 == 1 || i%4 == 2 {
			body = payload(100 * i)
			replayable(req, body)
		}
		if got := e.fetch(req); got != body {
			e.Errorf("request %d: the reply is %q, want %q", i, brief(got), brief(body))
		}
	}
	if n := e.more(made); n != 0 {
		e.Errorf("20 requests one after another made %d more connections, want none", n)
	}
}

// A reply's body that is closed early may cost the connection, but the next reply does not begin with the rest of it.
func connClosedUnread(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat(r.URL.Path+"\n", 1000)) })
	for i := range 40 {
		path := fmt.Sprintf("/%03d", i)
		size := 1000 * (len(path) + 1)
		resp := e.must(e.request("GET", path, nil))
		n := []int{0, 1, size / 2, size - 1, size}[i%5]
		if got := e.readN(resp.Body, n); got != strings.Repeat(path+"\n", 1000)[:n] {
			e.Fatalf("request %d has another's reply: %q", i, brief(got))
		}
		e.closeBody(resp)
	}
	e.get("/next", strings.Repeat("/next\n", 1000))
}

// The reply has no end, so that nobody can read it to its end to save the connection.
func connClosedMidBody(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			return
		}
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, payload(10_000)); err != nil {
				return
			}
		}
	})
	for i := range 5 {
		resp := e.must(e.request("GET", "/", nil))
		e.readN(resp.Body, 10_000*i)
		e.closeBody(resp)
		e.get("/next", "/next")
	}
}

// The rest of the reply comes only after the next request: a client that does not close the connection takes it for the
// reply to that.
func connClosedWhileHeld(e *env) {
	next := make(chan struct{})
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			close(next)
			return
		}
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, strings.Repeat("half\n", 10))
		http.NewResponseController(w).Flush()
		select {
		case <-next:
		case <-e.Context().Done():
		}
		io.WriteString(w, strings.Repeat("rest\n", 10))
	})
	resp := e.must(e.request("GET", "/", nil))
	e.readN(resp.Body, 5)
	e.closeBody(resp)
	e.get("/next", "/next")
}

// A reader that knows the length may stop short of io.EOF, and close.
func connReadNotToEOF(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "chunked" {
			http.NewResponseController(w).Flush()
		}
		seen(w, r)
	})
	for i := range 20 {
		path := fmt.Sprintf("/%d", i)
		query := []string{"", "?chunked"}[i%2]
		resp := e.must(e.request("GET", path+query, nil))
		if got := e.readN(resp.Body, len(path)); got != path {
			e.Fatalf("the reply is %q, want %q", got, path)
		}
		e.closeBody(resp)
	}
}

// A server that says close hears no more on that connection, though it keeps it open.
func connCloseByServer(e *env) {
	e.script(func(c *rawConn) {
		req := c.request()
		how := []string{"close", "Close", "keep-alive, close", "x, CLOSE"}[c.n%4]
		c.send("HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%s", how, len(req.URL.Path), req.URL.Path)
		c.request()
		e.Error("a second request came on a connection that the server has done with")
		c.send("%s", ok("WRONG"))
	})
	for i := range 8 {
		path := fmt.Sprintf("/%d", i)
		e.get(path, path)
	}
}

// Request.Close closes the connection after the reply, and says so to a server of HTTP/1.1.
func connCloseAskedFor(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Close) })
	for range 3 {
		req := e.request("GET", "/", nil)
		req.Close = true
		got := e.fetch(req)
		if e.proto.major() == 1 && got != "true" {
			e.Errorf("Close arrives as %s", got)
		}
	}
	if n := e.server.total.Load(); e.proto.major() == 1 && n != 3 {
		e.Errorf("3 requests with Close were sent on %d connections", n)
	}
	req := e.request("GET", "/", nil)
	if got := e.fetch(req); got != "false" {
		e.Errorf("without Close: Close arrives as %s", got)
	}
}

// A Connection header of the caller's goes to the server, which closes.
func connCloseInHeader(e *env) {
	e.script(func(c *rawConn) {
		req := c.request()
		if !req.Close {
			e.Errorf("the request arrives with %v", req.Header)
		}
		c.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		c.Close()
	})
	for range 3 {
		req := e.request("GET", "/", nil)
		req.Header.Set("Connection", "close")
		if got := e.fetch(req); got != "ok" {
			e.Errorf("the reply is %q", got)
		}
	}
}

// connUnsolicited is a case of bytes that come right after a reply, and are not the next one.
func connUnsolicited(rest string) func(*env) {
	return func(e *env) {
		settled := make(chan struct{}, 64)
		e.script(func(c *rawConn) {
			for {
				req := c.request()
				c.send("%s%s", ok(req.URL.Path), rest)
				c.settle()
				settled <- struct{}{}
			}
		})
		for i := range 3 {
			path := fmt.Sprintf("/%d", i)
			e.get(path, path)
			wait(e, settled, "the rest to arrive")
		}
	}
}

// connBodyAfter is a case of a reply that has no body, and of a server that sends one.
func connBodyAfter(reply string) func(*env) {
	return func(e *env) {
		settled := make(chan struct{}, 64)
		e.script(func(c *rawConn) {
			for {
				if req := c.request(); req.Method == "GET" {
					c.send("%s", ok(req.URL.Path))
					continue
				}
				c.send("%s", reply)
				c.settle()
				settled <- struct{}{}
			}
		})
		for range 3 {
			if resp, err := e.try(e.request("POST", "/", nil)); err == nil {
				if got, _ := e.read(resp); got != "" {
					e.Errorf("%s has a body: %q", resp.Status, got)
				}
			}
			wait(e, settled, "the rest to arrive")
			e.get("/next", "/next")
		}
	}
}

// Bytes that come on an idle connection some time after the reply was read.
func connUnsolicitedLater(e *env) {
	read, settled := make(chan struct{}), make(chan struct{}, 1)
	e.script(func(c *rawConn) {
		for {
			req := c.request()
			c.send("%s", ok(req.URL.Path))
			select {
			case <-read:
			case <-e.Context().Done():
				return
			}
			c.send("%s", ok("WRONG"))
			c.settle()
			settled <- struct{}{}
		}
	})
	for i := range 3 {
		path := fmt.Sprintf("/%d", i)
		e.get(path, path)
		read <- struct{}{}
		wait(e, settled, "the bytes to arrive")
	}
}

// connNoReply is a case of a server that takes a request on a new connection and goes. That is an error; and a request
// that must not be sent twice is not.
func connNoReply(end func(*rawConn)) func(*env) {
	return func(e *env) {
		e.script(func(c *rawConn) {
			c.meet()
			end(c)
		})
		for _, method := range []string{"GET", "POST", "PUT"} {
			req := e.request(method, "/", nil)
			req.Header.Set("X-Id", method)
			req.Header.Set("X-Body", "what is sent")
			body := replayable(req, "what is sent")
			e.fails(req)
			e.closed(body)
			if n := e.log.of(method); n < 1 || method == "POST" && n > 1 {
				e.Errorf("%s arrived %d times", method, n)
			}
		}
	}
}

func connRefused(e *env) {
	e.nobody()
	for range 3 {
		e.fails(e.request("GET", "/", nil))
	}
}

// CloseIdleConnections closes what is idle, and leaves what is in use.
func connClosedWhenIdle(e *env) {
	more := make(chan struct{})
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half ")
		http.NewResponseController(w).Flush()
		select {
		case <-more:
		case <-e.Context().Done():
		}
		io.WriteString(w, "rest")
	})
	c, ok := e.rt.(closer)
	if !ok {
		e.Skip("the RoundTripper has no CloseIdleConnections")
	}
	resp := e.must(e.request("GET", "/", nil))
	c.CloseIdleConnections()
	close(more)
	if got, err := e.read(resp); got != "half rest" || err != nil {
		e.Errorf("the reply is %q, %v, want it whole", got, err)
	}
	e.noConnections()
}

func connIdleClosed(e *env) {
	e.serve(seen)
	c, ok := e.rt.(closer)
	if !ok {
		e.Skip("the RoundTripper has no CloseIdleConnections")
	}
	for range 5 {
		e.get("/one", "/one")
		c.CloseIdleConnections()
		e.get("/two", "/two")
		e.noConnections()
	}
}
