package conformance

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
)

// Informational replies, and the one that a client can ask for.
var interimCases = []testCase{
	{"skipped", onAll, contract, interimSkipped},
	{"continue-unasked", onHTTP1, contract, interimUnasked},
	{"traced", onAll, custom, interimTraced},
	{"refused-by-trace", onAll, custom, interimRefused},
	{"many", onAll, contract, interimMany},
	{"endless", onAll, custom, interimEndless},
	{"expect", onAll, contract, expect},
	{"expect-waits", onHTTP1, custom, expectWaits},
	{"expect-refused", onAll, contract, expectRefused},
	{"expect-ignored", onHTTP1, contract, expectIgnored},
	{"expect-answered-at-once", onHTTP1, contract, expectAnswered},
	{"expect-without-body", onAll, contract, expectWithoutBody},
}

// hints answers with n early hints before the reply.
func hints(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := range n {
			w.Header().Set("X-Hint", fmt.Sprint(i))
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("X-Hint")
		seen(w, r)
	}
}

func interimSkipped(e *env) {
	e.serve(hints(2))
	for range 3 {
		resp := e.must(e.request("GET", "/final", nil))
		if got, err := e.read(resp); resp.StatusCode != 200 || got != "/final" || err != nil {
			e.Errorf("the reply is %s, %q, %v, want the final one", resp.Status, got, err)
		}
		if resp.Header.Get("X-Hint") != "" {
			e.Error("a header of an early hint is in the final reply")
		}
	}
}

// A server may say 100 to who did not ask.
func interimUnasked(e *env) {
	e.script(func(c *rawConn) {
		for {
			_, body, _ := c.whole()
			c.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\nX: y\r\n\r\n%s", ok(body))
		}
	})
	for range 3 {
		req := e.request("POST", "/", nil)
		replayable(req, "what is sent")
		if got := e.fetch(req); got != "what is sent" {
			e.Errorf("the reply is %q", got)
		}
	}
}

func interimTraced(e *env) {
	e.serve(hints(3))
	var mu sync.Mutex
	var got []string
	req := e.request("GET", "/", nil)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(code, " ", header.Get("X-Hint")))
			return nil
		},
	}))
	e.fetch(req)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"103 0", "103 1", "103 2"}; !slices.Equal(got, want) {
		e.Errorf("Got1xxResponse saw %q, want %q", got, want)
	}
}

func interimRefused(e *env) {
	e.serve(hints(1))
	enough := errors.New("conformance: no hints, please")
	req := e.request("GET", "/", nil)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { return enough },
	}))
	e.fails(req)
}

func interimMany(e *env) {
	e.serve(hints(40))
	for range 3 {
		e.get("/final", "/final")
	}
}

// Interim replies without end are not read without end.
func interimEndless(e *env) {
	const limit = 16 << 20
	hint := strings.Repeat("h", 8<<10)
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			return
		}
		w.Header().Set("X-Hint", hint)
		for sent := 0; sent < limit && r.Context().Err() == nil; sent += len(hint) {
			w.WriteHeader(http.StatusEarlyHints)
		}
	})
	if resp, err := e.try(e.request("POST", "/", nil)); err == nil {
		e.read(resp)
		e.Errorf("the client took %d MiB of early hints", limit>>20)
	}
	e.get("/next", "/next")
}

// expecting is a request that asks whether its body is wanted.
func (e *env) expecting(path, body string) (*http.Request, *source) {
	req := e.request("POST", path, nil)
	req.Header.Set("Expect", "100-continue")
	s := text(body)
	req.Body, req.ContentLength = s, int64(len(body))
	return req, s
}

func expect(e *env) {
	e.serve(echo) // says 100 when it reads
	for _, body := range []string{"what is sent", payload(1 << 20)} {
		req, sent := e.expecting("/", body)
		if got := e.fetch(req); got != body {
			e.Errorf("the reply is %q, want %q", brief(got), brief(body))
		}
		e.closed(sent)
	}
}

// The body is not sent before the server has said 100. The server takes some time, though less than any client's.
func expectWaits(e *env) {
	e.script(func(c *rawConn) {
		req := c.request()
		if req.Header.Get("Expect") != "100-continue" {
			e.Errorf("Expect = %q arrives", req.Header.Get("Expect"))
		}
		if n := c.br.Buffered(); n > 0 {
			e.Errorf("%d bytes of the body came with the head", n)
		}
		c.send("HTTP/1.1 100 Continue\r\n\r\n")
		body, _ := io.ReadAll(req.Body)
		c.send("%s", ok(string(body)))
	})
	traced := make(chan struct{}, 1)
	req, _ := e.expecting("/", "what is sent")
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got100Continue: func() { traced <- struct{}{} },
	}))
	if got := e.fetch(req); got != "what is sent" {
		e.Errorf("the reply is %q", got)
	}
	wait(e, traced, "Got100Continue to be called")
}

// The server does not want the body. It is closed, and the next request is not taken for it.
func expectRefused(e *env) {
	if e.proto.major() == 1 {
		e.script(func(c *rawConn) {
			c.untilPOST()
			c.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		})
	} else {
		e.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				seen(w, r)
				return
			}
			w.WriteHeader(http.StatusExpectationFailed)
			io.WriteString(w, "no")
		})
	}
	for range 3 {
		req, body := e.expecting("/", payload(100_000))
		resp := e.must(req)
		if got, err := e.read(resp); resp.StatusCode != 417 || got != "no" || err != nil {
			e.Errorf("the reply is %s, %q, %v, want 417", resp.Status, got, err)
		}
		e.closed(body)
		e.get("/next", "/next")
	}
}

// The server does not know what is asked of it, and waits for the body.
func expectIgnored(e *env) {
	e.script(func(c *rawConn) {
		for {
			_, body, _ := c.whole()
			c.send("%s", ok(body))
		}
	})
	req, body := e.expecting("/", "what is sent")
	if got := e.fetch(req); got != "what is sent" {
		e.Errorf("the reply is %q", got)
	}
	e.closed(body)
}

// The server replies without a 100, and keeps the connection. Then the client sends the body after all, or closes the
// connection: the server must not take the next request for the body, nor the other way about.
func expectAnswered(e *env) {
	e.script(func(c *rawConn) {
		for {
			req := c.request()
			if req.Method == "GET" {
				c.send("%s", ok(req.URL.Path))
				continue
			}
			c.send("%s", ok("enough"))
			if body, err := io.ReadAll(req.Body); err == nil && string(body) != "what is sent" {
				e.Errorf("the body is %q", body)
			}
		}
	})
	for range 5 {
		req, body := e.expecting("/", "what is sent")
		if got := e.fetch(req); got != "enough" {
			e.Errorf("the reply is %q", got)
		}
		e.closed(body)
		e.get("/next", "/next")
	}
}

func expectWithoutBody(e *env) {
	e.serve(seen)
	req := e.request("GET", "/", nil)
	req.Header.Set("Expect", "100-continue")
	if got := e.fetch(req); got != "/" {
		e.Errorf("the reply is %q", got)
	}
}
