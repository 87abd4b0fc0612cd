package rotahttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
)

// buffers are for replies that are read whole.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keep gives a buffer back, unless one long reply has made it big.
func keep(buf *bytes.Buffer) {
	if buf.Cap() <= 64<<10 {
		buf.Reset()
		buffers.Put(buf)
	}
}

// roundTrip asks rt, and makes up for what a RoundTripper may forget: a reply or an error, and a body.
func roundTrip(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := rt.RoundTrip(req)
	switch {
	case err != nil:
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		return nil, err
	case resp == nil:
		return nil, errNoReply
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	return resp, nil
}

var errNoReply = errors.New("rotahttp: the RoundTripper returned neither a reply nor an error")

// holdReply makes the end of a reply's body the end of its attempt.
func holdReply(r reply, end func(rota.Outcome)) reply {
	body := r.resp.Body
	if body == http.NoBody {
		end(rota.Outcome{})
		return r
	}
	b := &r.trip.held // there is one winner
	b.ReadCloser, b.ctx, b.end, b.peer = body, r.trip.req.Context(), end, r.peer
	r.resp.Body = b
	if conn, ok := body.(io.ReadWriteCloser); ok && r.resp.StatusCode == http.StatusSwitchingProtocols {
		r.resp.Body = &heldConn{b, conn}
	}
	return r
}

// heldBody tells when it was read to its end, failed, or was closed; whatever comes first.
type heldBody struct {
	io.ReadCloser
	ctx   context.Context // of the request: a read that fails because it ended is not the replica's doing
	end   func(rota.Outcome)
	peer  *peer
	ended atomic.Bool
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		b.over(rota.Outcome{})
	case b.ctx.Err() != nil:
		b.over(rota.Outcome{Verdict: rota.Ignored, Err: err})
	default:
		b.over(rota.Outcome{Verdict: rota.Failure, Err: err})
	}
	return n, err
}

func (b *heldBody) Close() error {
	err := b.ReadCloser.Close()
	b.over(rota.Outcome{}) // the reader has seen enough
	return err
}

func (b *heldBody) over(o rota.Outcome) {
	if b.ended.CompareAndSwap(false, true) {
		b.end(o)
		b.peer.ended()
	}
}

// heldConn is the body of a reply that switched protocols: a connection that both sides write to.
type heldConn struct {
	*heldBody
	conn io.ReadWriteCloser
}

func (c *heldConn) Write(p []byte) (int, error) { return c.conn.Write(p) }

// CloseWrite is what httputil.ReverseProxy ends one direction with.
func (c *heldConn) CloseWrite() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

// What is read of a reply that nobody wants, so that its connection can be used again: no more than is likely to be
// there already.
const (
	maxDrain     = 64 << 10
	maxDrainTime = 20 * time.Millisecond
)

// discardReply frees a reply that nobody will read.
func discardReply(r reply) {
	resp := r.resp
	enough := time.AfterFunc(maxDrainTime, func() { resp.Body.Close() })
	defer enough.Stop()
	io.CopyN(io.Discard, resp.Body, maxDrain)
	resp.Body.Close()
	r.peer.ended()
}
