package conformance

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// eventually asks until the answer is yes, or patience is at its end.
func (e *env) eventually(ok func() bool) bool { return e.within(e.patience(), ok) }

func (e *env) within(d time.Duration, ok func() bool) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	for pause := time.Millisecond / 4; ; pause = min(2*pause, 20*time.Millisecond) {
		if ok() {
			return true
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-limit.C:
			next.Stop()
			return ok()
		}
	}
}

// wait waits for what to happen.
func wait[T any](e *env, c <-chan T, what string) T {
	e.Helper()
	limit := time.NewTimer(e.patience())
	defer limit.Stop()
	select {
	case v := <-c:
		return v
	case <-limit.C:
		e.Fatalf("hung: waiting for %s", what)
	}
	panic("unreachable")
}

// request returns one for the server. Its context ends with the case.
func (e *env) request(method, path string, body io.Reader) *http.Request {
	e.Helper()
	return e.requestWith(e.Context(), method, path, body)
}

func (e *env) requestWith(ctx context.Context, method, path string, body io.Reader) *http.Request {
	e.Helper()
	req, err := http.NewRequestWithContext(ctx, method, e.proto.scheme()+"://"+host+path, body)
	if err != nil {
		e.Fatal(err)
	}
	return req
}

// answer is what RoundTrip returned.
type answer struct {
	resp     *http.Response
	err      error
	panicked any
}

// start calls RoundTrip on a goroutine of its own.
func (e *env) start(req *http.Request) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			a.panicked = recover()
			c <- a
		}()
		a.resp, a.err = e.rt.RoundTrip(req)
	}()
	return c
}

// end waits for RoundTrip, and checks what it owes in any case.
func (e *env) end(c <-chan answer) (*http.Response, error) {
	e.Helper()
	a := wait(e, c, "RoundTrip to return")
	switch {
	case a.panicked != nil:
		e.Fatalf("RoundTrip panicked: %v", a.panicked)
	case a.resp != nil && a.err != nil:
		e.Fatalf("RoundTrip returned a reply (%s) and an error: %v", a.resp.Status, a.err)
	case a.resp == nil && a.err == nil:
		e.Fatal("RoundTrip returned neither a reply nor an error")
	case a.resp != nil && a.resp.Body == nil:
		e.Fatal("RoundTrip returned a reply whose Body is nil")
	}
	return a.resp, a.err
}

// try makes a request.
func (e *env) try(req *http.Request) (*http.Response, error) {
	e.Helper()
	return e.end(e.start(req))
}

// must makes a request that has a reply.
func (e *env) must(req *http.Request) *http.Response {
	e.Helper()
	resp, err := e.try(req)
	if err != nil {
		e.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return resp
}

// fails makes a request that has no reply, and returns the error.
func (e *env) fails(req *http.Request) error {
	e.Helper()
	resp, err := e.try(req)
	if err == nil {
		body, readErr := e.read(resp)
		e.Fatalf("%s %s: %s, %q (%v), want an error", req.Method, req.URL, resp.Status, brief(body), readErr)
	}
	return err
}

// read reads a reply's body to its end and closes it.
func (e *env) read(resp *http.Response) (string, error) {
	e.Helper()
	type result struct {
		b   []byte
		err error
	}
	c := make(chan result, 1)
	go func() {
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		c <- result{b, err}
	}()
	r := wait(e, c, "the end of the reply's body")
	return string(r.b), r.err
}

// readN reads n bytes of a reply's body.
func (e *env) readN(r io.Reader, n int) string {
	e.Helper()
	b := make([]byte, n)
	c := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(r, b)
		c <- err
	}()
	if err := wait(e, c, "bytes of the reply's body"); err != nil {
		e.Fatalf("reading %d bytes of the reply's body: %v", n, err)
	}
	return string(b)
}

// closeBody closes a reply's body.
func (e *env) closeBody(resp *http.Response) {
	e.Helper()
	c := make(chan error, 1)
	go func() { c <- resp.Body.Close() }()
	wait(e, c, "Close of the reply's body to return")
}

// fetch makes a request and returns the body of its reply, which must be a 200.
func (e *env) fetch(req *http.Request) string {
	e.Helper()
	resp := e.must(req)
	body, err := e.read(resp)
	if err != nil || resp.StatusCode != http.StatusOK {
		e.Fatalf("%s %s: %s, %q, %v, want 200 and a whole body", req.Method, req.URL, resp.Status, brief(body), err)
	}
	return body
}

// get checks that GET path has the reply.
func (e *env) get(path, want string) {
	e.Helper()
	if got := e.fetch(e.request("GET", path, nil)); got != want {
		e.Fatalf("GET %s: the reply is %q, want %q", path, brief(got), want)
	}
}

// warm makes a request, with HTTP/2 as many as it takes until one needs no new connection, and returns how many connections
// that is to have made: http.Transport gives one of HTTP/2 to the request that waits for it before others can find it, so that
// even the next request may make another.
func (e *env) warm() (made int64) {
	e.Helper()
	for range 20 {
		e.fetch(e.request("GET", "/warm", nil))
		if e.proto.major() == 1 {
			return 1
		}
		now := e.server.total.Load()
		if now == made {
			break
		}
		made = now
	}
	return made
}

// more returns how many connections were made since warm, without the one that may have been under way then: with HTTP/2 a
// request may find a free connection while it waits for a new one.
func (e *env) more(made int64) int64 {
	n := e.server.total.Load() - made
	if e.proto.major() == 2 && n > 0 {
		n--
	}
	return n
}

// brief shortens what goes into a message.
func brief(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// seen answers with the path that was asked for.
func seen(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }

// echo answers with the body that it was sent, and aborts when that is cut short.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Seen", r.Method+" "+r.RequestURI)
	w.Write(body)
}

// undisturbed checks that echo answers the next request, and not what is left of an earlier one.
func (e *env) undisturbed() {
	e.Helper()
	resp := e.must(e.request("GET", "/next", nil))
	got, err := e.read(resp)
	if saw := resp.Header.Get("X-Seen"); got != "" || err != nil || saw != "GET /next" {
		e.Fatalf("GET /next: the reply is %s, %q, %v, to %q", resp.Status, brief(got), err, saw)
	}
}

// payload is n bytes that repeat after a prime number of them, so that none of a power of two is another's.
func payload(n int) string {
	block := make([]byte, 0, 1021)
	for i := range cap(block) {
		block = append(block, "abcdefghijklmnopqrstuvwxyz0123456789"[i*i%1021%36])
	}
	return strings.Repeat(string(block), n/len(block)+1)[:n]
}
