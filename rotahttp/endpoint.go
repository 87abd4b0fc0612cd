package rotahttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/rota-go/rota"
)

// Endpoint is one method of a service: a typed call over HTTP. Set the fields before the first Call and leave them;
// Call may then be used concurrently. An Endpoint must not be copied.
type Endpoint[Req, Res any] struct {
	// Client finds the replicas and makes the attempts. Required.
	Client *rota.Client
	// HTTP sends them; nil = NewTransport(). It must not retry or follow redirects.
	HTTP http.RoundTripper
	// Method of the request; empty = POST.
	Method string
	// Path of the request, after the path of the instance's address. Not escaped, and without a query.
	Path string
	// Idempotent says that a request may be sent more than once. It need not be said of GET, HEAD, OPTIONS, TRACE, PUT
	// and DELETE (RFC 9110, 9.2.2).
	Idempotent bool
	// ContentType of requests; empty = application/json.
	ContentType string
	// Encode returns the body of a request; an empty one is none. It is called once for a call. Required.
	Encode func(Req) ([]byte, error)
	// Decode reads a reply with a status of 2xx; an error means that the replica is broken, and the call is tried
	// elsewhere. The body is valid only until Decode returns. Required.
	Decode func(Reply) (Res, error)
	// Classify may change what a reply means; nil = as it is. A reply that it calls a Success is decoded.
	Classify func(Reply, rota.Outcome) rota.Outcome
	// Check looks after replicas actively; nil = not at all. It begins with the first call. Of several Endpoints with one
	// Client one is enough to check.
	Check *Check
	// Probe says how replicas are asked for their load, if the Client's Balancer wants to know it. It begins with the first
	// call, of the first of several Endpoints with one Client.
	Probe Probe
	// MaxReply bounds the body of a reply, in bytes; 0 = 4 MiB. A longer one is a Failure.
	MaxReply int64

	once     sync.Once
	peers    peers
	prober   prober
	route    *rota.Route
	template *http.Request
	targets  targets
}

// Reply is a whole reply.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Causes of a Failure though there was a reply.
var (
	ErrReplyTooLong = errors.New("the reply is too long")
	ErrUndecodable  = errors.New("the reply does not decode")
)

// JSON returns an Endpoint that sends and receives JSON. Replies may have fields that Res does not know, and nothing
// after the value.
func JSON[Req, Res any](c *rota.Client, method, path string) *Endpoint[Req, Res] {
	return &Endpoint[Req, Res]{
		Client: c, Method: method, Path: path,
		Encode: func(r Req) ([]byte, error) { return json.Marshal(r) },
		Decode: func(r Reply) (res Res, err error) { return res, json.Unmarshal(r.Body, &res) },
	}
}

// NewTransport returns an http.Transport for calls between services: it keeps as many connections as were needed at
// once, dials no longer than a second, and uses no proxy.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: time.Second, ExpectContinueTimeout: time.Second, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
}

// result is a reply as Do sees it: what the caller gets, and what it says about the replica.
type result[Res any] struct {
	res     Res
	err     error
	outcome rota.Outcome
}

// Call sends a request and returns the reply. The error is a *rota.CallError when no replica gave a good one, and a
// *StatusError when a replica refused the request itself (4xx), which no other would accept either.
func (e *Endpoint[Req, Res]) Call(ctx context.Context, req Req) (Res, error) {
	e.once.Do(e.init)
	var none Res
	body, err := e.Encode(req)
	if err != nil {
		return none, fmt.Errorf("encode request: %w", err)
	}
	in := inboundOf(ctx)
	call := rota.Call{Idempotent: (e.Idempotent || idempotent(e.template.Method)) && in.repeats(), Route: e.route}
	r, err := rota.Do(ctx, e.Client, call, rota.Op[result[Res]]{
		Send: func(ctx context.Context, a *rota.Attempt) (result[Res], error) {
			return e.send(ctx, a, body), nil // what went wrong is in it
		},
		Classify: func(r result[Res], _ error) rota.Outcome { return r.outcome },
	})
	if err != nil {
		in.learn(err)
		return none, err
	}
	return r.res, r.err
}

