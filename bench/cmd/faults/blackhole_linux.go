package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// A blackHole is a port that answers no SYN: a listener whose queue of accepted connections is full, and that accepts none.
// The system drops further SYNs, as a router does whose host is gone.
type blackHole struct {
	fd     int
	filler []net.Conn
}

// openBlackHole takes a port that is free, and makes sure that connecting to it hangs.
func openBlackHole(ctx context.Context, addr string) (*blackHole, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	b := &blackHole{fd: fd}
	sa := &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}
	if err := errors.Join(
		os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)),
		os.NewSyscallError("bind", syscall.Bind(fd, sa)),
		os.NewSyscallError("listen", syscall.Listen(fd, 0)),
	); err != nil {
		b.close()
		return nil, err
	}
	const enough = 50 * time.Millisecond // for loopback a thousand times over
	for range 8 {
		d := net.Dialer{Timeout: enough}
		c, err := d.DialContext(ctx, "tcp", addr)
		if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
			return b, nil
		}
		if err != nil {
			b.close()
			return nil, err
		}
		b.filler = append(b.filler, c)
	}
	b.close()
	return nil, fmt.Errorf("%s: a listener without backlog took 8 connections", addr)
}

func (b *blackHole) close() {
	for _, c := range b.filler {
		_ = c.Close()
	}
	_ = syscall.Close(b.fd)
}
