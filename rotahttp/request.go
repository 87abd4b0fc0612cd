package rotahttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/rota-go/rota"
)

// requestBody gives every attempt of a request the body from its beginning.
type requestBody struct {
	original   io.ReadCloser // nil = none
	get        func() (io.ReadCloser, error)
	replayable bool

	mu   sync.Mutex
	sent bool // the original was given away; who has it closes it
}

// of takes the body of req. It reads one that is to be replayed from memory: of a known length up to limit, without a
// GetBody. Reading ends with the request's context. If it fails the body is closed.
func (b *requestBody) of(req *http.Request, limit int64) error {
	b.original, b.get = req.Body, req.GetBody
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		b.original, b.get, b.replayable = nil, nil, true
	case req.GetBody != nil:
		b.replayable = true
	case req.ContentLength > 0 && req.ContentLength <= limit:
		data, err := readAll(req)
		if err != nil {
			return err
		}
		b.original, b.replayable = nil, true
		b.get = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	return nil
}

// readAll reads and closes a body whose length is known.
func readAll(req *http.Request) ([]byte, error) {
	ctx := req.Context()
	stop := context.AfterFunc(ctx, func() { req.Body.Close() }) // to end a Read that waits
	data, err := io.ReadAll(io.LimitReader(req.Body, req.ContentLength+1))
	if stop() {
		req.Body.Close()
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("rotahttp: read the request's body: %w", err)
	case int64(len(data)) != req.ContentLength:
		return nil, fmt.Errorf("rotahttp: the request's body does not have its ContentLength of %d", req.ContentLength)
	}
	return data, nil
}

// next returns the body for an attempt; nil if there is none.
func (b *requestBody) next() (io.ReadCloser, error) {
	if b.original == nil && b.get == nil {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.original != nil && !b.sent {
		b.sent = true
		return b.original, nil
	}
	if b.get == nil {
		return nil, &bodyError{errors.New("it cannot be sent again")}
	}
	body, err := b.get()
	if err != nil {
		return nil, &bodyError{err}
	}
	return body, nil
}

// left reports whether another attempt could have the body.
func (b *requestBody) left() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replayable || !b.sent
}

// close keeps the promise of every RoundTripper, also when no attempt was made.
func (b *requestBody) close() {
	if b.original == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.original != nil && !b.sent {
		b.sent = true
		b.original.Close()
	}
}

// classifyError says what it means that there was no reply to an attempt with this body.
func (b *requestBody) classifyError(err error) rota.Outcome {
	if _, ok := errors.AsType[*bodyError](err); ok {
		return rota.Outcome{Verdict: rota.Ignored, Err: err} // the caller's doing, and it ends the call
	}
	o := classifyError(err)
	o.Unsent = o.Unsent && b.left()
	return o
}

// bodyError says that the caller's GetBody failed.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "rotahttp: get the request's body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }
