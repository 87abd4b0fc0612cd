package conformance

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// The context of a request bounds it, from the dial to the end of the reply's body.
var contextCases = []testCase{
	{"ended-before", onAll, contract, contextEndedBefore},
	{"past-deadline", onAll, contract, contextPastDeadline},
	{"dial", onAll, contract, contextDial},
	{"dial-comes-late", onAll, contract, contextDialLate},
	{"handshake", onTLS, contract, contextMute},
	{"mute-server", onAll, contract, contextMute},
	{"blocked-write", onAll, contract, contextBlockedWrite},
	{"silent-body", onAll, contract, contextSilentBody},
	{"waiting-for-headers", onAll, contract, contextHeaders},
	{"waiting-for-100", onHTTP1, contract, contextContinue},
	{"in-body", onAll, contract, contextBody},
	{"deadline-in-headers", onAll, contract, contextDeadlineHeaders},
	{"deadline-in-body", onAll, contract, contextDeadlineBody},
	{"cause", onAll, custom, contextCause},
	{"after-the-end", onAll, contract, contextAfterEnd},
	{"after-close", onAll, contract, contextAfterClose},
	{"one-of-two", onAll, contract, contextOneOfTwo},
	{"client-timeout", onAll, contract, contextClientTimeout},
}

func contextEndedBefore(e *env) {
	e.serve(func(http.ResponseWriter, *http.Request) { e.Error("the request has arrived") })
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	req := e.requestWith(ctx, "POST", "/", nil)
	body := replayable(req, "what is sent")
	if err := e.fails(req); !errors.Is(err, context.Canceled) {
		e.Errorf("err = %v, want context.Canceled", err)
	}
	e.closed(body)
}

func contextPastDeadline(e *env) {
	e.serve(func(http.ResponseWriter, *http.Request) { e.Error("the request has arrived") })
	ctx, cancel := context.WithDeadline(e.Context(), time.Now().Add(-time.Second))
	defer cancel()
	req := e.requestWith(ctx, "POST", "/", nil)
	body := text("what is sent")
	req.Body = body
	if err := e.fails(req); !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("err = %v, want context.DeadlineExceeded", err)
	}
	e.closed(body)
}

// cancelled starts a request, ends its context when the time has come, and wants that error and the body closed.
func (e *env) cancelled(body *source, when func()) {
	e.Helper()
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	req := e.requestWith(ctx, "POST", "/", nil)
	if body != nil {
		req.Body, req.ContentLength = body, -1
	}
	pending := e.start(req)
	when()
	cancel()
	resp, err := e.end(pending)
	if err == nil {
		e.read(resp)
		e.Errorf("RoundTrip() = %s, want an error", resp.Status)
	} else if !errors.Is(err, context.Canceled) {
		e.Errorf("err = %v, want context.Canceled", err)
	}
	if body != nil {
		e.closed(body)
	}
}

func contextDial(e *env) {
	dialling, released := make(chan struct{}, 8), make(chan struct{})
	e.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialling <- struct{}{}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-released:
			return nil, errReleased
		}
	}
	defer close(released)
	e.serve(seen)
	e.cancelledInDial(dialling)
}

// cancelledInDial ends a request while it waits for a dial. It skips the case if there is no dial to wait for.
func (e *env) cancelledInDial(dialling chan struct{}) {
	e.Helper()
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	req := e.requestWith(ctx, "POST", "/", nil)
	body := replayable(req, "what is sent")
	pending := e.start(req)
	select {
	case a := <-pending:
		if a.err == nil {
			a.resp.Body.Close()
			e.Skip("the RoundTripper does not dial through Server.DialContext")
		}
		e.Fatal(a.err)
	case <-dialling:
	}
	cancel()
	if _, err := e.end(pending); !errors.Is(err, context.Canceled) {
		e.Errorf("err = %v, want context.Canceled", err)
	}
	e.closed(body)
}

// A connection that is there when the request has gone is kept or closed, but not forgotten.
func contextDialLate(e *env) {
	dialling, released := make(chan struct{}, 8), make(chan struct{})
	l := e.listen()
	e.dial = func(context.Context, string, string) (net.Conn, error) {
		dialling <- struct{}{}
		<-released
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		return e.client.count(c), nil
	}
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	e.serveOn(l, &http.Server{Handler: http.HandlerFunc(seen)})
	e.connect(l.Addr().String())
	e.cancelledInDial(dialling)
	release()
	e.get("/next", "/next")
}

// The server accepts and says nothing: not even a TLS handshake, nor the settings of HTTP/2.
func contextMute(e *env) {
	accepted := make(chan struct{}, 8)
	l := e.listen()
	var conns []net.Conn
	e.Cleanup(func() {
		l.Close()
		e.join()
		for _, c := range conns {
			c.Close()
		}
	})
	e.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
			accepted <- struct{}{}
			go func() {
				io.Copy(io.Discard, c)
				c.Close()
			}()
		}
	})
	e.connect(l.Addr().String())
	e.cancelled(text("what is sent"), func() { wait(e, accepted, "a connection") })
}

// The server reads nothing, so that the client's Write does not return.
func contextBlockedWrite(e *env) {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	if e.proto.major() == 1 {
		e.script(func(c *rawConn) {
			c.request()
			<-released
		})
	} else {
		e.serve(func(_ http.ResponseWriter, r *http.Request) { <-released })
	}
	body := newSource(endless{})
	e.cancelled(body, func() { e.stalled(body) })
}

// The request's body has nothing to give. It is let go of after the context has ended.
func contextSilentBody(e *env) {
	e.serve(echo)
	silent := blocked{make(chan struct{})}
	body := newSource(silent)
	ctx, cancel := context.WithCancel(e.Context())
	req := e.requestWith(ctx, "POST", "/", nil)
	req.Body, req.ContentLength = body, -1
	pending := e.start(req)
	wait(e, body.started, "the body to be read")
	cancel()
	close(silent.released)
	if _, err := e.end(pending); err == nil {
		e.Error("RoundTrip() = nil, want an error")
	}
	e.closed(body)
}

// hangs answers after the request was given up, and says when it has arrived and when it was.
func (e *env) hangs(start string) (arrived, gone chan struct{}) {
	arrived, gone = make(chan struct{}, 8), make(chan struct{}, 8)
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			return
		}
		if start != "" {
			io.WriteString(w, start)
			http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
		panic(http.ErrAbortHandler) // or it would be the end of the body
	})
	return arrived, gone
}

func contextHeaders(e *env) {
	arrived, gone := e.hangs("")
	for range 3 {
		e.cancelled(nil, func() { wait(e, arrived, "the request to arrive") })
		wait(e, gone, "the server to hear of it")
		e.get("/next", "/next")
	}
}

func contextContinue(e *env) {
	e.script(func(c *rawConn) {
		c.untilPOST()
	})
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	req, body := e.expecting("/", "what is sent")
	pending := e.start(req.WithContext(ctx))
	cancel()
	if _, err := e.end(pending); !errors.Is(err, context.Canceled) {
		e.Errorf("err = %v, want context.Canceled", err)
	}
	e.closed(body)
	e.get("/next", "/next")
}
