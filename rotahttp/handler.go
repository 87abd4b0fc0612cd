package rotahttp

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/limit"
	"github.com/rota-go/rota/internal/report"
)

// DefaultLoadPath is where a Handler answers how it is, unless its LoadPath says otherwise, and where Probe asks.
const DefaultLoadPath = "/.rota/load"

// ServerPolicy says how Handler treats calls. The zero value is complete.
type ServerPolicy struct {
	// ID is this process's name on the trail of processes that a call passes, without commas or spaces; empty = drawn
	// at random.
	ID string
	// Refuse answers a call that is not handed on: with 508, because it has been here before or has passed more
	// than 16 processes; with 504, because its time was up on arrival, or after it had waited for a place; with 503,
	// because there is no place, when Retry-After is set already; or with 413, because its body is too long. It is
	// called concurrently, and often when there is an overload. Nil: a line of text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, why string)
	// Limit bounds how many requests are handled at once; nil = there is no bound.
	Limit *Limit
	// MaxBody bounds the body of a request, in bytes; 0 = there is no bound, as for every http.Handler. A request whose
	// length says that it is longer is refused with 413; of any other the handler reads so much and then a
	// *http.MaxBytesError.
	MaxBody int64
	// LoadPath is where GET and HEAD are answered at once with 204 and Rota-Load, for callers that ask several replicas how
	// they are before they choose one. Such a question is no request: it reaches neither the Limit nor the handler, is not
	// counted as in flight, and is answered while the server drains. Empty = DefaultLoadPath, "-" = nowhere.
	LoadPath string
	// Edge says that requests come from outside, from callers who are not to be trusted. What only our own callers may
	// say is taken out of a request before anything else looks at it:
	//
	//	Rota-*                             removed: time, trail, attempt, retries left, debug
	//	Connect-Timeout-Ms, Grpc-Timeout   removed: how long a request may take is decided inside
	//	X-Envoy-*                          removed: they are an Envoy's own word
	//	Traceparent, Tracestate, Baggage   removed: a trace begins here, and nobody outside decides what is sampled
	//	X-Request-Id                       replaced by a random one: it is written to logs
	//	anything else                      stays; Idempotency-Key, too, is between the caller and the service
	//
	// A call that comes back all the same, with this process's own id on its trail, is refused here as elsewhere.
	// Replies carry no header of rota's, and there is no LoadPath.
	Edge bool
}

// Gate is what Handler returns. Its methods may be called concurrently.
type Gate struct {
	next    http.Handler
	policy  ServerPolicy
	limiter *limit.Limiter // nil = no limit
	epoch   time.Time      // of all times that are durations

	report report.Estimator // of all requests, those who wait for a place included
	usage  usage
	loads  loads

	draining atomic.Bool
	arrived  atomic.Int64 // when the last request came; kept while draining
}

// Handler wraps the handler of a service that is called through rota. The context of a request ends when the caller's
// time is up, and carries on to the calls made with it: the trail (Rota-Hops), and traceparent, tracestate, baggage and
// X-Request-Id unchanged.
//
// The time is the least of Rota-Timeout-Ms, Connect-Timeout-Ms, grpc-timeout and x-envoy-expected-rq-timeout-ms, and of
// 24 hours. One that does not parse is ignored; 0 is up already.
//
// Every reply says what the server is doing, in Rota-Load, as it is when the reply's headers are written:
//
//	rif          how many other requests are in flight, those who wait for a place included
//	latency-us   how long one more is likely to take to the headers of its reply, in microseconds: the median of the last
//	             second's replies to requests that met about as many others, and at least 3/4 of the mean age of those
//	             that have no reply yet; 0 = it is not known. Neither 429 nor 5xx counts, nor a request whose caller left
//	rate         how many requests were answered a second, over about the last one, without those that were refused (429
//	             and 503)
//	util         the share of the processors that the process may use which it did use, over about the last second; only
//	             on systems that tell
//	state        ok or draining
//
// Numbers have two digits; rate and util are left out while they are not known. The same is said at LoadPath.
//
// The http.ResponseWriter that the handler gets wraps the server's. It is an http.Flusher, an http.Hijacker on HTTP/1 and
// an http.Pusher on HTTP/2, as that is, and http.ResponseController reaches the rest.
func Handler(next http.Handler, p ServerPolicy) *Gate {
	if p.ID == "" {
		p.ID = newID()
	}
	if p.Refuse == nil {
		p.Refuse = refuse
	}
	g := &Gate{next: next, policy: p, epoch: time.Now()}
	switch {
	case p.Edge || p.LoadPath == "-":
		g.policy.LoadPath = ""
	case p.LoadPath == "":
		g.policy.LoadPath = DefaultLoadPath
	}
	if p.Limit != nil {
		g.limiter = p.Limit.limiter()
	}
	return g
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.tell(w, r) {
		return
	}
	began := g.now()
	g.usage.look(began)
	if g.draining.Load() {
		g.arrived.Store(int64(began))
	}
	h := r.Header
	if g.policy.Edge {
		h = stripped(h)
	}
	a := arrival{began: began, header: h, token: g.report.Begin(began)}
	a.left, a.timed = timeLeft(h)
	place, no := g.admit(r, &a)
	if no.status != 0 {
		now := g.now()
		defer g.report.End(now, &a.token, report.Refused)
		g.announce(w.Header(), no.status, g.report.Answer(now, &a.token, report.Refused))
		g.refuse(w, r, no)
		return
	}
	g.serve(w, r, &a, place)
}

