package memnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

var errRefused = os.NewSyscallError("connect", syscall.ECONNREFUSED)

// Listener is a net.Listener whose connections come from its own Dial, or from a Network that knows it.
// All methods may be called concurrently.
type Listener struct {
	addr Addr

	mu      sync.Mutex
	changed sync.Cond // on mu: backlog or closed
	backlog []*Conn
	dialed  int
	closed  bool
}

// Listen opens a listener that belongs to no Network. The name is what Addr says.
func Listen(name string) *Listener {
	l := &Listener{addr: Addr(name)}
	l.changed.L = &l.mu
	return l
}

// Dial connects to the listener. Like a kernel it does not wait for Accept: the connection waits in the backlog, and what
// is written to it is kept for whoever accepts it. It fails if ctx has ended or the listener is closed.
// The client's own address is "client:1", "client:2" … in the order of the dials.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, dialError(l.addr, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, dialError(l.addr, errRefused)
	}
	l.dialed++
	client, server := pair(Addr(fmt.Sprintf("client:%d", l.dialed)), l.addr)
	l.backlog = append(l.backlog, server)
	l.changed.Signal()
	return client, nil
}

// Accept waits for the next connection, in the order of the dials. The connection is a *Conn. After Close the error is
// net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: network, Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

// Close refuses later dials, ends every waiting Accept, and resets the connections nobody accepted. Accepted connections
// live on. A second Close does nothing.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.backlog {
		c.Reset()
	}
	l.backlog = nil
	l.changed.Broadcast()
	return nil
}

// Addr returns the listener's name.
func (l *Listener) Addr() net.Addr { return l.addr }

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func dialError(addr Addr, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
}
