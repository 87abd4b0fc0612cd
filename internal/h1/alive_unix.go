//go:build unix

package h1

import "syscall"

// initAlive prepares Alive, and reports whether there is a way to know.
func (c *Conn) initAlive() bool {
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
	var one [1]byte
	c.raw = raw
	c.peek = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:])
		for err == syscall.EINTR {
			_, err = syscall.Read(int(fd), one[:])
		}
		c.live = err == syscall.EAGAIN
		return true
	}
	return true
}

// Alive reports whether an idle connection is still open, and silent: bytes that nobody has asked for could be taken for
// the next reply. A connection that is not alive must be closed.
func (c *Conn) Alive() bool {
	if c.raw == nil {
		return c.nc.(interface{ Alive() bool }).Alive()
	}
	c.live = false
	return c.raw.Read(c.peek) == nil && c.live
}
