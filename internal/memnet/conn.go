package memnet

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Conn is one end of a connection: a net.Conn with half-close and Reset. Each direction buffers 64 KiB, so both ends may
// write before either reads. All methods may be called concurrently; concurrent Writes do not interleave.
type Conn struct {
	in, out       *pipe
	local, remote Addr
}

// pair connects two ends.
func pair(client, server Addr) (*Conn, *Conn) {
	up, down := newPipe(), newPipe()
	return &Conn{in: down, out: up, local: client, remote: server},
		&Conn{in: up, out: down, local: server, remote: client}
}

// Read returns what has arrived, waiting for the first byte. It returns io.EOF after the last byte of a peer that closed
// its side, and fails with ECONNRESET at once when the peer has reset.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write waits for room until all of p is buffered. It fails with EPIPE once the peer no longer reads, and returns how much
// was buffered if it ends early.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

// Alive reports whether the peer has neither closed nor reset, nor sent anything that was not read yet.
func (c *Conn) Alive() bool { return c.in.silent() }

// Close ends both directions. The peer still reads what was written before, then io.EOF; its writes fail with EPIPE, at
// once (a kernel would take the first). A second Close does nothing.
func (c *Conn) Close() error {
	c.in.end(net.ErrClosed, errPipe)
	c.out.end(io.EOF, net.ErrClosed)
	return nil
}

// CloseWrite ends only this end's writes: the peer reads io.EOF after the last byte and can still answer.
func (c *Conn) CloseWrite() error {
	c.out.end(io.EOF, net.ErrClosed)
	return nil
}

// CloseRead ends only this end's reads: what the peer has sent is dropped and its later writes fail with EPIPE.
func (c *Conn) CloseRead() error {
	c.in.end(net.ErrClosed, errPipe)
	return nil
}

// Reset closes the connection as a process that dies does: the peer's reads and writes fail with ECONNRESET at once, also
// those that wait now, and bytes it has not read yet are lost.
func (c *Conn) Reset() {
	c.in.end(net.ErrClosed, errReset)
	c.out.end(errReset, net.ErrClosed)
}

// LocalAddr returns this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; see net.Conn. It also applies to calls that wait now.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets when Read gives up with os.ErrDeadlineExceeded; zero means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.in.setReadDeadline(t))
}

// SetWriteDeadline sets when Write gives up with os.ErrDeadlineExceeded; zero means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set", c.out.setWriteDeadline(t))
}

func (c *Conn) opError(op string, err error) error {
	switch err {
	case nil, io.EOF:
		return err
	case errReset, errPipe:
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: network, Source: c.local, Addr: c.remote, Err: err}
}

const (
	errReset = syscall.ECONNRESET
	errPipe  = syscall.EPIPE
)
