package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// What belongs to one protocol, above all the ways in which a server of HTTP/2 ends a stream or a connection.
var protocolCases = []testCase{
	{"negotiated", onAll, contract, protocolNegotiated},
	{"client-redirects", onAll, contract, protocolRedirects},
	{"max-streams", onHTTP2, contract, protocolMaxStreams},
	{"shutdown-in-use", onAll, contract, protocolShutdown},
	{"refused-stream", onHTTP2, contract, protocolRefused},
	{"refused-for-ever", onHTTP2, contract, protocolRefusedForEver},
	{"goaway-before", onHTTP2, contract, protocolGoAwayBefore},
	{"goaway-in-use", onHTTP2, contract, protocolGoAwayInUse},
	{"goaway-with-error", onHTTP2, contract, cutStream(func(c *h2Conn, s uint32) { c.goAway(s, codeCalmDown); c.cut() })},
	{"reset-mid-body", onHTTP2, contract, cutStream(func(c *h2Conn, s uint32) { c.resetStream(s, codeInternal) })},
	{"reset-with-no-error", onHTTP2, contract, cutStream(func(c *h2Conn, s uint32) { c.resetStream(s, 0) })},
	{"connection-lost", onHTTP2, contract, cutStream(func(c *h2Conn, s uint32) { c.cut() })},
	{"connection-reset", onHTTP2, contract, cutStream(func(c *h2Conn, s uint32) { c.settle(); c.reset() })},
	{"shorter-than-announced", onHTTP2, contract, protocolLength("half")},
	{"longer-than-announced", onHTTP2, contract, protocolLength("more than was announced")},
	{"headers-not-hpack", onHTTP2, contract, protocolNotHPACK},
	{"frames-unknown", onHTTP2, contract, protocolUnknown},
}

func protocolNegotiated(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.ProtoMajor, r.TLS != nil) })
	if got, want := e.fetch(e.request("GET", "/", nil)), fmt.Sprint(e.proto.major(), e.proto.tls()); got != want {
		e.Errorf("the request arrives by %q, want %q", got, want)
	}
}

// An http.Client follows a redirect with the whole body, over the RoundTripper.
func protocolRedirects(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/final" {
			echo(w, r)
			return
		}
		http.Redirect(w, r, "/final", http.StatusTemporaryRedirect)
	})
	client := &http.Client{Transport: e.rt}
	want := payload(10_000)
	req := e.request("POST", "/", nil)
	replayable(req, want)
	done := make(chan answer, 1)
	go func() {
		resp, err := client.Do(req)
		done <- answer{resp: resp, err: err}
	}()
	resp, err := e.end(done)
	if err != nil {
		e.Fatal(err)
	}
	if got, err := e.read(resp); got != want || err != nil {
		e.Errorf("after a redirect %d bytes arrive, %v, want %d", len(got), err, len(want))
	}
}

// A client heeds the limit of the server, and its requests wait or go elsewhere.
func protocolMaxStreams(e *env) {
	const limit = 3
	var now, most atomic.Int64
	e.serveWith(&http.Server{
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: limit},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			stamp(w, r)
		}),
	})
	if err := e.ask(e.Context(), "first", "get"); err != nil {
		e.Fatal(err)
	}
	e.workers(12, 4, func(worker, round int) error {
		return e.ask(e.Context(), fmt.Sprintf("%d-%d", worker, round), []string{"get", "post"}[round%2])
	})
	if n := e.server.total.Load(); most.Load() > limit*n {
		e.Errorf("%d requests at a time came on %d connections, which take %d each", most.Load(), n, limit)
	}
}

// A server that shuts down ends what it has begun, and the client leaves it in peace.
func protocolShutdown(e *env) {
	arrived, more := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(more) })
	defer release()
	s := e.serve(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half ")
		http.NewResponseController(w).Flush()
		close(arrived)
		<-more
		io.WriteString(w, "rest")
	})
	resp := e.must(e.request("GET", "/", nil))
	wait(e, arrived, "the request to arrive")
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(e.Context()) }()
	release()
	if got, err := e.read(resp); got != "half rest" || err != nil {
		e.Errorf("the reply is %q, %v, want it whole", got, err)
	}
	if err := wait(e, done, "the server to shut down"); err != nil {
		e.Error(err)
	}
	e.fails(e.request("GET", "/more", nil))
}

// repeated makes a request whose first try is certain not to have been looked at. It may fail or be repeated, with the
// same body.
func (e *env) repeated(method string) {
	e.Helper()
	const body = "what is sent"
	req := e.request(method, "/", nil)
	sent := replayable(req, body)
	resp, err := e.try(req)
	if err != nil {
		if e.custom() {
			e.Errorf("%s: %v, want it repeated: it was not looked at", method, err)
		}
	} else if got, err := e.read(resp); got != body || err != nil {
		e.Errorf("%s: %q arrives, %v, want %q", method, got, err, body)
	}
	e.closed(sent)
}

