//go:build unix

package h1

import (
	"net"
	"syscall"
)

// turn writes a request and waits for the reply, in one go: while the connection is looked at, and until bytes come, nobody
// waits twice. The look costs a system call that reads nothing; but so does the read that a reader begins with, which comes too
// early for the reply: here it comes before the request, where it tells something.
type turn struct {
	raw  syscall.RawConn // nil if the connection has none
	step func(fd uintptr) bool
	wait bool // what is to be read is surely still with the kernel: nobody stands between who reads ahead
	out  []byte
	err  error
	done bool // out was written, or could not be
}

// initTurn prepares ask, and reports whether there is a way to know whether an idle connection is alive.
func (c *Conn) initTurn() bool {
	if _, ok := c.nc.(interface{ Alive() bool }); ok {
		return true
	}
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	c.turn.raw, c.turn.step = raw, c.step
	switch c.nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		c.turn.wait = true
	}
	return true
}

// ask writes out, and returns when there is something to read, or nothing to wait for.
func (c *Conn) ask(out []byte) error {
	t := &c.turn
	if t.raw == nil {
		return c.askSimply(out)
	}
	t.out, t.err, t.done = out, nil, false
	var err error
	if t.wait {
		err = t.raw.Read(t.step)
	} else { // whoever reads ahead is reading now, and Read would wait for him
		err = t.raw.Control(func(fd uintptr) { t.step(fd) })
	}
	t.out = nil
	if t.done {
		return t.err // if it was the wait that failed, so will the read
	}
	return err
}

// step is called at first, and when the connection has become readable. It reports whether the turn is over.
func (c *Conn) step(fd uintptr) bool {
	t := &c.turn
	if t.done {
		return true
	}
	t.done = true
	if c.Idled && !silent(int(fd)) {
		t.err = ErrStale
		return true
	}
	t.err = c.write(t.out)
	return t.err != nil
}

// silent reports whether nothing has come on a connection, not even its end.
func silent(fd int) bool {
	var one [1]byte
	for {
		switch _, err := syscall.Read(fd, one[:]); err {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			return false
		}
	}
}
