package conformance

import (
	"io"
	"net/http"
	"strings"
)

// Whoever waits for Close may use the body again: nobody reads it any more.
func bodyNotReadAfterClose(e *env) {
	e.script(func(c *rawConn) {
		c.request()
		switch c.n % 3 {
		case 0:
			c.reset()
		case 1:
			c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		default:
			c.cut()
		}
	})
	for range 12 {
		req := e.request("POST", "/", nil)
		body := newSource(endless{})
		req.Body = body
		if resp, err := e.try(req); err == nil {
			e.read(resp)
		}
		e.closed(body)
		if body.late.Load() {
			e.Fatal("the body was read after it was closed")
		}
	}
}

// slowToClose is a body whose Close waits.
type slowToClose struct {
	io.Reader
	closing  chan struct{} // closed by Close
	released chan struct{} // what it waits for
}

func (s *slowToClose) Close() error {
	close(s.closing)
	<-s.released
	return nil
}

// The reply does not wait for the Close of the request's body.
func bodyCloseBlocks(e *env) {
	e.serve(echo)
	released := make(chan struct{})
	req := e.request("POST", "/", nil)
	body := &slowToClose{strings.NewReader("what is sent"), make(chan struct{}), released}
	req.Body, req.ContentLength = body, int64(len("what is sent"))
	defer func() {
		select {
		case <-released:
		default:
			close(released)
		}
	}()
	got := e.fetch(req)
	wait(e, body.closing, "the body to be closed")
	if got != "what is sent" {
		e.Errorf("the reply is %q", got)
	}
	close(released)
	e.undisturbed()
}

// summing sets a trailer when its Reader ends, as the documentation of http.Request.Trailer allows.
type summing struct {
	io.Reader
	trailer http.Header
}

func (s *summing) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		s.trailer["X-Sum"] = []string{"42"}
	}
	return n, err
}

func (s *summing) Close() error { return nil }

func bodyTrailers(e *env) {
	got := e.collect()
	for _, body := range []string{"", "short", payload(100_000)} {
		req := e.request("POST", "/", nil)
		req.Trailer = http.Header{"X-Sum": nil, "X-Set": {"before"}}
		req.Body, req.ContentLength = &summing{strings.NewReader(body), req.Trailer}, -1
		e.read(e.must(req))
		a := wait(e, got, "the request to arrive")
		if a.body != body || a.err != nil {
			e.Errorf("%q arrives, %v, want %q", brief(a.body), a.err, brief(body))
		}
		if a.trail.Get("X-Sum") != "42" || a.trail.Get("X-Set") != "before" {
			e.Errorf("%d bytes: the trailer arrives as %v, want X-Sum: 42 and X-Set: before", len(body), a.trail)
		}
	}
}
