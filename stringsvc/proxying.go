package stringsvc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// Front sends Uppercase to replicas of the service.
type Front struct {
	client    *rota.Client
	overrides *rota.Overrides
	endpoint  *rotahttp.Endpoint[uppercaseRequest, uppercaseAnswer]
}

// FrontParams are a Front's settings.
type FrontParams struct {
	// Replicas are URLs, path included, as ParseReplicas returns them.
	Replicas []string
	// Resolver tells where the replicas are, instead of Replicas. Each answers at
	// /uppercase, after the path of its address if it has one.
	Resolver rota.Resolver
	Policy   rota.Policy
	Balancer rota.Balancer // nil = round robin
	Observer rota.Observer
	// HTTP sends the attempts; nil = rotahttp.NewTransport().
	HTTP http.RoundTripper
	// MaxBody is the longest request body that reaches the front, in bytes: a
	// reply may have what JSON can make of as much. 0 = DefaultMaxBody.
	MaxBody int64
	// ByHand lets replicas be drained and weighted by hand: see Front.Overrides.
	ByHand bool
}

// NewFront returns a Front. Close it after the last call.
func NewFront(p FrontParams) (*Front, error) {
	resolver, path := p.Resolver, defaultPath
	if resolver == nil {
		resolver, path = rota.StaticAddrs(p.Replicas...), ""
	}
	var overrides *rota.Overrides
	if p.ByHand {
		overrides = rota.NewOverrides(resolver)
		resolver = overrides
	}
	if p.Balancer == nil {
		p.Balancer = rota.RoundRobin() // as the tutorial has it
	}
	client, err := rota.New(rota.Config{
		Service: "uppercase", Resolver: resolver,
		Policy: p.Policy, Balancer: p.Balancer, Observer: p.Observer,
	})
	if err != nil {
		return nil, err
	}
	f := &Front{client: client, overrides: overrides, endpoint: rotahttp.JSON[uppercaseRequest, uppercaseAnswer](client, http.MethodPost, path)}
	f.endpoint.Idempotent = true // Uppercase is pure
	f.endpoint.HTTP = p.HTTP
	f.endpoint.MaxReply = maxReply(p.MaxBody)
	f.endpoint.Encode = encodeRequest
	f.endpoint.Classify = classify
	return f, nil
}

// maxReply is how long the reply to a body of maxBody bytes may be: JSON may
// write six characters for a byte, such as \u003c for '<'.
func maxReply(maxBody int64) int64 {
	const growth, around = 6, 1 << 10
	if maxBody == 0 {
		maxBody = DefaultMaxBody
	}
	return min(maxBody, (math.MaxInt64-1)/growth-around)*growth + around
}

// Stats tells what the calls to the replicas came to.
func (f *Front) Stats() rota.Stats { return f.client.Stats() }

// Eject takes the replica at an address out of use until a trial finds it well. It reports whether it is out.
func (f *Front) Eject(addr string) bool { return f.client.Eject(addr) }

// Overrides are what drains and weights replicas by hand; nil without FrontParams.ByHand.
func (f *Front) Overrides() *rota.Overrides { return f.overrides }

// Close ends the connections to the replicas.
func (f *Front) Close() error {
	err := f.client.Close()
	f.endpoint.CloseIdle()
	return err
}

// Proxying is a Middleware: Uppercase goes to the replicas, Count to next.
func (f *Front) Proxying(next Service) Service { return &proxy{next, f} }

type proxy struct {
	Service
	front *Front
}

type uppercaseRequest struct {
	S string `json:"s"`
}

// encodeRequest is json.Marshal without the escapes for HTML. With them, a body
// that this front takes could be too long for a replica with the same limit.
func encodeRequest(r uppercaseRequest) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

// classify makes a failed attempt of every reply without an answer: a front
// sends only what every replica understands, so a 404 comes from a wrong path,
// a 302 from a login page. What was too long for a replica says nothing about
// it, or one such call could take them all out of use.
func classify(r rotahttp.Reply, o rota.Outcome) rota.Outcome {
	switch {
	case o.Verdict != rota.Success, 200 <= r.Status && r.Status < 300:
		return o
	case r.Status == http.StatusRequestEntityTooLarge, r.Status == http.StatusRequestHeaderFieldsTooLarge:
		o.Verdict = rota.Ignored
	default:
		o.Verdict = rota.Failure
	}
	o.Err = &rotahttp.StatusError{Code: r.Status}
	return o
}

// uppercaseAnswer is a reply that has an answer in it. JSON that has none,
// such as the {} of a server that only looks like ours, does not decode.
type uppercaseAnswer struct {
	v   string
	err error
}

func (a *uppercaseAnswer) UnmarshalJSON(data []byte) error {
	var reply struct {
		V   *string `json:"v"`
		Err string  `json:"err"`
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return err
	}
	if reply.V == nil && reply.Err == "" {
		return errors.New(`no "v" in it`)
	}
	if reply.V != nil {
		a.v = *reply.V
	}
	if reply.Err != "" {
		a.err = BusinessError(reply.Err)
	}
	return nil
}

// Uppercase asks a replica. A business error is an answer like any other.
func (p *proxy) Uppercase(ctx context.Context, s string) (string, error) {
	answer, err := p.front.endpoint.Call(ctx, uppercaseRequest{s})
	if err != nil {
		return "", err
	}
	return answer.v, answer.err
}
