package conformance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A server may reply before it has read the request.
var earlyCases = []testCase{
	{"reply-before-body", onAll, contract, earlyReply},
	{"reply-to-blocked-writer", onHTTP1, contract, earlyReplyBlocked},
	{"reply-to-silent-body", onAll, contract, earlyReplySilent},
	{"reply-then-rest", onAll, contract, earlyReplyThenRest},
	{"full-duplex", onHTTP2, contract, earlyFullDuplex},
	{"full-duplex-http1", onHTTP1, custom, earlyFullDuplex},
}

// The request's body has no end, so that RoundTrip returns before it, or never.
func earlyReply(e *env) {
	if e.proto.major() == 1 {
		e.script(func(c *rawConn) {
			c.untilPOST()
			c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull")
		})
	} else {
		e.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				seen(w, r)
				return
			}
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			io.WriteString(w, "full")
		})
	}
	e.refusedEarly()
}

// refusedEarly sends a body without end and wants a 413.
func (e *env) refusedEarly() {
	e.Helper()
	req := e.request("POST", "/", nil)
	body := newSource(endless{})
	req.Body, req.ContentLength = body, -1
	resp := e.must(req)
	got, err := e.read(resp)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || got != "full" || err != nil {
		e.Errorf("the reply is %s, %q, %v, want 413", resp.Status, got, err)
	}
	e.closed(body)
	e.get("/next", "/next")
}

// The server reads nothing of the body, so that the writer is stuck when the reply comes, and nobody but the client can
// end that.
func earlyReplyBlocked(e *env) {
	released := make(chan struct{})
	defer close(released)
	e.script(func(c *rawConn) {
		c.untilPOST()
		c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nfull")
		select {
		case <-released:
		case <-e.Context().Done():
		}
	})
	e.refusedEarly()
}

// The request's body has nothing to give when the reply comes. The caller lets go of it when he has seen the reply.
func earlyReplySilent(e *env) {
	if e.proto.major() == 1 {
		e.script(func(c *rawConn) {
			c.request()
			c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		})
	} else {
		e.serve(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "no")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
	}
	silent := blocked{make(chan struct{})}
	req := e.request("POST", "/silent", nil)
	req.Body, req.ContentLength = newSource(silent), -1
	resp := func() *http.Response {
		defer close(silent.released)
		resp := e.must(req)
		if got := e.readN(resp.Body, 2); got != "no" || resp.StatusCode != http.StatusForbidden {
			e.Errorf("the reply is %s, %q", resp.Status, got)
		}
		return resp
	}()
	e.closeBody(resp)
}

// The reply is there and read before the request's body is sent to its end. The rest may be sent or dropped, but the
// next request is not taken for it.
func earlyReplyThenRest(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			seen(w, r)
			return
		}
		if e.proto.major() == 1 {
			http.NewResponseController(w).EnableFullDuplex()
		}
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "early")
		http.NewResponseController(w).Flush()
		io.Copy(io.Discard, r.Body)
	})
	for i := range 5 {
		body, rest := io.Pipe()
		req := e.request("POST", "/", nil)
		req.Body, req.ContentLength = body, 10
		pending := e.start(req)
		io.WriteString(rest, "first")
		resp, err := e.end(pending)
		if err != nil {
			e.Fatal(err)
		}
		got := ""
		if e.proto.major() == 1 {
			got, err = e.read(resp)
		} else { // the server ends its reply when it has read the request
			got = e.readN(resp.Body, 5)
		}
		if got != "early" || err != nil {
			e.Errorf("round %d: the reply is %q, %v", i, got, err)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(rest, "rest!") // fails when the body was closed
			rest.Close()
			sent <- err
		}()
		wait(e, sent, "the rest of the body to be read, or the body to be closed")
		e.read(resp)
		e.get("/next", "/next")
	}
}

// The two sides take turns, the request's body and the reply's both being open.
func earlyFullDuplex(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if e.proto.major() == 1 {
			http.NewResponseController(w).EnableFullDuplex()
		}
		w.WriteHeader(http.StatusOK)
		buf := make([]byte, 1024)
		for {
			http.NewResponseController(w).Flush()
			n, err := r.Body.Read(buf)
			if n > 0 {
				io.WriteString(w, strings.ToUpper(string(buf[:n])))
			}
			if err != nil {
				return
			}
		}
	})
	body, say := io.Pipe()
	defer say.Close()
	req := e.request("POST", "/", nil)
	req.Body, req.ContentLength = body, -1
	resp := e.must(req)
	for i := range 20 {
		word := fmt.Sprintf("word %d\n", i)
		go io.WriteString(say, word)
		if got := e.readN(resp.Body, len(word)); got != strings.ToUpper(word) {
			e.Errorf("said %q, heard %q", word, got)
		}
	}
	say.Close()
	if rest, err := e.read(resp); rest != "" || err != nil {
		e.Errorf("at the end: %q, %v, want io.EOF", rest, err)
	}
}
