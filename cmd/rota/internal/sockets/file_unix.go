//go:build unix

package sockets

import (
	"net"
	"os"
	"syscall"
)

// fileOf returns a copy of a listener's descriptor. Unlike that of TCPListener.File, its Fd leaves the socket as it is: to make it
// blocking, even for a moment, would have whoever accepts on it wait in the system, where no Close reaches him.
func fileOf(l *net.TCPListener, name string) (*os.File, error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	err = raw.Control(func(of uintptr) {
		syscall.ForkLock.RLock() // no child is to get the copy before it is marked
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(of)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err == nil {
		err = os.NewSyscallError("dup", dupErr)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
