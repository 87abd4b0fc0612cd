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

	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/rotahttp"
)

// Servers serve a Proxy on the listeners of a setup, which may come and go while they do.
type Servers struct {
	proxy  *Proxy
	log    *slog.Logger
	listen func(name, addr string) (net.Listener, error)

	mu      sync.Mutex
	running map[string]*server // by the listener's name
	drain   setup.Drain
	leaving bool
	wg      sync.WaitGroup
	errs    []error
}

// NewServers returns Servers that run nothing yet. listen makes a socket, or takes over one of that name.
func NewServers(p *Proxy, log *slog.Logger, listen func(name, addr string) (net.Listener, error)) *Servers {
	return &Servers{proxy: p, log: log, listen: listen, running: map[string]*server{}}
}

// server is one listener at work.
type server struct {
	spec setup.Listener
	stop context.CancelFunc
	cut  chan struct{} // closed: end at once
}

// Apply starts and stops listeners as s says. If one cannot be started, none is, and the error says why.
func (ss *Servers) Apply(s *setup.Setup) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.leaving {
		return errors.New("the proxy is leaving")
	}
	type opened struct {
		spec     setup.Listener
		listener net.Listener
		tls      *tls.Config
	}
	var fresh []opened
	discard := func(err error) error {
		for _, o := range fresh {
			_ = o.listener.Close()
		}
		return err
	}
	stays := map[string]bool{}
	for i, spec := range s.Listeners {
		if old := ss.running[spec.Name]; old != nil && reflect.DeepEqual(old.spec, spec) {
			stays[spec.Name] = true
			continue
		}
		var config *tls.Config
		if spec.TLS != nil {
			var err error
			if config, err = serverTLS(spec.TLS, spec.Protocols); err != nil {
				return discard(fmt.Errorf("listeners[%d].%w", i, err))
			}
		}
		if old := ss.running[spec.Name]; old != nil && old.spec.Listen == spec.Listen {
			return discard(fmt.Errorf("listeners[%d]: %s is in use with other settings: they change with a restart, or under another name", i, spec.Listen))
		}
		l, err := ss.listen(spec.Name, spec.Listen)
		if err != nil {
			return discard(fmt.Errorf("listeners[%d].listen: %w", i, err))
		}
		fresh = append(fresh, opened{spec, l, config})
	}
	for name, old := range ss.running {
		if !stays[name] {
			old.stop()
			delete(ss.running, name)
		}
	}
	ss.drain = s.Drain
	for _, o := range fresh {
		ss.startLocked(o.spec, o.listener, o.tls)
	}
	return nil
}

func (ss *Servers) startLocked(spec setup.Listener, l net.Listener, config *tls.Config) {
	ctx, stop := context.WithCancel(context.Background())
	sv := &server{spec: spec, stop: stop, cut: make(chan struct{})}
	ss.running[spec.Name] = sv
	gate := rotahttp.Handler(ss.proxy, rotahttp.ServerPolicy{Edge: spec.Edge, Limit: spec.Limit})
	srv := &http.Server{
		Handler: gate, TLSConfig: config, Protocols: protocols(&spec), ReadHeaderTimeout: spec.ReadHeaderTimeout,
		ReadTimeout: spec.ReadTimeout, IdleTimeout: spec.IdleTimeout, MaxHeaderBytes: int(spec.MaxHeader),
		ErrorLog: log.New(quiet{ss.log, spec.Name}, "", 0),
	}
	runner := rotahttp.Runner{Listener: l, Gate: gate, Signals: []os.Signal{}, Abort: sv.cut, Wait: ss.drain.Wait, Shutdown: ss.drain.Shutdown}
	ss.log.Info("listening", "listener", spec.Name, "addr", l.Addr().String(), "tls", config != nil)
	ss.wg.Go(func() {
		defer stop()
		if err := runner.Run(ctx, srv); err != nil {
			ss.log.Error("listener ended", "listener", spec.Name, "error", err)
			ss.mu.Lock()
			defer ss.mu.Unlock()
			ss.errs = append(ss.errs, fmt.Errorf("listener %s: %w", spec.Name, err))
		}
	})
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

// Leave has all listeners drain and end. When abort is closed, they end at once. It returns what went wrong since the start.
func (ss *Servers) Leave(abort <-chan struct{}) error {
	ss.mu.Lock()
	ss.leaving = true
	running := ss.running
	ss.mu.Unlock()
	for _, sv := range running {
		sv.stop()
	}
	ended := make(chan struct{})
	go func() {
		ss.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-abort:
		for _, sv := range running {
			close(sv.cut)
		}
		<-ended
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return errors.Join(ss.errs...)
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
