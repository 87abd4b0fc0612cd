package rotahttp

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rota-go/rota/internal/limit"
	"github.com/rota-go/rota/internal/report"
)

// visit is one request that a Gate has handed on: what it brought, and the way out for the reply. It is a wrapper of
// the http.ResponseWriter because the headers of the reply tell of the moment in which they are written: of the load,
// of a drain that began meanwhile, and whether a failure was repeated below.
type visit struct {
	w       http.ResponseWriter
	gate    *Gate
	ctx     context.Context // of the request, as its handler has it
	token   report.Token
	replied time.Duration // when the headers of the reply were written
	status  int           // 0 = they were not yet
	taken   bool          // the connection is the handler's, who writes what he likes
	place   limit.Place
	in      inbound
}

// written is called before the headers of the reply are written, with their status. Only the first final one counts.
func (v *visit) written(status int) {
	if v.status != 0 || v.taken || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	v.status, v.replied = status, v.gate.now()
	h := v.w.Header()
	v.gate.announce(h, status, v.gate.report.Answer(v.replied, &v.token, v.ending()))
	if status >= 500 && v.in.exhausted.Load() && !v.gate.policy.Edge {
		h[HeaderRetriesLeft] = noneLeft
	}
}

// ending says what the reply tells of how long replies take. A handler whose caller has left returns early.
func (v *visit) ending() report.Ending {
	switch {
	case v.status == http.StatusTooManyRequests, v.status == http.StatusServiceUnavailable:
		return report.Refused
	case v.status >= 500 || v.ctx.Err() != nil:
		return report.Failed
	}
	return report.Served
}

// end takes the request out of those in flight, and gives its place back. How long it took is until the headers of its
// reply: what comes after may wait for a slow reader.
func (v *visit) end() {
	now := v.replied
	if v.status == 0 || v.gate.limiter != nil {
		now = v.gate.now()
	}
	v.gate.report.End(now, &v.token, report.Failed)
	if v.gate.limiter == nil {
		return
	}
	var took time.Duration
	switch {
	case v.taken: // who knows
	case v.status == 0:
		took = now - v.place.At()
	default:
		took = v.replied - v.place.At()
	}
	v.gate.givePlace(now, v.place, took, v.status != 0 && v.status < 500)
}

// writer returns the visit with the methods that its http.ResponseWriter has. None of these is an allocation.
func (v *visit) writer() http.ResponseWriter {
	_, flushes := v.w.(http.Flusher)
	_, hijacks := v.w.(http.Hijacker)
	_, pushes := v.w.(http.Pusher)
	switch {
	case flushes && hijacks:
		return http1Visit{v}
	case flushes && pushes:
		return http2Visit{v}
	case flushes:
		return flushVisit{v}
	}
	return v
}

// Unwrap is for http.ResponseController.
func (v *visit) Unwrap() http.ResponseWriter { return v.w }

func (v *visit) Header() http.Header { return v.w.Header() }

func (v *visit) WriteHeader(status int) {
	v.written(status)
	v.w.WriteHeader(status)
}

func (v *visit) Write(p []byte) (int, error) {
	v.written(http.StatusOK)
	return v.w.Write(p)
}

func (v *visit) WriteString(s string) (int, error) {
	v.written(http.StatusOK)
	return io.WriteString(v.w, s)
}

func (v *visit) flush() error {
	v.written(http.StatusOK)
	return http.NewResponseController(v.w).Flush()
}

// flushVisit is a visit whose http.ResponseWriter can flush, as that of every server.
type flushVisit struct{ *visit }

func (v flushVisit) Flush()            { v.flush() }
func (v flushVisit) FlushError() error { return v.flush() }

// http1Visit is one over HTTP/1.
type http1Visit struct{ *visit }

func (v http1Visit) Flush()            { v.flush() }
func (v http1Visit) FlushError() error { return v.flush() }

func (v http1Visit) ReadFrom(r io.Reader) (int64, error) {
	v.written(http.StatusOK)
	if to, ok := v.w.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{v.w}, r)
}

func (v http1Visit) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := v.w.(http.Hijacker).Hijack()
	if err == nil {
		v.taken = true
		v.gate.report.Answer(v.gate.now(), &v.token, report.Failed) // it may last as long as it likes
	}
	return c, rw, err
}

// http2Visit is one over HTTP/2.
type http2Visit struct{ *visit }

func (v http2Visit) Flush()            { v.flush() }
func (v http2Visit) FlushError() error { return v.flush() }

func (v http2Visit) Push(target string, opts *http.PushOptions) error {
	return v.w.(http.Pusher).Push(target, opts)
}
