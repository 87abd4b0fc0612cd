package rotahttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/rota-go/rota"
)

// Transport is an http.RoundTripper that sends a request to a replica of a service, and to another one when that
// fails and the request may be repeated. The URL of the request names the service; its host is sent as the Host
// header, and the scheme and host of the instance take its place on the way.
//
// A request may be repeated if its method is idempotent (RFC 9110, 9.2.2), if it has an Idempotency-Key, or if its
// context says so (see MayRepeat); any request whose attempt never reached a replica is repeated. A body is
// replayed through GetBody, or from memory when its length is known and at most MaxReplay. When every attempt failed,
// the last reply is returned if there was one, and a *rota.CallError if not.
//
// Set the fields before the first RoundTrip. A Transport must not be copied.
type Transport struct {
	// Client finds the replicas and makes the attempts. Required.
	Client *rota.Client
	// Base sends them; nil = NewTransport().
	Base http.RoundTripper
	// MaxReplay is the size of a body that is kept in memory to be replayed, in bytes; 0 = 64 KiB, negative = none.
	MaxReplay int64

	once    sync.Once
	base    http.RoundTripper
	targets targets
}

type repeatKey struct{}

// MayRepeat returns a context whose requests may be sent more than once, whatever their method.
func MayRepeat(ctx context.Context) context.Context { return context.WithValue(ctx, repeatKey{}, true) }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.init)
	body, err := t.body(req)
	if err != nil {
		return nil, err
	}
	defer body.close()
	call := rota.Call{Idempotent: body.replayable && mayRepeat(req)}
	resp, err := rota.Do(req.Context(), t.Client, call, rota.Op[*http.Response]{
		Send: func(ctx context.Context, a *rota.Attempt) (*http.Response, error) {
			return t.send(ctx, a, req, body)
		},
		Classify: func(resp *http.Response, err error) rota.Outcome {
			if err == nil {
				return classifyStatus(resp.StatusCode, resp.Header)
			}
			o := classifyError(err)
			o.Unsent = o.Unsent && body.replayable
			return o
		},
		Hold:    holdBody,
		Discard: discardBody,
	})
	if resp != nil {
		resp.Request = req
		return resp, nil
	}
	return nil, err
}

// CloseIdleConnections closes connections that are not in use.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.init)
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) init() {
	t.base = t.Base
	if t.base == nil {
		t.base = NewTransport()
	}
}

func mayRepeat(req *http.Request) bool {
	return idempotent(req.Method) || req.Method == "" ||
		req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil ||
		req.Context().Value(repeatKey{}) != nil
}

// send makes one attempt. The request of the caller is not touched.
func (t *Transport) send(ctx context.Context, a *rota.Attempt, req *http.Request, body *requestBody) (*http.Response, error) {
	target, err := t.targets.of(a.Instance().Addr)
	if err != nil {
		return nil, err
	}
	out := req.WithContext(ctx)
	u := *req.URL
	u.Scheme, u.Host = target.Scheme, target.Host
	if target.Path != "" {
		u.Path = target.Path + u.Path
		if u.RawPath != "" {
			u.RawPath = target.EscapedPath() + u.RawPath
		}
	}
	out.URL = &u
	if out.Host == "" {
		out.Host = req.URL.Host
	}
	out.Header = make(http.Header, len(req.Header)+8)
	for k, v := range req.Header {
		out.Header[k] = v
	}
	outbound(ctx, out.Header, a)
	if out.Body, err = body.next(a.Number()); err != nil {
		return nil, err
	}
	return t.base.RoundTrip(out)
}

// requestBody gives every attempt the body from its beginning.
type requestBody struct {
	original   io.ReadCloser // nil = none
	get        func() (io.ReadCloser, error)
	replayable bool

	mu   sync.Mutex
	sent bool // the original was given away; who has it closes it
}

func (t *Transport) body(req *http.Request) (*requestBody, error) {
	b := &requestBody{original: req.Body, get: req.GetBody}
	limit := t.MaxReplay
	if limit == 0 {
		limit = 64 << 10
	}
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		b.replayable = true
	case req.GetBody != nil:
		b.replayable = true
	case req.ContentLength > 0 && req.ContentLength <= limit:
		data, err := io.ReadAll(io.LimitReader(req.Body, req.ContentLength+1))
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		b.original, b.replayable = nil, true
		b.get = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	return b, nil
}

func (b *requestBody) next(attempt int) (io.ReadCloser, error) {
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
		return nil, errors.New("rotahttp: the body cannot be sent again")
	}
	return b.get()
}

// close keeps the promise of every RoundTripper, also when no attempt was made.
func (b *requestBody) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.original != nil && !b.sent {
		b.sent = true
		b.original.Close()
	}
}

var _ http.RoundTripper = (*Transport)(nil)

// upgraded reports whether a reply's body is a connection that both sides write to.
func upgraded(resp *http.Response) bool {
	return resp.StatusCode == http.StatusSwitchingProtocols && strings.EqualFold(first(resp.Header, "Connection"), "upgrade")
}
