package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

// env is what one case works with: a server, the RoundTripper that is tested, and ways to wait that do not wait for ever.
// Its methods, but for those of testing.TB that say otherwise, are for the goroutine of the case.
type env struct {
	testing.TB
	params *Params
	keys   *keys
	proto  Protocol
	label  string // on every goroutine of the case

	rt     http.RoundTripper
	dial   func(ctx context.Context, network, addr string) (net.Conn, error) // in place of the usual; may be nil
	server ends
	client ends // empty unless the RoundTripper dials through Server.DialContext

	running sync.WaitGroup // what the case's servers have started
	mu      sync.Mutex
	conns   []net.Conn // of scripts
	log     deliveries // at scripts
}

// check runs the case. When it ends no connection may be left, and no goroutine.
func (c testCase) check(tb testing.TB, p *Params, k *keys, proto Protocol) {
	tb.Helper()
	e := &env{TB: tb, params: p, keys: k, proto: proto}
	e.label = fmt.Sprintf("%s %p", tb.Name(), e)
	tb.Cleanup(e.noGoroutines) // the last to run
	pprof.Do(context.Background(), pprof.Labels(labelKey, e.label), func(context.Context) {
		c.run(e)
		if e.rt != nil {
			e.noConnections()
		}
	})
}

func (e *env) patience() time.Duration {
	if e.params.Patience == 0 {
		return 10 * time.Second
	}
	return e.params.Patience
}

// custom reports whether the customs of http.Transport are asked for.
func (e *env) custom() bool { return !e.params.ContractOnly }

// connect makes the RoundTripper, whose requests go to addr.
func (e *env) connect(addr string) {
	s := Server{Protocol: e.proto, Addr: addr, DialContext: e.dial}
	if e.proto.tls() {
		s.TLS = e.keys.client()
	}
	if s.DialContext == nil {
		s.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return e.client.count(c), nil
		}
	}
	e.rt = e.params.New(e.TB, s)
}

// listen opens a port, until the RoundTripper's cleanups have run.
func (e *env) listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		if _, ok := e.rt.(closer); !ok && e.rt != nil {
			e.noConnections()
		}
		l.Close()
	})
	return &listener{l, &e.server}
}

// nobody makes a RoundTripper whose connections are refused.
func (e *env) nobody() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.Fatal(err)
	}
	l.Close()
	e.connect(l.Addr().String())
}

// serve starts a server and makes a RoundTripper for it.
func (e *env) serve(h http.HandlerFunc) *http.Server {
	return e.serveWith(&http.Server{Handler: h})
}

func (e *env) serveWith(s *http.Server) *http.Server {
	l := e.listen()
	e.serveOn(l, s)
	e.connect(l.Addr().String())
	return s
}

func (e *env) serveOn(l net.Listener, s *http.Server) {
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.Protocols = e.proto.protocols()
	e.Cleanup(func() { s.Close(); e.join() })
	e.running.Go(func() {
		if e.proto.tls() {
			s.TLSConfig = e.keys.server(e.proto)
			s.ServeTLS(l, "", "")
			return
		}
		s.Serve(l)
	})
}

// join waits for what the case's servers have started.
func (e *env) join() {
	e.Helper()
	done := make(chan struct{})
	go func() { e.running.Wait(); close(done) }()
	limit := time.NewTimer(e.patience())
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		e.Error("the case's own server has not come to its end")
	}
}

// script starts a server that does on every connection what run does. It is called on a goroutine of its own, and must
// not call FailNow. When it returns, and when the peer is gone, what the peer still sends is read until it closes.
func (e *env) script(run func(*rawConn)) {
	l := e.listen()
	e.Cleanup(func() {
		l.Close()
		e.mu.Lock()
		for _, c := range e.conns {
			c.Close()
		}
		e.mu.Unlock()
		e.join()
	})
	e.running.Go(func() {
		for n := 1; ; n++ {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			c := newRawConn(e, tcp.(*end), n)
			e.mu.Lock()
			e.conns = append(e.conns, tcp)
			e.mu.Unlock()
			e.running.Go(func() { c.serve(run) })
		}
	})
	e.connect(l.Addr().String())
}

// newRawConn wraps the server's end of a connection.
func newRawConn(e *env, tcp *end, n int) *rawConn {
	c := &rawConn{Conn: tcp, tcp: tcp, e: e, n: n}
	if e.proto.tls() {
		c.Conn = tls.Server(tcp, e.keys.server(e.proto))
	}
	return c
}

// closer is a RoundTripper that can be told to close its idle connections.
type closer interface{ CloseIdleConnections() }

// noConnections closes idle connections and waits until there is none left.
func (e *env) noConnections() {
	e.Helper()
	if e.Failed() || e.Skipped() {
		return
	}
	c, ok := e.rt.(closer)
	if !ok && e.Context().Err() == nil { // then the RoundTripper's own cleanup closes them
		return
	}
	closed := e.eventually(func() bool {
		if ok {
			c.CloseIdleConnections()
		}
		return e.server.open.Load() == 0 && e.client.open.Load() == 0
	})
	if !closed {
		e.Errorf("connections leaked: of %d accepted %d are open, of %d dialled %d, after idle ones were closed",
			e.server.total.Load(), e.server.open.Load(), e.client.total.Load(), e.client.open.Load())
	}
}

const labelKey = "rotahttp/conformance"

// noGoroutines waits until every goroutine is gone that the case started, or one of those did.
func (e *env) noGoroutines() {
	if e.Failed() {
		return
	}
	var left string
	if !e.eventually(func() bool { left = labelled(e.label); return left == "" }) {
		e.Errorf("goroutines leaked:\n%s", left)
	}
}

// labelled returns the stacks of the goroutines with a label.
func labelled(label string) string {
	var profile strings.Builder
	pprof.Lookup("goroutine").WriteTo(&profile, 1)
	var found []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, fmt.Sprintf("%q:%q", labelKey, label)) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
