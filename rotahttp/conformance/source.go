package conformance

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// source is the body of a request that tells what became of it. It hides its Reader from http.NewRequest.
type source struct {
	r       io.Reader
	n       atomic.Int64  // bytes read
	started chan struct{} // closed by the first Read
	closed  chan struct{} // closed by the first Close
	late    atomic.Bool   // a Read began after a Close
	onRead  sync.Once
	onClose sync.Once
}

func newSource(r io.Reader) *source {
	return &source{r: r, started: make(chan struct{}), closed: make(chan struct{})}
}

func text(s string) *source { return newSource(strings.NewReader(s)) }

func (s *source) Read(p []byte) (int, error) {
	s.onRead.Do(func() { close(s.started) })
	select {
	case <-s.closed:
		s.late.Store(true)
		return 0, errReadAfterClose
	default:
	}
	n, err := s.r.Read(p)
	s.n.Add(int64(n))
	return n, err
}

func (s *source) Close() error {
	s.onClose.Do(func() { close(s.closed) })
	return nil
}

var errReadAfterClose = errors.New("conformance: Read of a request's body after Close")

// closed waits until a request's body was closed.
func (e *env) closed(s *source) {
	e.Helper()
	wait(e, s.closed, "the request's body to be closed")
}

// endless is a reader without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	const xs = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	for n := 0; n < len(p); {
		n += copy(p[n:], xs)
	}
	return len(p), nil
}

// blocked is a reader that waits until it is released, and then fails.
type blocked struct{ released chan struct{} }

func (b blocked) Read([]byte) (int, error) {
	<-b.released
	return 0, errReleased
}

var errReleased = errors.New("conformance: the body that had nothing to give was released")

// replayable gives a request a body of a known length that can be had again.
func replayable(req *http.Request, body string) *source {
	s := text(body)
	req.Body, req.ContentLength = s, int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	return s
}

// stalled waits until a request's body is read no further: whoever reads it is blocked elsewhere.
func (e *env) stalled(s *source) {
	e.Helper()
	wait(e, s.started, "the request's body to be read")
	last, same := int64(-1), 0
	if !e.eventually(func() bool {
		if n := s.n.Load(); n != last {
			last, same = n, 0
			return false
		}
		same++
		return same > 5
	}) {
		e.Fatalf("the request's body is read on and on, though nobody takes it: %d bytes", last)
	}
}
