package rotahttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// The times of a Runner, and what it sets in an http.Server whose fields are zero.
const (
	defaultWait       = 5 * time.Second
	defaultShutdown   = 10 * time.Second
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute // more than NewTransport's: the one who may send closes, not the one who may not know
	maxHeaderBytes    = 64 << 10

	lastAccepted = 100 * time.Millisecond // for requests of connections that were accepted last
	goAwayTime   = 100 * time.Millisecond // for GOAWAY to arrive
)

// ErrCutOff says that requests were under way when a server was closed.
var ErrCutOff = errors.New("requests in flight were cut off")

// Runner runs an http.Server until it is told to stop, and then lets it leave without its callers noticing. The zero
// value is ready. It
//
//  1. listens, serves, and answers the health checks;
//  2. when ctx ends, or at SIGTERM or SIGINT: is not ready any more (Readyz is 503), and says so with every reply,
//     which closes its connection too (see Gate.Drain), while it goes on serving, new connections included;
//  3. when Wait is over, or all callers have moved before (every connection is closed, and no request came for a
//     second): closes the listener, then idle connections, with a GOAWAY on HTTP/2, and waits for requests in flight;
//  4. when Shutdown is over: cuts them off.
//
// A second signal, or Abort, does 4 at once.
type Runner struct {
	// Listener is served instead of a new one on the server's Addr. Run closes it.
	Listener net.Listener
	// Gate is what is drained, when the server's Handler has wrapped it in something else; nil = the server's Handler
	// if that is a *Gate, or else a new one around it.
	Gate *Gate
	// Healthz and Readyz are paths that answer GET and HEAD: Healthz with 200 as long as the process serves, Readyz with
	// 503 when it drains. Empty = off.
	Healthz, Readyz string
	// Probes are handlers by their path, for health checks of one's own, or for metrics. Like Healthz and Readyz they
	// are answered however full the Limit is, and are not counted as requests in flight.
	Probes map[string]http.Handler
	// Wait is for callers and load balancers to notice that the server is not ready; 0 = 5 seconds, negative = none.
	Wait time.Duration
	// WaitOut waits until Wait is over even when all callers seem to have moved: for those who look at Readyz, or call,
	// less than once a second.
	WaitOut bool
	// Shutdown is for requests in flight to end; 0 = 10 seconds, negative = none.
	Shutdown time.Duration
	// Signals are what stops the server; nil = SIGTERM and SIGINT, empty = none. They are watched while Run runs only,
	// and whoever else has asked for them with os/signal gets them as well.
	Signals []os.Signal
	// Abort, when closed, ends Run at once; nil = never.
	Abort <-chan struct{}
	// Listening is called once the server listens, with its address. Nil = nothing is called.
	Listening func(net.Addr)
	// Draining is called when the server has begun to leave. Nil = nothing is called.
	Draining func()
}

// Run runs srv with a Runner that answers /healthz and /readyz.
func Run(ctx context.Context, srv *http.Server) error {
	r := Runner{Healthz: "/healthz", Readyz: "/readyz"}
	return r.Run(ctx, srv)
}

// Run serves srv until it has left. It returns nil when every request was answered, an error that is ErrCutOff when some
// were cut off, and any other when srv could not listen or serve, or has a Limit that cannot be meant.
//
// It serves TLS if srv.TLSConfig has certificates. Of srv it sets what is zero: ReadHeaderTimeout to 5 seconds,
// IdleTimeout to 2 minutes, and MaxHeaderBytes to 64 KiB. ReadTimeout and WriteTimeout stay as they are, for they would
// cut streams: if there are none, set them. Handler, ConnState and BaseContext are wrapped. When requests are cut off
// their contexts end. Hijacked connections are waited for as long as their handlers run. It may be called once for a
// server.
func (r *Runner) Run(ctx context.Context, srv *http.Server) error {
	if err := r.checkLimit(srv); err != nil {
		return err
	}
	listener := r.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", addrOf(srv)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx) // its end: leave
	defer cancel()
	atOnce, cut := context.WithCancel(context.Background())
	defer cut()
	defer r.watch(cancel, cut)()

	s := &serving{srv: srv, door: &door{Listener: listener, released: make(chan struct{})}, ended: make(chan struct{})}
	defer s.prepare(r)()
	go s.serve()
	if r.Listening != nil {
		r.Listening(listener.Addr())
	}
	select {
	case <-s.ended:
		_ = srv.Close()
		return s.err
	case <-atOnce.Done():
		return s.close("at once")
	case <-ctx.Done():
	}
	return r.leave(atOnce, s)
}

// checkLimit tells of a mistake in the gate's policy, which Handler has no way to tell.
func (r *Runner) checkLimit(srv *http.Server) error {
	gate := r.Gate
	if gate == nil {
		gate, _ = srv.Handler.(*Gate)
	}
	if gate == nil || gate.policy.Limit == nil {
		return nil
	}
	return gate.policy.Limit.Validate()
}

