// Package rotatest provides replicas of an HTTP service, in memory, whose faults are switched from a test.
//
// No byte leaves the process, and every wait is on a channel or a timer: in a testing/synctest bubble seconds of waiting
// take no time, and a test can tell exactly when something happened. Create and close Replicas in one bubble.
package rotatest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/memnet"
	"github.com/rota-go/rota/rotahttp"
)

// Replicas is a service of several replicas and the network to them. Methods may be called concurrently.
type Replicas struct {
	network   memnet.Network
	transport *http.Transport
	replicas  []*Replica
	open      atomic.Int64 // connections, on the side of those who dialled
}

// New starts n replicas that answer with handler, which is called concurrently, and closes them when the test ends.
func New(t testing.TB, n int, handler http.Handler) *Replicas {
	t.Helper()
	rs := Start(n, handler)
	t.Cleanup(rs.Close)
	return rs
}

// Start is New for examples and programs, which have no testing.TB: call Close after use. The replicas' addresses are
// "replica-0:80", "replica-1:80" and so on.
func Start(n int, handler http.Handler) *Replicas {
	rs := &Replicas{transport: rotahttp.NewTransport()}
	rs.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return rs.DialContext(ctx, network, addr)
	}
	for i := range n {
		r := &Replica{addr: fmt.Sprintf("replica-%d:80", i), replicas: rs, handler: handler}
		r.Heal()
		rs.replicas = append(rs.replicas, r)
	}
	return rs
}

// dialTimeout is that of rotahttp.NewTransport.
const dialTimeout = time.Second

// Close closes all connections, ends the contexts of requests under way, and waits until the handlers have returned. A
// second Close does nothing.
func (rs *Replicas) Close() {
	rs.transport.CloseIdleConnections()
	for _, r := range rs.replicas {
		r.mu.Lock()
		r.downLocked()
		r.mu.Unlock()
	}
	for _, r := range rs.replicas {
		r.running.Wait()
	}
}

// Len returns the number of replicas.
func (rs *Replicas) Len() int { return len(rs.replicas) }

// Replica returns the replica with index i, from 0.
func (rs *Replicas) Replica(i int) *Replica { return rs.replicas[i] }

// Resolver returns a resolver that knows the replicas, in their order.
func (rs *Replicas) Resolver() rota.Static {
	set := make(rota.Static, len(rs.replicas))
	for i, r := range rs.replicas {
		set[i].Addr = r.addr
	}
	return set
}

// Transport returns what sends requests to the replicas: always the same, with the settings of rotahttp.NewTransport,
// which give up a dial after a second. Its idle connections are closed with the replicas.
func (rs *Replicas) Transport() http.RoundTripper { return &shared{rs.transport} }

// shared hides that it is an http.Transport: whoever would make one of his own of its settings would also have connections
// of his own, which nobody here could count or close.
type shared struct{ *http.Transport }

// DialContext connects to a replica by its address, for a transport with settings of its own. It is refused where nobody
// listens, and waits for the end of ctx at a black hole. The idle connections of such a transport are its owner's to
// close, also when a replica is given the fault Refuse or BlackHole.
func (rs *Replicas) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := rs.network.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	rs.open.Add(1)
	return &countedConn{Conn: c.(*memnet.Conn), open: &rs.open}, nil
}

// InUse closes the idle connections of Transport and returns how many are left: each is in use by a request, or by a
// reply whose body was neither read to its end nor closed. A connection becomes idle a moment after the end of the body:
// call synctest.Wait first.
func (rs *Replicas) InUse() int {
	rs.transport.CloseIdleConnections()
	return int(rs.open.Load())
}

// countedConn is open until its first Close.
type countedConn struct {
	*memnet.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// Addr returns the address of the replica that a handler answers for; "" if it is not called by one.
func Addr(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(memnet.Addr); ok {
		return addr.String()
	}
	return ""
}