// CloseIdle closes connections that are not in use.
func (e *Endpoint[Req, Res]) CloseIdle() {
	e.once.Do(e.init)
	e.peers.closeIdle()
}

func (e *Endpoint[Req, Res]) init() {
	e.peers.of(e.HTTP, e.Client)
	method := e.Method
	if method == "" {
		method = http.MethodPost
	}
	e.targets.path = e.Path
	if e.Path != "" && e.Path[0] != '/' {
		e.targets.path = "/" + e.Path
	}
	if e.Client != nil {
		if e.Check != nil {
			e.Check.start(e.Client, &e.peers)
		}
		e.prober.from(&url.URL{Scheme: "http"})
		e.prober.start(e.Probe, e.Client, &e.peers)
		e.route = e.Client.Route(method + " " + e.targets.path)
	}
	e.template = &http.Request{Method: method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// send makes one attempt, from the request to the decoded reply.
func (e *Endpoint[Req, Res]) send(ctx context.Context, a *rota.Attempt, body []byte) result[Res] {
	req, err := e.request(ctx, a, body)
	if err != nil {
		return result[Res]{outcome: classifyError(err)}
	}
	p, err := e.peers.get(a.Instance().Addr)
	if err != nil {
		return result[Res]{outcome: classifyError(err)}
	}
	resp, err := p.roundTrip(ctx, req, nil)
	if err != nil {
		return result[Res]{outcome: classifyError(err)}
	}
	defer p.ended()
	defer resp.Body.Close()
	buf := buffers.Get().(*bytes.Buffer)
	defer keep(buf)
	limit := min(e.MaxReply, math.MaxInt64-1)
	if limit == 0 {
		limit = 4 << 20
	}
	if _, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1)); err != nil {
		return result[Res]{outcome: rota.Outcome{Verdict: rota.Failure, Err: fmt.Errorf("read reply: %w", err)}}
	}
	if int64(buf.Len()) > limit {
		return result[Res]{outcome: rota.Outcome{Verdict: rota.Failure, Err: ErrReplyTooLong}}
	}
	r := e.reply(Reply{resp.StatusCode, resp.Header, buf.Bytes()})
	if r.outcome.Draining {
		p.closeIdle()
	}
	return r
}

// reply says what a whole reply means.
func (e *Endpoint[Req, Res]) reply(r Reply) result[Res] {
	o := classifyStatus(r.Status, r.Header)
	if e.Classify != nil {
		load := o.Load
		if o = e.Classify(r, o); !o.Load.Known {
			o.Load = load // it is about what the reply means
		}
	}
	switch {
	case o.Verdict != rota.Success:
		return result[Res]{outcome: o}
	case r.Status < 200 || r.Status > 299:
		return result[Res]{outcome: o, err: &StatusError{r.Status}}
	}
	res, err := e.Decode(r)
	if err != nil {
		o.Verdict, o.Err = rota.Failure, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return result[Res]{res: res, outcome: o}
}

func (e *Endpoint[Req, Res]) request(ctx context.Context, a *rota.Attempt, body []byte) (*http.Request, error) {
	u, err := e.targets.of(a.Instance().Addr)
	if err != nil {
		return nil, err
	}
	req := e.template.WithContext(ctx)
	req.URL, req.Host = u, u.Host
	req.Header = make(http.Header, 8)
	outbound(ctx, req.Header, false, a)
	if len(body) == 0 {
		return req, nil // a Body of no length would travel in chunks
	}
	ct := e.ContentType
	if ct == "" {
		ct = "application/json"
	}
	req.Header["Content-Type"] = []string{ct}
	req.ContentLength = int64(len(body))
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return req, nil
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
