package proxy

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// exchange is one request and its response.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	state *state
	proxy *Proxy
	route *route // nil = none fits

	began    time.Time // only if somebody wants to know
	peer     netip.Addr
	from     string // see client
	logged   bool   // however it ends
	status   int
	sent     int64 // of the response's body
	why      string
	decision *rota.Decision // only if somebody wants to know
	body     lentBody
	options  rotahttp.Options
}

// lentBody is the body of a request as the transport has it. The server's own waits, when it is closed, for what the client
// still has to send, who may wait for the response first. So it is not closed but by the server, after the response.
type lentBody struct {
	io.Reader
	closed atomic.Bool
}

func (b *lentBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.Reader.Read(p)
}

func (b *lentBody) Close() error {
	b.closed.Store(true)
	return nil
}

// begin notes what is known of a request as it comes. It reports whether somebody wants to know how it ends.
func (x *exchange) begin() bool {
	access := x.state.access
	told := access != nil || x.proxy.params.Metrics != nil
	if told {
		x.began = time.Now()
	}
	if ap, err := netip.ParseAddrPort(x.r.RemoteAddr); err == nil {
		x.peer = ap.Addr().Unmap()
	}
	if access != nil {
		x.logged = access.wants()
		x.client()
	}
	return told
}

func (x *exchange) serve() {
	if x.begin() {
		defer x.tell(x.state.access)
	}
	if status, why := refusal(x.r); status != 0 {
		x.fail(status, why)
		return
	}
	route, other := x.state.table.find(x.r)
	if route == nil {
		if x.why = "no route"; other {
			x.w.Header()["Allow"] = []string{x.state.table.methods(x.r)}
			x.fail(http.StatusMethodNotAllowed, "no route for this method")
			return
		}
		x.fail(http.StatusNotFound, "no route")
		return
	}
	x.route = route
	if route.limiter != nil {
		if wait := route.limiter.take(x.client); wait > 0 {
			x.retryAfter(wait)
			x.fail(http.StatusTooManyRequests, "too many requests")
			return
		}
	}
	if limit := int64(route.spec.MaxRequest); limit > 0 {
		if x.r.ContentLength > limit {
			x.fail(http.StatusRequestEntityTooLarge, "the request is too long")
			return
		}
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, limit)
	}
	if err := route.known(x.r.Context()); err != nil {
		x.failed(err)
		return
	}
	if route.switches(x.r) {
		x.upgrade()
		return
	}
	x.forward()
}

// forward sends the request on and passes the response back.
func (x *exchange) forward() {
	x.setOptions()
	if x.r.ProtoAtLeast(1, 1) { // before that nothing was informational
		x.options.Informational = x.inform
	}
	out := x.r.WithContext(rotahttp.With(x.r.Context(), &x.options))
	trailers := x.prepare(out, x.r)
	if trailers {
		out.Header["Te"] = teTrailers
	}
	if out.ContentLength >= 0 && out.ContentLength <= x.route.service.replay() {
		delete(out.Header, "Expect") // it is read before anybody is asked; to read it tells the client to go on
	}
	if out.ContentLength == 0 {
		out.Body = nil
	} else if out.Body != nil {
		x.body.Reader, out.Body = out.Body, &x.body
		defer x.body.Close()
	}
	resp, err := x.route.service.transport.RoundTrip(out)
	if err != nil {
		x.failed(err)
		return
	}
	defer resp.Body.Close()
	if err := x.route.bound(resp); err != nil {
		x.failed(err)
		return
	}
	x.respond(resp)
}

var teTrailers = []string{"trailers"}

// setOptions says what the request wants of the transport.
func (x *exchange) setOptions() {
	rt, o := x.route, &x.options
	*o = rt.options
	if rt.key != "" {
		if v := x.r.Header[rt.key]; len(v) > 0 {
			o.Key = rota.Key(v[0])
		}
	}
	debug := x.r.Header["Rota-Debug"] != nil
	delete(x.r.Header, "Rota-Debug")
	debug = debug && x.asks(x.state.debug)
	if debug || x.logged {
		o.Decided = func(d *rota.Decision) {
			x.decision = d
			if debug {
				x.explain(d)
			}
		}
	}
}