// leave is all that comes after the server was told to stop.
func (r *Runner) leave(atOnce context.Context, s *serving) error {
	s.gate.startDrain()
	if r.Draining != nil {
		r.Draining()
	}
	wait, cancel := context.WithTimeout(atOnce, orDefault(r.Wait, defaultWait))
	defer cancel()
	_ = s.gate.awaitMoved(wait, func() bool { return s.over() || !r.WaitOut && s.moved() })

	s.door.stop()
	if s.open.Load() > 0 {
		linger, cancel := context.WithTimeout(atOnce, lastAccepted)
		defer cancel()
		<-linger.Done()
	}
	patience := orDefault(r.Shutdown, defaultShutdown)
	shutdown, cancel := context.WithTimeout(atOnce, patience)
	defer cancel()
	if s.shutdown(shutdown) == nil {
		<-s.ended
		if errors.Is(s.err, http.ErrServerClosed) {
			return nil
		}
		return s.err
	}
	if atOnce.Err() != nil {
		return s.close("at once")
	}
	return s.close("after " + patience.String())
}

// watch ends the contexts when a signal comes. The func that it returns ends the watch.
func (r *Runner) watch(leave, cut func()) (stop func()) {
	signals := make(chan os.Signal, 2)
	which := r.Signals
	if which == nil {
		which = []os.Signal{syscall.SIGTERM, os.Interrupt}
	}
	if len(which) > 0 { // none would mean all to Notify
		signal.Notify(signals, which...)
	}
	stopped, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for n := 0; ; {
			select {
			case <-signals:
				if n++; n > 1 {
					cut()
				}
				leave()
			case <-r.Abort:
				cut()
				return
			case <-stopped:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(stopped)
		<-over
	}
}

// addrOf returns where srv listens, as net/http sees it.
func addrOf(srv *http.Server) string {
	switch {
	case srv.Addr != "":
		return srv.Addr
	case withTLS(srv):
		return ":https"
	}
	return ":http"
}

func withTLS(srv *http.Server) bool {
	c := srv.TLSConfig
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

func orDefault(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return max(d, 0)
}

// serving is a server that runs.
type serving struct {
	srv   *http.Server
	gate  *Gate
	door  *door
	ended chan struct{} // closed when Serve has returned err
	err   error
	cut   context.CancelFunc // ends the contexts of all requests

	open atomic.Int64 // connections
}

// prepare sets up the server. The func that it returns frees what that takes.
func (s *serving) prepare(r *Runner) (free func()) {
	srv := s.srv
	h := srv.Handler
	if h == nil {
		h = http.DefaultServeMux
	}
	s.gate = r.Gate
	if s.gate == nil {
		gate, ok := h.(*Gate)
		if !ok {
			gate = Handler(h, ServerPolicy{})
		}
		s.gate, h = gate, gate
	}
	srv.Handler = &porch{gate: s.gate, next: h, probes: r.probes(s.gate), door: s.door}
	if srv.ReadHeaderTimeout == 0 && srv.ReadTimeout == 0 {
		srv.ReadHeaderTimeout = readHeaderTimeout
	}
	if srv.IdleTimeout == 0 {
		srv.IdleTimeout = idleTimeout
	}
	if srv.MaxHeaderBytes == 0 {
		srv.MaxHeaderBytes = maxHeaderBytes
	}
	parent := context.Background()
	if srv.BaseContext != nil {
		parent = srv.BaseContext(s.door)
	}
	base, cut := context.WithCancel(parent)
	s.cut = cut
	srv.BaseContext = func(net.Listener) context.Context { return base }
	told := srv.ConnState
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		s.count(state)
		if told != nil {
			told(c, state)
		}
	}
	return cut
}

func (s *serving) count(state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

func (s *serving) serve() {
	defer close(s.ended)
	if withTLS(s.srv) {
		s.err = s.srv.ServeTLS(s.door, "", "")
		return
	}
	s.err = s.srv.Serve(s.door)
}

// moved reports whether nobody would notice if the server were gone: all who had a connection were told and have closed
// it, and nobody has come since.
func (s *serving) moved() bool { return s.open.Load() == 0 && s.gate.quiet() }

// over reports whether the server accepts nobody any more.
func (s *serving) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// shutdown closes connections as they become idle, and returns ctx's error if requests are in flight when that ends.
func (s *serving) shutdown(ctx context.Context) error {
	if err := s.srv.Shutdown(ctx); err != nil {
		return err
	}
	return s.gate.awaitMoved(ctx, func() bool { return s.gate.report.RIF() == 0 }) // hijacked ones
}

// close cuts off what is under way.
func (s *serving) close(when string) error {
	inFlight := s.gate.report.RIF()
	s.door.linger.Store(false)
	s.cut()
	_ = s.srv.Close() // the listener is all that could fail to close
	<-s.ended
	if inFlight == 0 {
		return nil
	}
	return fmt.Errorf("rotahttp: closed %s: %w: %d", when, ErrCutOff, inFlight)
}
