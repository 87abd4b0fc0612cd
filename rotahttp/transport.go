package rotahttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rota-go/rota"
)

// Transport is an http.RoundTripper that sends a request to a replica of a service, and to another one when that
// fails and the request may be repeated. The URL of the request names the service; its host is sent as the Host
// header, and the scheme and host of the instance take its place on the way.
//
// A request may be repeated if its method is idempotent (RFC 9110, 9.2.2), if it has an Idempotency-Key, or if its
// context says so (see MayRepeat); any request whose attempt never reached a replica is repeated. A body is
// replayed from memory when its length is known and at most MaxReplay, or through GetBody, and then never to two replicas
// side by side; a request with any other body is sent once. When every attempt failed, the last reply is returned if there was one, and a *rota.CallError if not, or
// if the request's context has ended.
//
// An attempt is in flight until the body of its reply was read to the end or closed. The policy's times bound a request
// until the headers of the reply have come; the context of the request bounds the body as well. A replica that is told the
// time, and wrapped in a Handler, ends the whole of the request when it is over: streams want a policy without Timeout.
//
// Set the fields before the first RoundTrip, which may then be called concurrently. A Transport must not be copied.
type Transport struct {
	// Client finds the replicas and makes the attempts. Required.
	Client *rota.Client
	// Base sends them; nil = NewTransport().
	Base http.RoundTripper
	// Check looks after replicas actively; nil = not at all. It begins with the first request.
	Check *Check
	// Probe says how replicas are asked for their load, if the Client's Balancer wants to know it. It begins with the first
	// request.
	Probe Probe
	// Routes are patterns of http.ServeMux, such as "GET /v1/{id}". Requests that match one have a Route of their own, so
	// that what is quick is hedged sooner than what is slow; the others one for each method. At most rota.MaxRoutes count.
	Routes []string
	// MaxReplay is the size of a body that is kept in memory to be replayed, in bytes; 0 = 64 KiB, negative = none.
	MaxReplay int64

	once   sync.Once
	peers  peers
	prober prober
	routes routes
}

// MayRepeat returns a context whose requests may be sent more than once, whatever their method. Options say more.
func MayRepeat(ctx context.Context) context.Context {
	o := *optionsOf(ctx)
	o.Repeat = true
	return With(ctx, &o)
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.init)
	if err := valid(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	t.prober.from(req.URL)
	o := optionsOf(req.Context())
	tr := &trip{transport: t, req: req, hold: o.HoldReply}
	if err := tr.body.of(req, t.maxReplay()); err != nil {
		return nil, err
	}
	defer tr.body.close()
	if o.Informational != nil {
		tr.hints.told, tr.hint = o.Informational, tr.hints.tell
		defer tr.hints.end()
	}
	in := inboundOf(req.Context())
	call := rota.Call{
		Idempotent: tr.body.replayable && (o.Repeat || mayRepeat(req)) && in.repeats(), Alone: tr.body.long,
		Route: o.Route, Key: o.Key, Terms: o.Terms, Decided: o.Decided,
	}
	if call.Route == nil {
		call.Route = t.routes.find(req)
	}
	r, err := rota.Do(req.Context(), t.Client, call, rota.Op[reply]{
		Send: tr.send, Classify: classifyReply, Hold: holdReply, Discard: discardReply,
	})
	in.learn(err)
	switch {
	case r.resp == nil:
		return nil, err
	case err != nil && over(req.Context()): // then no body can be read either
		r.resp.Body.Close()
		return nil, err
	}
	r.resp.Request = req
	return r.resp, nil
}

// valid is what has to be right whatever replica the request goes to.
func valid(req *http.Request) error {
	switch {
	case req.URL == nil:
		return errors.New("rotahttp: the request has no URL")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("rotahttp: the scheme of the request's URL is %q, want http or https", req.URL.Scheme)
	case req.URL.Host == "":
		return errors.New("rotahttp: the request's URL has no host, want the service's name")
	case req.Header == nil:
		return errors.New("rotahttp: the request's Header is nil")
	}
	return nil
}

// over reports whether ctx has ended, or its time is up and it is about to.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// CloseIdleConnections closes connections that are not in use.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.init)
	t.peers.closeIdle()
}

func (t *Transport) init() {
	t.peers.of(t.Base, t.Client)
	if t.Client != nil {
		if t.Check != nil {
			t.Check.start(t.Client, &t.peers)
		}
		t.prober.start(t.Probe, t.Client, &t.peers)
		t.routes.of(t.Client, t.Routes)
	}
}

func (t *Transport) maxReplay() int64 {
	if t.MaxReplay == 0 {
		return 64 << 10
	}
	return t.MaxReplay
}

func mayRepeat(req *http.Request) bool {
	return idempotent(req.Method) || req.Method == "" ||
		req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil
}

// trip is one RoundTrip. What nearly every one needs once is part of it, so that it is allocated together.
type trip struct {
	transport *Transport
	req       *http.Request // the caller's; it is not touched
	hold      int64
	hint      func(int, http.Header) // nil = hints are passed over
	hints     hints
	body      requestBody
	out       http.Request // of the first attempt
	held      heldBody     // of the winner
}

// reply is what an attempt comes back with.
type reply struct {
	resp *http.Response
	trip *trip
	peer *peer
}

func classifyReply(r reply, err error) rota.Outcome {
	if err != nil {
		return r.trip.body.classifyError(err)
	}
	o := classifyStatus(r.resp.StatusCode, r.resp.Header)
	if o.Draining {
		r.peer.closeIdle()
	}
	return o
}

// send makes one attempt.
func (tr *trip) send(ctx context.Context, a *rota.Attempt) (reply, error) {
	r := reply{trip: tr}
	p, err := tr.transport.peers.get(a.Instance().Addr)
	if err != nil {
		return r, err
	}
	r.peer = p
	out := tr.req
	u := p.address(out.URL)
	header, changed := outbound(ctx, out.Header, true, a)
	body, err := tr.body.next()
	if err != nil {
		return r, err
	}
	if changed || u != out.URL || body != out.Body {
		out = &tr.out
		if a.Number() > 1 { // others may be under way
			out = new(http.Request)
		}
		*out = *tr.req
		out.URL, out.Header, out.Body, out.GetBody = u, header, body, tr.body.get
		if out.Host == "" {
			out.Host = tr.req.URL.Host
		}
	}
	if r.resp, err = p.roundTrip(ctx, out, tr.hint); err != nil {
		return r, err
	}
	if err = hold(r.resp, tr.hold); err != nil {
		r.resp = nil
		p.ended()
	}
	return r, err
}

var _ http.RoundTripper = (*Transport)(nil)
