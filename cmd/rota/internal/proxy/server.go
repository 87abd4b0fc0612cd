package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/rotahttp"
)

// Sockets are where listening sockets come from.
type Sockets interface {
	// Listen makes a socket, or takes over one of that name.
	Listen(name, addr string) (net.Listener, error)
	// Share returns another listener on the socket of one that Listen or Share returned, with the same queue.
	Share(name string, l net.Listener) (net.Listener, error)
}

// Servers serve a Proxy on the listeners of a setup, which may come and go while they do.
type Servers struct {
	proxy   *Proxy
	log     *slog.Logger
	sockets Sockets

	mu      sync.Mutex
	running map[string]*server // by the listener's name
	all     map[*server]bool   // those that leave, too
	drain   setup.Drain
	leaving bool
	wg      sync.WaitGroup
	errs    []error
}

// NewServers returns Servers that run nothing yet.
func NewServers(p *Proxy, log *slog.Logger, sockets Sockets) *Servers {
	return &Servers{proxy: p, log: log, sockets: sockets, running: map[string]*server{}, all: map[*server]bool{}}
}

// server is one listener at work.
type server struct {
	spec   setup.Listener
	socket *retiring
	runner *rotahttp.Runner
	stop   context.CancelFunc
	cut    chan struct{} // closed: end at once
}

// leave has the server drain as the setup in force says.
func (sv *server) leave(d setup.Drain) {
	sv.runner.Wait, sv.runner.Shutdown = orNone(d.Wait), orNone(d.Shutdown) // which the runner reads when it is told to stop
	sv.stop()
}

// orNone is a time as a Runner has it, for whom zero is the default.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// Change is listeners that are ready to be those in use. Either Commit or Discard has to be called.
type Change struct {
	servers *Servers
	drain   setup.Drain
	stays   map[string]bool
	fresh   []opened
}

type opened struct {
	spec   setup.Listener
	socket net.Listener
	tls    *tls.Config
	shares *server // whose socket it takes over; nil = it has its own
}

// Prepare makes what the listeners of s need and the ones in use do not have. A listener whose settings change keeps its
// socket: the one before takes no new connections then, and drains.
func (ss *Servers) Prepare(s *setup.Setup) (*Change, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.leaving {
		return nil, errors.New("the proxy is leaving")
	}
	c := &Change{servers: ss, drain: s.Drain, stays: map[string]bool{}}
	for i := range s.Listeners {
		spec := s.Listeners[i]
		if old := ss.running[spec.Name]; old != nil && reflect.DeepEqual(old.spec, spec) {
			c.stays[spec.Name] = true
			continue
		}
		o, key, err := ss.openLocked(spec)
		if err != nil {
			c.Discard()
			return nil, s.At(fmt.Sprintf("listeners[%d].%s", i, key), err)
		}
		c.fresh = append(c.fresh, o)
	}
	return c, nil
}

// openLocked makes what a listener needs. If it cannot be made, key is what says so.
func (ss *Servers) openLocked(spec setup.Listener) (o opened, key string, err error) {
	o.spec = spec
	if spec.TLS != nil {
		if o.tls, key, err = serverTLS(&spec, ss.log); err != nil {
			return o, key, err
		}
	}
	for _, old := range ss.running {
		if old.spec.Listen == spec.Listen && (old.spec.Name == spec.Name || !strings.HasSuffix(spec.Listen, ":0")) {
			o.shares = old
		}
	}
	if o.shares == nil {
		o.socket, err = ss.sockets.Listen(spec.Name, spec.Listen)
		return o, "listen", err
	}
	if o.socket, err = ss.sockets.Share(spec.Name, o.shares.socket.Listener); err != nil {
		err = fmt.Errorf("the settings of %s change with a restart: %w", spec.Listen, err)
	}
	return o, "listen", err
}

// Discard gives back what was made.
func (c *Change) Discard() {
	for _, o := range c.fresh {
		_ = o.socket.Close()
	}
}

