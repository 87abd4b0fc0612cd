package rotahttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/memnet"
	"github.com/rota-go/rota/rotahttp"
)

// fleet is a service of three servers that are restarted one after the other, while callers call.
type fleet struct {
	t      *testing.T
	listen func(addr string) (net.Listener, error)
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	runner rotahttp.Runner
	addrs  []string
	h2     bool
	pace   time.Duration // between the calls of a caller

	seen sync.Map // what has been handled, by the text of the request
	sent atomic.Int64
	over chan struct{}
	all  sync.WaitGroup
}

// process is one life of a server.
type process struct {
	stop  context.CancelFunc
	ended chan error
	calls atomic.Int64
}

func (f *fleet) start(addr string) *process {
	f.t.Helper()
	l, err := f.listen(addr)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{stop: cancel, ended: make(chan error, 1)}
	srv := withH2C(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		b, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if _, twice := f.seen.LoadOrStore(string(b), true); twice {
			f.t.Errorf("%s was handled twice", b)
		}
		<-time.After(2 * time.Millisecond)
		w.Write(b)
	})
	r := f.runner
	r.Listener, r.Readyz, r.Signals = l, "/readyz", []os.Signal{}
	go func() { p.ended <- r.Run(ctx, srv) }()
	return p
}

// restart restarts every server, and waits until the new one is called before it goes on.
func (f *fleet) restart(running []*process) {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for i, addr := range f.addrs {
		running[i].stop()
		if err := <-running[i].ended; err != nil {
			f.t.Errorf("server %d: Run() = %v", i, err)
		}
		running[i] = f.start(addr)
		for running[i].calls.Load() == 0 && !f.t.Failed() {
			<-poll.C
		}
	}
	close(f.over)
	f.all.Wait()
	for _, p := range running {
		p.stop()
		<-p.ended
	}
}

// callers send POSTs with call, one after the other and a few milliseconds apart. Each is to be answered.
func (f *fleet) callers(n int, name string, call func(ctx context.Context, body string) (string, error)) {
	for i := range n {
		f.all.Go(func() {
			tick := time.NewTicker(f.pace + time.Duration(i)*time.Millisecond)
			defer tick.Stop()
			for k := 0; ; k++ {
				select {
				case <-f.over:
					return
				case <-tick.C:
				}
				body := fmt.Sprint(name, " ", i, " ", k)
				f.sent.Add(1)
				if got, err := call(context.Background(), body); err != nil || got != body {
					f.t.Errorf("%s: %q, %v", body, got, err)
				}
			}
		})
	}
}

func (f *fleet) transport() *http.Transport {
	tr := rotahttp.NewTransport()
	tr.DialContext = f.dial
	if f.h2 {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
	}
	return tr
}

func post(ctx context.Context, rt http.RoundTripper, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = errors.New(resp.Status)
	}
	return string(b), err
}

// rota calls through a Transport.
func (f *fleet) rota(n int) {
	client, err := rota.New(rota.Config{Service: "fleet", Resolver: rota.StaticAddrs(f.addrs...), Policy: rota.DefaultPolicy()})
	if err != nil {
		f.t.Fatal(err)
	}
	base := f.transport()
	rt := &rotahttp.Transport{Client: client, Base: base}
	f.t.Cleanup(func() { client.Close(); base.CloseIdleConnections() })
	f.callers(n, "rota", func(ctx context.Context, body string) (string, error) { return post(ctx, rt, "http://fleet/", body) })
}

// plain calls as a load balancer does: it asks every server whether it is ready, and calls those that are in turn.
func (f *fleet) plain(n int, every time.Duration) {
	tr := f.transport()
	f.t.Cleanup(tr.CloseIdleConnections)
	ready := make([]atomic.Bool, len(f.addrs))
	for i, addr := range f.addrs {
		ready[i].Store(true)
		f.all.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-f.over:
					return
				case <-tick.C:
				}
				req, _ := http.NewRequest("GET", "http://"+addr+"/readyz", nil)
				resp, err := tr.RoundTrip(req)
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				ready[i].Store(err == nil && resp.StatusCode == 200)
			}
		})
	}
	var turn atomic.Int64
	f.callers(n, "plain", func(ctx context.Context, body string) (string, error) {
		for range 2 * len(f.addrs) {
			if i := int(turn.Add(1)) % len(f.addrs); ready[i].Load() {
				return post(ctx, tr, "http://"+f.addrs[i]+"/", body)
			}
		}
		return "", errors.New("no server is ready")
	})
}

// Servers that are restarted in turn, each with the times that are the default, lose no request and handle none twice,
// though POSTs are not repeated. In virtual time.
func TestRestart(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %t", h2), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var network memnet.Network
				f := &fleet{
					t: t, dial: network.DialContext, addrs: []string{"a:80", "b:80", "c:80"}, h2: h2, over: make(chan struct{}), pace: 10 * time.Millisecond,
					listen: func(addr string) (net.Listener, error) { return network.Listen(addr) },
				}
				f.run(func() {
					f.rota(3)
					f.plain(2, time.Second)
				})
				t.Log(f.sent.Load(), "requests")
				time.Sleep(time.Minute)
			})
		})
	}
}

// freeAddr returns an address on which nobody listens. Its port is below those that systems give out by themselves, which
// might be gone when it is listened on again.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.N(10000))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// The same on loopback in real time, where the kernel and the race between two ends of a connection are real. The wait is
// shorter.
func TestRestartOnLoopback(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	t.Parallel()
	f := &fleet{
		t: t, over: make(chan struct{}), pace: 3 * time.Millisecond, dial: (&net.Dialer{}).DialContext, runner: rotahttp.Runner{Wait: 500 * time.Millisecond},
		listen: func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) },
	}
	for range 3 {
		f.addrs = append(f.addrs, freeAddr(t))
	}
	f.run(func() {
		f.rota(3)
		f.plain(4, 20*time.Millisecond)
	})
	t.Log(f.sent.Load(), "requests")
}

// run starts the servers, then the callers, and restarts the servers.
func (f *fleet) run(callers func()) {
	var running []*process
	for _, addr := range f.addrs {
		running = append(running, f.start(addr))
	}
	callers()
	f.restart(running)
}
