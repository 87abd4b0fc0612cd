//go:build unix

package sockets

import (
	"net"
	"syscall"
	"testing"
)

// Whoever accepts on a socket while it is shared and handed on waits where Close reaches him.
func TestSocketsStayNonblocking(t *testing.T) {
	s, err := Inherit()
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Listen("main", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files, _, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.Fd() // as exec does
		wantNonblocking(t, "handed on", l)
		heir, err := net.FileListener(f) // as the successor does
		if err != nil {
			t.Fatal(err)
		}
		wantNonblocking(t, "taken over", l)
		heir.Close()
		f.Close()
	}
	shared, err := s.Share("main", l)
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	wantNonblocking(t, "shared", l)
}

func wantNonblocking(t *testing.T, when string, l net.Listener) {
	t.Helper()
	raw, err := l.(*counted).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		if errno != 0 || flags&syscall.O_NONBLOCK == 0 {
			t.Errorf("%s, the socket blocks: flags %#x, %v", when, flags, errno)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
