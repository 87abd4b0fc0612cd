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

// holdBody makes the end of a reply's body the end of its attempt.
func holdBody(resp *http.Response, end func(rota.Outcome)) *http.Response {
	if resp.Body == nil || resp.Body == http.NoBody {
		end(rota.Outcome{})
		return resp
	}
	b := &heldBody{ReadCloser: resp.Body, end: end}
	resp.Body = b
	if w, ok := b.ReadCloser.(io.Writer); ok && upgraded(resp) {
		resp.Body = &heldConn{b, w}
	}
	return resp
}

// heldBody tells when it was read to its end, failed, or was closed; whatever comes first.
type heldBody struct {
	io.ReadCloser
	end   func(rota.Outcome)
	ended atomic.Bool
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		b.over(rota.Outcome{})
	case errors.Is(err, context.Canceled):
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
	}
}

// heldConn is the body of a reply that switched protocols.
type heldConn struct {
	*heldBody
	io.Writer
}

// What is read of a reply that nobody wants, so that its connection can be used again: no more than is likely to be
// there already.
const (
	maxDrain     = 64 << 10
	maxDrainTime = 20 * time.Millisecond
)

// discardBody frees a reply that nobody will read.
func discardBody(resp *http.Response) {
	if resp == nil || resp.Body == nil {
		return
	}
	enough := time.AfterFunc(maxDrainTime, func() { resp.Body.Close() })
	defer enough.Stop()
	io.CopyN(io.Discard, resp.Body, maxDrain)
	resp.Body.Close()
}
