package conformance

import (
	"fmt"
	"net/http"
	"sync"
)

// A connection that was used before fails under the next request. That may be an error, or be repeated on another
// connection: then the whole body is, and nothing is that must not be sent twice.
var replayCases = []testCase{
	{"idle-closed", onHTTP1, contract, replay((*rawConn).cut)},
	{"idle-closed-wholly", onHTTP1, contract, replay(func(c *rawConn) { c.tcp.Close() })},
	{"idle-reset", onHTTP1, contract, replay((*rawConn).reset)},
	{"closed-long-ago", onHTTP1, custom, replayNoticed((*rawConn).cut)},
	{"reset-long-ago", onHTTP1, custom, replayNoticed((*rawConn).reset)},
	{"reset-on-first-byte", onHTTP1, contract, replay(func(c *rawConn) { c.br.Peek(1); c.reset() })},
	{"closed-on-first-byte", onHTTP1, contract, replay(func(c *rawConn) { c.br.Peek(1); c.cut() })},
	{"reset-after-head", onHTTP1, contract, replay(func(c *rawConn) { c.met(c.request()); c.reset() })},
	{"closed-after-request", onHTTP1, contract, replay(func(c *rawConn) { c.meet(); c.cut() })},
	{"reset-in-reply-head", onHTTP1, contract, replay(func(c *rawConn) { c.meet(); c.send("HTTP/1.1 2"); c.cut() })},
	{"timeout-reply", onHTTP1, contract, replay(func(c *rawConn) {
		c.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		c.tcp.Close()
	})},
}

// met tells the log of requests that one has arrived here.
func (c *rawConn) met(req *http.Request) { c.e.log.add(req.Header.Get("X-Id")) }

// meet reads a request and checks that what is whole of it is right.
func (c *rawConn) meet() (req *http.Request, body string) {
	req, body, whole := c.whole()
	c.met(req)
	if want := req.Header.Get("X-Body"); whole && body != want {
		c.e.Errorf("request %s arrived with a body of %q, want %q", req.Header.Get("X-Id"), brief(body), brief(want))
	}
	return req, body
}

// deliveries counts how often each request has arrived.
type deliveries struct {
	mu    sync.Mutex
	times map[string]int
}

func (d *deliveries) add(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.times == nil {
		d.times = make(map[string]int)
	}
	d.times[id]++
}

func (d *deliveries) of(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.times[id]
}

// replay is a case of a server that answers the first request on every connection, and then spoils the connection.
func replay(spoil func(*rawConn)) func(*env) {
	return func(e *env) {
		e.script(func(c *rawConn) {
			_, body := c.meet()
			c.send("%s", ok(body))
			spoil(c)
		})
		const body = "what is sent, whole or not at all"
		for round := range 3 {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
				for _, shape := range []string{"no body", "GetBody", "stream"} {
					e.replayOne(fmt.Sprintf("%d %s %s", round, method, shape), method, shape, body)
				}
			}
		}
	}
}

func (e *env) replayOne(id, method, shape, body string) (ok bool) {
	e.Helper()
	req := e.request(method, "/", nil)
	if shape == "no body" {
		body = ""
	} else {
		sent := replayable(req, body)
		defer e.closed(sent)
		if shape == "stream" {
			req.GetBody = nil
		}
	}
	req.Header.Set("X-Id", id)
	req.Header.Set("X-Body", body)
	resp, err := e.try(req)
	switch {
	case err != nil:
	case resp.StatusCode == http.StatusRequestTimeout: // said to an idle connection; who reads it late cannot know that
		e.closeBody(resp)
	default:
		if got, err := e.read(resp); err != nil || got != body {
			e.Errorf("%s: the reply is %q, %v, want the body back", id, got, err)
		}
		ok = true
	}
	if n := e.log.of(id); method == "POST" && n > 1 {
		e.Errorf("%s: it arrived %d times, want once at most", id, n)
	}
	return ok
}

// replayNoticed is a case of a connection that was closed long before the next request. Nothing of that needs to be lost.
func replayNoticed(spoil func(*rawConn)) func(*env) {
	return func(e *env) {
		e.script(func(c *rawConn) {
			_, body := c.meet()
			c.send("%s", ok(body))
			spoil(c)
		})
		shapes := [][2]string{{"GET", "no body"}, {"PUT", "GetBody"}, {"POST", "GetBody"}, {"POST", "stream"}}
		for _, s := range shapes {
			id := s[0] + " " + s[1]
			if !e.replayOne(id, s[0], s[1], "what is sent") {
				e.Errorf("%s: it failed, want it sent on another connection", id)
			}
			e.within(settling, func() bool { return e.client.total.Load() > 0 && e.client.open.Load() == 0 })
		}
	}
}
