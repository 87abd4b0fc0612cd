package conformance_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/rotahttp/conformance"
)

// bug is what a naive client of HTTP/1.1 gets wrong.
type bug int

const (
	none bug = iota
	keepsDirty
	ignoresClose
	trustsIdle
	returnsInterim
	losesBuffered
	keepsContext
	keepsUpgraded
	sendsRaw
)

// naive is a client of HTTP/1.1 that writes the whole request, reads the reply and keeps the connection.
type naive struct {
	server conformance.Server
	bug    bug

	mu   sync.Mutex
	idle []*naiveConn
}

type naiveConn struct {
	net.Conn
	br *bufio.Reader
}

func newNaive(b bug) func(testing.TB, conformance.Server) http.RoundTripper {
	return func(tb testing.TB, s conformance.Server) http.RoundTripper {
		n := &naive{server: s, bug: b}
		tb.Cleanup(n.CloseIdleConnections)
		return n
	}
}

func (n *naive) CloseIdleConnections() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.idle {
		c.Close()
	}
	n.idle = nil
}

// alive reports whether nothing has come on an idle connection, not even its end.
func (n *naive) alive(c *naiveConn) bool {
	if n.bug == trustsIdle || n.bug == keepsDirty {
		return true
	}
	if c.br.Buffered() > 0 {
		return false
	}
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.br.Peek(1)
	c.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (n *naive) conn(ctx context.Context) (*naiveConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.idle) > 0 {
		c := n.idle[len(n.idle)-1]
		n.idle = n.idle[:len(n.idle)-1]
		if n.alive(c) {
			return c, nil
		}
		c.Close()
	}
	raw, err := n.server.DialContext(ctx, "tcp", n.server.Addr)
	if err != nil {
		return nil, err
	}
	return &naiveConn{raw, bufio.NewReader(raw)}, nil
}

func (n *naive) put(c *naiveConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, c)
}

func (n *naive) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	c, err := n.conn(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	stop := context.AfterFunc(req.Context(), func() { c.Close() })
	resp, err := n.exchange(c, req)
	if err != nil {
		stop()
		c.Close()
		if ctxErr := req.Context().Err(); ctxErr != nil {
			err = ctxErr
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		stop()
		resp.Body = &upgraded{n: n, conn: c}
		return resp, nil
	}
	resp.Body = &naiveBody{resp.Body, n, c, req, resp, stop, false}
	if resp.Body.(*naiveBody).body == http.NoBody {
		resp.Body.Read(nil)
	}
	return resp, nil
}

func (n *naive) exchange(c *naiveConn, req *http.Request) (*http.Response, error) {
	if err := n.write(c, req); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(c.br, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == 101 || n.bug == returnsInterim {
			return resp, err
		}
	}
}

// write sends the request; sendsRaw does not look whether the body has its length.
func (n *naive) write(c *naiveConn, req *http.Request) error {
	if n.bug != sendsRaw || req.ContentLength <= 0 {
		return req.Write(c)
	}
	defer closeBody(req)
	head := *req
	head.Body = io.NopCloser(io.LimitReader(zeros{}, req.ContentLength))
	if err := head.Write(&headOnly{w: c, left: req.ContentLength}); err != nil {
		return err
	}
	_, err := io.Copy(c, req.Body)
	return err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// headOnly drops the bytes of the body.
type headOnly struct {
	w    io.Writer
	left int64
	b    []byte
}

func (h *headOnly) Write(p []byte) (int, error) {
	h.b = append(h.b, p...)
	for i := range h.b {
		if i >= 4 && string(h.b[i-4:i]) == "\r\n\r\n" {
			h.w.Write(h.b[:i])
			h.w, h.b = io.Discard, nil
			break
		}
	}
	return len(p), nil
}

// naiveBody gives the connection back.
type naiveBody struct {
	body io.ReadCloser
	n    *naive
	c    *naiveConn
	req  *http.Request
	resp *http.Response
	stop func() bool
	done bool
}

func (b *naiveBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if ctxErr := b.req.Context().Err(); err != nil && err != io.EOF && ctxErr != nil {
		err = ctxErr
	}
	if err != nil || b.body == http.NoBody {
		b.end(err == nil || err == io.EOF)
	}
	return n, err
}

func (b *naiveBody) Close() error {
	b.end(b.n.bug == keepsDirty)
	return nil
}

func (b *naiveBody) end(clean bool) {
	if b.done {
		return
	}
	b.done = true
	if b.n.bug != keepsContext && !b.stop() {
		clean = false
	}
	if b.n.bug != ignoresClose {
		clean = clean && !b.resp.Close && !b.req.Close
	}
	if clean {
		b.n.put(b.c)
		return
	}
	b.c.Close()
}

// upgraded is the connection after a 101.
type upgraded struct {
	n    *naive
	conn *naiveConn
}

func (u *upgraded) Read(p []byte) (int, error) {
	if u.n.bug == losesBuffered {
		return u.conn.Conn.Read(p)
	}
	return u.conn.br.Read(p)
}

func (u *upgraded) Write(p []byte) (int, error) { return u.conn.Write(p) }

func (u *upgraded) Close() error {
	if u.n.bug == keepsUpgraded {
		u.n.put(u.conn)
		return nil
	}
	return u.conn.Close()
}