func protocolRefused(e *env) {
	e.scriptHTTP2(func(c *h2Conn) {
		for n := 0; ; n++ {
			stream, body := c.request()
			if n%2 == 0 {
				c.resetStream(stream, codeRefused)
				continue
			}
			c.reply(stream, body)
		}
	})
	e.repeated("GET")
	e.repeated("POST")
}

// Who is refused again and again may give up or try for ever, but not beyond the end of the context.
func protocolRefusedForEver(e *env) {
	refused := make(chan struct{}, 1024)
	e.scriptHTTP2(func(c *h2Conn) {
		for {
			stream, _ := c.request()
			c.resetStream(stream, codeRefused)
			refused <- struct{}{}
		}
	})
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	req := e.requestWith(ctx, "POST", "/", nil)
	body := replayable(req, "what is sent")
	pending := e.start(req)
	wait(e, refused, "the request to be refused")
	cancel()
	if _, err := e.end(pending); err == nil {
		e.Error("RoundTrip() = nil, want an error")
	}
	e.closed(body)
}

func protocolGoAwayBefore(e *env) {
	e.scriptHTTP2(func(c *h2Conn) {
		stream, body := c.request()
		if c.n%2 == 1 {
			c.goAway(0, 0)
			return
		}
		c.reply(stream, body)
		c.goAway(stream, 0)
	})
	e.repeated("GET")
	e.repeated("POST")
}

// A connection that is going away ends what was begun, and takes nothing more.
func protocolGoAwayInUse(e *env) {
	e.scriptHTTP2(func(c *h2Conn) {
		stream, _ := c.request()
		c.frame(frameHeaders, flagEndHeaders, stream, status200)
		c.frame(frameData, 0, stream, "half ")
		c.goAway(stream, 0)
		c.frame(frameData, flagEndStream, stream, "rest")
		c.request()
		e.Error("a second request came on a connection that is going away")
	})
	for range 3 {
		e.get("/", "half rest")
	}
}

// cutStream is a case of a reply that ends before its end: that is an error, and the next request is right.
func cutStream(end func(c *h2Conn, stream uint32)) func(*env) {
	return func(e *env) {
		e.scriptHTTP2(func(c *h2Conn) {
			for n := 0; ; n++ {
				stream, body := c.request()
				if body == "" {
					c.reply(stream, "/next")
					continue
				}
				c.frame(frameHeaders, flagEndHeaders, stream, status200)
				c.frame(frameData, 0, stream, "half")
				end(c, stream)
			}
		})
		for range 3 {
			req := e.request("POST", "/", nil)
			replayable(req, "what is sent")
			if resp, err := e.try(req); err == nil {
				if got, err := e.read(resp); err == nil {
					e.Errorf("the reply is %q, %v, want an error: it was cut short", got, err)
				}
			}
			e.get("/next", "/next")
		}
	}
}

// protocolLength is a case of a body that does not have its Content-Length of 10.
func protocolLength(body string) func(*env) {
	return func(e *env) {
		e.scriptHTTP2(func(c *h2Conn) {
			for {
				stream, sent := c.request()
				if sent == "" {
					c.reply(stream, "/next")
					continue
				}
				c.frame(frameHeaders, flagEndHeaders, stream, status200+"\x0f\x0d\x0210")
				c.frame(frameData, flagEndStream, stream, body)
			}
		})
		req := e.request("POST", "/", nil)
		replayable(req, "what is sent")
		if resp, err := e.try(req); err == nil {
			if got, err := e.read(resp); err == nil {
				e.Errorf("the reply is %q, want an error: 10 bytes were announced", got)
			}
		}
		e.get("/next", "/next")
	}
}

func protocolNotHPACK(e *env) {
	e.scriptHTTP2(func(c *h2Conn) {
		stream, body := c.request()
		if body == "" {
			c.reply(stream, "/next")
			return
		}
		c.frame(frameHeaders, flagEndHeaders|flagEndStream, stream, "\xff\xff\xff\xff\xff\xff\xff\xff")
	})
	req := e.request("POST", "/", nil)
	replayable(req, "what is sent")
	e.fails(req)
	e.get("/next", "/next")
}

// Frames that nobody knows are passed over, and pings are answered.
func protocolUnknown(e *env) {
	acks := make(chan int, 8)
	e.scriptHTTP2(func(c *h2Conn) {
		for {
			stream, _ := c.request()
			c.frame(0xfa, 0xff, 0, "of no known kind")
			c.frame(framePing, 0, 0, "8 octets")
			c.frame(0xfa, 0, stream, "")
			c.reply(stream, "/")
			for c.acks == 0 {
				c.one()
			}
			acks <- c.acks
		}
	})
	e.get("/", "/")
	wait(e, acks, "the ping to be answered")
}