// Commit starts what is new, and has what is not wanted any more leave.
func (c *Change) Commit() {
	ss := c.servers
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.drain = c.drain
	taken := map[*server]bool{}
	for _, o := range c.fresh {
		taken[o.shares] = true
	}
	for name, old := range ss.running {
		if c.stays[name] {
			continue
		}
		if taken[old] {
			old.socket.retire()
		}
		old.leave(c.drain)
		delete(ss.running, name)
	}
	for _, o := range c.fresh {
		ss.startLocked(o)
	}
}

func (ss *Servers) startLocked(o opened) {
	spec := o.spec
	ctx, stop := context.WithCancel(context.Background())
	gate := rotahttp.Handler(ss.proxy, rotahttp.ServerPolicy{Edge: spec.Edge, Limit: spec.Limit, Refuse: ss.proxy.refuse})
	srv := &http.Server{
		Handler: gate, TLSConfig: o.tls, Protocols: protocols(&spec), ReadHeaderTimeout: spec.ReadHeaderTimeout,
		ReadTimeout: spec.ReadTimeout, IdleTimeout: spec.IdleTimeout, MaxHeaderBytes: int(spec.MaxHeader),
		ErrorLog: log.New(quiet{ss.log, spec.Name}, "", 0),
	}
	sv := &server{spec: spec, socket: &retiring{Listener: o.socket, closed: make(chan struct{})}, stop: stop, cut: make(chan struct{})}
	sv.runner = &rotahttp.Runner{Listener: sv.socket, Gate: gate, Signals: []os.Signal{}, Abort: sv.cut}
	ss.running[spec.Name], ss.all[sv] = sv, true
	ss.log.Info("listening", "listener", spec.Name, "addr", o.socket.Addr().String(), "tls", o.tls != nil)
	ss.wg.Go(func() {
		defer stop()
		err := sv.runner.Run(ctx, srv)
		ss.mu.Lock()
		defer ss.mu.Unlock()
		delete(ss.all, sv)
		if err != nil {
			ss.log.Error("listener ended", "listener", spec.Name, "error", err)
			ss.errs = append(ss.errs, fmt.Errorf("listener %s: %w", spec.Name, err))
		}
	})
}

// Leave has all listeners drain and end. When abort is closed, they end at once. It returns what went wrong since the start.
func (ss *Servers) Leave(abort <-chan struct{}) error {
	ss.mu.Lock()
	ss.leaving = true
	for _, sv := range ss.running {
		sv.leave(ss.drain)
	}
	ss.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		ss.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-abort:
		ss.mu.Lock()
		for sv := range ss.all {
			close(sv.cut)
		}
		ss.mu.Unlock()
		<-ended
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return errors.Join(ss.errs...)
}

// retiring is a listener that can stop to accept connections without being closed.
type retiring struct {
	net.Listener
	retired atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

// retire leaves connections to others who listen on the same socket.
func (l *retiring) retire() {
	l.retired.Store(true)
	_ = l.Listener.Close() // the others keep the socket
}

func (l *retiring) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil && l.retired.Load() {
		<-l.closed
	}
	return c, err
}

func (l *retiring) Close() error {
	l.once.Do(func() { close(l.closed) })
	if l.retired.Load() {
		return nil
	}
	return l.Listener.Close()
}

func protocols(spec *setup.Listener) *http.Protocols {
	p := new(http.Protocols)
	for _, name := range spec.Protocols {
		switch {
		case name == "http1":
			p.SetHTTP1(true)
		case spec.TLS != nil:
			p.SetHTTP2(true)
		default:
			p.SetUnencryptedHTTP2(true)
		}
	}
	return p
}

// quiet takes what net/http logs. What any client can bring about is not worth a line above debug.
type quiet struct {
	log  *slog.Logger
	name string
}

func (q quiet) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	level := slog.LevelWarn
	if strings.Contains(text, "TLS handshake error") || strings.HasPrefix(text, "http: URL query contains semicolon") {
		level = slog.LevelDebug
	}
	q.log.Log(context.Background(), level, "server", "listener", q.name, "text", short(text))
	return len(p), nil
}