// tell answers a question for the load. It reports false if the request is none.
func (g *Gate) tell(w http.ResponseWriter, r *http.Request) bool {
	if g.policy.LoadPath == "" || r.URL.Path != g.policy.LoadPath || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	now := g.now()
	g.usage.look(now)
	h := w.Header()
	g.announce(h, http.StatusNoContent, g.report.Load(now))
	h["Cache-Control"] = noStore
	w.WriteHeader(http.StatusNoContent)
	return true
}

// arrival is a request as it came.
type arrival struct {
	began  time.Duration
	header http.Header // without what is not believed
	left   time.Duration
	timed  bool // left means something
	token  report.Token
}

// refusal is why a request is not handed on. The zero value is none.
type refusal struct {
	status int
	why    string
}

// admit decides whether a request is handed on. What costs least comes first.
func (g *Gate) admit(r *http.Request, a *arrival) (limit.Place, refusal) {
	switch {
	case !extends(first(r.Header, HeaderHops), g.policy.ID): // at the edge too: a lie harms the liar
		return limit.Place{}, refusal{http.StatusLoopDetected, "the call came back to a process that it had passed, or passed too many"}
	case a.timed && a.left == 0:
		return limit.Place{}, refusal{http.StatusGatewayTimeout, "the call's time was up when it arrived"}
	case g.policy.MaxBody > 0 && r.ContentLength > g.policy.MaxBody:
		return limit.Place{}, refusal{http.StatusRequestEntityTooLarge, "the request's body is too long"}
	case g.limiter == nil:
		return limit.Place{}, refusal{}
	}
	return g.takePlace(r.Context(), a)
}

// serve hands a request on.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, a *arrival, place limit.Place) {
	v := &visit{w: w, gate: g, token: a.token, place: place}
	defer v.end() // when the handler panics, too
	v.in.of(a.header, g.policy.ID)
	ctx := context.WithValue(r.Context(), inboundKey{}, &v.in)
	if a.timed {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, g.epoch.Add(a.began+a.left))
		defer cancel()
	}
	v.ctx = ctx
	r = r.WithContext(ctx)
	r.Header = a.header
	if g.policy.MaxBody > 0 && r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, g.policy.MaxBody)
	}
	g.next.ServeHTTP(v.writer(), r)
	v.written(http.StatusOK) // if the handler has written nothing, this is what net/http does next
}

// of takes what concerns the calls made for a request.
func (in *inbound) of(h http.Header, id string) {
	in.hops = id
	if trail := first(h, HeaderHops); trail != "" {
		in.hops = trail + "," + id
	}
	for i, key := range passed {
		in.header[i] = h[key]
	}
	in.attempt = count(first(h, HeaderAttempt), 1)
	in.retriesLeft = count(first(h, HeaderRetriesLeft), -1)
}

// refuse answers a request that is not handed on.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, no refusal) {
	if no.status == http.StatusServiceUnavailable {
		w.Header()["Retry-After"] = g.retryAfter()
	}
	g.policy.Refuse(w, r, no.status, no.why)
}

// announce says in the headers of a reply how the server is.
func (g *Gate) announce(h http.Header, status int, l report.Load) {
	draining := g.draining.Load()
	if g.policy.Edge {
		hide(h)
	} else {
		h[HeaderLoad] = g.loads.of(said{
			rif: int64(l.RIF), micros: twoDigits(uint32(min(l.Latency, maxLoadLatency) / time.Microsecond)),
			rate: thousandths(l.Rate, maxLoadRate), util: g.usage.thousandths(), draining: draining,
		})
	}
	if draining && status != http.StatusSwitchingProtocols {
		h["Connection"] = closing // net/http makes it a GOAWAY on HTTP/2
	}
}

// now returns the time since the epoch.
func (g *Gate) now() time.Duration { return time.Since(g.epoch) }

// Values of headers that are the same for all replies. Nobody may change them.
var (
	closing   = []string{"close"}
	plainText = []string{"text/plain; charset=utf-8"}
	noSniff   = []string{"nosniff"}
	noneLeft  = []string{"0"}
)

// refuse is http.Error with fewer allocations, for the time when there is too much to do.
func refuse(w http.ResponseWriter, _ *http.Request, status int, why string) {
	h := w.Header()
	h["Content-Type"], h["X-Content-Type-Options"] = plainText, noSniff
	w.WriteHeader(status)
	if s, ok := w.(interface{ WriteString(string) (int, error) }); ok {
		s.WriteString(why)
		return
	}
	w.Write([]byte(why))
}
