package rotahttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"

	"github.com/rota-go/rota"
)

// requestBody gives every attempt of a request the body from its beginning.
type requestBody struct {
	original   io.ReadCloser // nil = none
	get        func() (io.ReadCloser, error)
	replayable bool
	long       bool // it is not sent to two replicas side by side

	mu    sync.Mutex
	sent  bool // the original was given away; who has it closes it
	begun bool // somebody has read of it
	over  bool // the call has ended
}

// of takes the body of req. It reads one that is to be replayed from memory: of a known length up to limit, unless
// GetBody surely makes copies. Reading ends with the request's context. If it fails the body is closed.
func (b *requestBody) of(req *http.Request, limit int64) error {
	b.original, b.get = req.Body, req.GetBody
	short := req.ContentLength > 0 && req.ContentLength <= limit
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		b.original, b.get, b.replayable = nil, nil, true
	case req.GetBody != nil && (!short || copies(req.Body)):
		b.replayable, b.long = true, !short
	case short:
		data, err := readAll(req)
		if err != nil {
			return err
		}
		b.original, b.replayable = nil, true
		b.get = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	return nil
}

// copies reports whether body is what http.NewRequest makes of a string or bytes, with a GetBody that makes another. Other
// GetBodys may return the one body there is, rewound, which attempts side by side would share.
func copies(body io.ReadCloser) bool { return reflect.TypeOf(body).PkgPath() == "io" }

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
		if b.get != nil {
			return b.original, nil
		}
		return &lentBody{b}, nil
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
	b.over = true
	if b.original != nil && !b.sent {
		b.sent = true
		b.original.Close()
	}
}

// lentBody is the only body there is, as an attempt has it. An http.Transport closes the body of a request with which it
// could not connect; then another attempt may have it, if nobody has read of it.
type lentBody struct{ b *requestBody }

func (l *lentBody) Read(p []byte) (int, error) {
	l.b.mu.Lock()
	l.b.begun = true
	l.b.mu.Unlock()
	return l.b.original.Read(p)
}

func (l *lentBody) Close() error {
	if l.b.takeBack() {
		return nil
	}
	return l.b.original.Close() // which may take its time
}

// takeBack reports whether another attempt may have the body that was lent.
func (b *requestBody) takeBack() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.begun || b.over {
		return false
	}
	b.sent = false
	return true
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
