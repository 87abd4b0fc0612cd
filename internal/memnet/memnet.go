// Package memnet provides a network in memory for tests: listeners, connections and a table of addresses that an
// http.Transport can dial into.
//
// Every wait in it is on a sync.Cond, a channel or a timer, so inside a testing/synctest bubble a goroutine that reads,
// writes, accepts or dials is durably blocked and the bubble's clock moves on. Create a Network and use it in one bubble.
//
// Errors are those of a real network: a *net.OpError around net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNREFUSED,
// ECONNRESET, EPIPE or EADDRINUSE, all found by errors.Is. No connection loses or delays a byte by itself.
package memnet

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
)

// network is what Addr.Network and net.OpError.Net say.
const network = "mem"

// Addr is the address of a listener or of one end of a connection. It is compared as text: nothing is resolved, and
// "localhost:80" is not "127.0.0.1:80".
type Addr string

// Network returns "mem".
func (Addr) Network() string { return network }

// String returns the address.
func (a Addr) String() string { return string(a) }

// Network maps addresses to listeners. The zero Network is empty and ready for use; its methods may be called
// concurrently.
type Network struct {
	mu        sync.Mutex
	listeners map[Addr]*Listener
	hanging   map[Addr]bool
}

// Listen opens addr, by custom "host:port". It fails with EADDRINUSE while an earlier listener on addr is open; once that
// is closed the address is free again, as for a process that restarts.
func (n *Network) Listen(addr string) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.listeners[Addr(addr)]; l != nil && !l.isClosed() {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: Addr(addr), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	if n.listeners == nil {
		n.listeners = make(map[Addr]*Listener)
	}
	l := Listen(addr)
	n.listeners[Addr(addr)] = l
	return l, nil
}

// DialContext connects to the listener on addr; it fits http.Transport.DialContext, and ignores the network's name. An
// address nobody listens on is refused at once; a hanging one blocks until ctx ends.
func (n *Network) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l, hanging := n.listeners[Addr(addr)], n.hanging[Addr(addr)]
	n.mu.Unlock()

	switch {
	case hanging:
		<-ctx.Done()
		return nil, dialError(Addr(addr), ctx.Err())
	case l == nil:
		return nil, dialError(Addr(addr), errRefused)
	}
	c, err := l.Dial(ctx)
	if err != nil {
		return nil, err // not c: a nil *Conn would make a net.Conn that is not nil
	}
	return c, nil
}

// Hang makes addr a black hole, whether or not somebody listens there: packets to it are dropped, so a dial waits until
// its context ends. Connections that exist are not touched.
func (n *Network) Hang(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hanging == nil {
		n.hanging = make(map[Addr]bool)
	}
	n.hanging[Addr(addr)] = true
}

// Restore undoes Hang for dials that start from now on.
func (n *Network) Restore(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.hanging, Addr(addr))
}