// inform passes on a response that is not final. That the client may go on with its body is between it and us.
func (x *exchange) inform(status int, header http.Header) {
	if status == http.StatusContinue {
		return
	}
	h := x.w.Header()
	passHeader(h, header)
	x.w.WriteHeader(status)
	clear(h)
}

// prepare makes of in's copy out what is sent on. It reports whether the client takes trailers.
func (x *exchange) prepare(out, in *http.Request) (trailers bool) {
	rt := x.route
	u := *in.URL
	u.Scheme, u.Host, u.User = rt.service.scheme, rt.service.name, nil
	if w := &rt.spec.Rewrite; w.StripPrefix != "" || w.AddPrefix != "" {
		rt.rewritePath(&u)
	}
	out.URL, out.RequestURI, out.Close = &u, "", false
	if h := rt.spec.Rewrite.Host; h != "" {
		out.Host = h
	}
	trailers = stripHops(out.Header) // before what we say of the client, which it might name in Connection
	x.state.forwarded.apply(out.Header, in, x.peer)
	rt.request.apply(out.Header)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = noUserAgent // or net/http sends its own
	}
	return trailers
}

var noUserAgent = []string{""}

// respond passes a response back.
func (x *exchange) respond(resp *http.Response) {
	h := x.w.Header()
	passHeader(h, resp.Header)
	x.route.response.apply(h)
	announced := len(resp.Trailer)
	for k := range resp.Trailer {
		h["Trailer"] = append(h["Trailer"], k)
	}
	x.status = resp.StatusCode
	x.w.WriteHeader(resp.StatusCode)
	flush := resp.ContentLength < 0
	if flush {
		x.flush() // nobody knows when the first piece comes
	}
	err := x.copyBody(resp.Body, flush)
	if err != nil {
		x.why = "response broke off: " + err.Error()
		panic(http.ErrAbortHandler) // or the client would take half of it for the whole
	}
	passTrailers(h, resp.Trailer, announced)
}

func passHeader(h, from http.Header) {
	stripHops(from)
	for k, v := range from {
		if !strings.HasPrefix(k, "Rota-") { // that is between the replica and us
			h[k] = v
		}
	}
}

func passTrailers(h, trailer http.Header, announced int) {
	for k, v := range trailer {
		if len(trailer) != announced {
			k = http.TrailerPrefix + k
		}
		h[k] = append(h[k], v...)
	}
}

// buffers are for bodies on their way, small ones for streams: there may be many that say little.
var buffers, smallBuffers = buffersOf(32 << 10), buffersOf(4 << 10)

func buffersOf(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// copyBody copies a body. With flush every piece goes out as it came.
func (x *exchange) copyBody(body io.Reader, flush bool) error {
	if body == http.NoBody {
		return nil
	}
	pool := buffers
	if flush {
		pool = smallBuffers
	}
	buf := pool.Get().(*[]byte)
	defer func() { pool.Put(buf) }()
	for {
		n, err := body.Read(*buf)
		if n > 0 {
			m, err := x.w.Write((*buf)[:n])
			x.sent += int64(m)
			if err != nil {
				return err
			}
			if flush {
				x.flush()
			}
		}
		if n == len(*buf) && pool == smallBuffers { // it says a lot
			pool.Put(buf)
			pool = buffers
			buf = pool.Get().(*[]byte)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (x *exchange) flush() {
	if f, ok := x.w.(http.Flusher); ok {
		f.Flush()
	}
}

// stripHops removes what is for one connection only. It reports whether TE allowed trailers.
func stripHops(h http.Header) (trailers bool) {
	if c, ok := h["Connection"]; ok {
		for _, line := range c {
			for name := range strings.SplitSeq(line, ",") {
				if name = strings.TrimSpace(name); name != "" {
					h.Del(name)
				}
			}
		}
	}
	for k, v := range h {
		switch k {
		case "Te":
			trailers = strings.Contains(strings.Join(v, ","), "trailers")
			delete(h, k)
		case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Trailer", "Transfer-Encoding", "Upgrade":
			delete(h, k)
		}
	}
	return trailers
}
