package rotahttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/rota-go/rota"
)

// Options are what one request through a Transport wants otherwise than others: see With. The zero value changes nothing.
type Options struct {
	Repeat bool        // it may be sent more than once, whatever its method: MayRepeat
	Terms  *rota.Terms // instead of the policy's Timeout, Retry and Hedge
	Route  *rota.Route // instead of the one that Transport.Routes or the method say
	Key    uint64      // of what it is about, for balancers that send the same to the same replica; 0 = none
	// HoldReply is up to how many bytes of a reply's body are read before the reply counts as one, so that a reply that
	// breaks off within them is tried elsewhere. What is longer goes on as it comes, once so much was read. Server-sent
	// events and upgrades are not held. 0 = nothing is.
	HoldReply int64
	// Informational is told of replies that are not final (1xx, but for 101), such as 103 Early Hints: of every attempt, one at
	// a time, and none after RoundTrip has returned. It may keep the header. Nil = they are passed over.
	Informational func(status int, header http.Header)
	// Decided is told what was decided for the call, and why, before RoundTrip returns; nil = nobody wants to know.
	Decided func(*rota.Decision)
}

type optionsKey struct{}

// With returns a context whose requests have the options, which must not be changed afterwards.
func With(ctx context.Context, o *Options) context.Context {
	return context.WithValue(ctx, optionsKey{}, o)
}

// optionsOf returns what With has set; never nil.
func optionsOf(ctx context.Context) *Options {
	if o, ok := ctx.Value(optionsKey{}).(*Options); ok {
		return o
	}
	return &none
}

// none changes nothing, and is never changed.
var none Options

// hints tells of replies that are not final, one at a time and not after the end, whatever becomes of the attempts.
type hints struct {
	mu   sync.Mutex
	told func(int, http.Header) // nil = it is over
}

func (h *hints) tell(status int, header http.Header) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told != nil {
		h.told(status, header)
	}
}

func (h *hints) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = nil
}

// heldReply is a body that was read before its reply counted: whole, or its beginning and the rest.
type heldReply struct {
	io.Reader
	rest io.Closer
}

func (h *heldReply) Close() error { return h.rest.Close() }

// hold reads the body of resp, up to limit. The error is the replica's fault.
func hold(resp *http.Response, limit int64) error {
	if limit <= 0 || resp.Body == http.NoBody || resp.StatusCode == http.StatusSwitchingProtocols || streams(resp.Header) {
		return nil
	}
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		buf.Grow(int(min(n, limit)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit))
	switch {
	case err != nil:
		resp.Body.Close()
		return &brokenReply{err}
	case n == limit:
		resp.Body = &heldReply{io.MultiReader(&buf, resp.Body), resp.Body}
	default:
		resp.Body = &heldReply{&buf, resp.Body}
	}
	return nil
}

// streams reports whether a reply comes bit by bit, for as long as it likes.
func streams(h http.Header) bool {
	t := first(h, "Content-Type")
	return len(t) >= len(eventStream) && t[:len(eventStream)] == eventStream
}

const eventStream = "text/event-stream"

// brokenReply says that the body of a reply that was held broke off.
type brokenReply struct{ err error }

func (e *brokenReply) Error() string { return fmt.Sprintf("read reply: %v", e.err) }
func (e *brokenReply) Unwrap() error { return e.err }
