package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
)

// The interfaces the package promises.
var (
	_ net.Listener = (*memnet.Listener)(nil)
	_ net.Conn     = (*memnet.Conn)(nil)
)

func TestNetworkDialsTheListenerOfTheAddress(t *testing.T) {
	var network memnet.Network
	for _, addr := range []string{"a:80", "b:80", "a:81"} {
		l := listen(t, &network, addr)
		defer l.Close()
		c, err := network.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		if got := c.RemoteAddr().String(); got != addr || c.RemoteAddr().Network() != "mem" {
			t.Errorf("RemoteAddr() = %s, want %s", got, addr)
		}
		if accepted.RemoteAddr() != c.LocalAddr() || accepted.LocalAddr() != l.Addr() {
			t.Errorf("accepted %v -> %v, want %v -> %v", accepted.RemoteAddr(), accepted.LocalAddr(), c.LocalAddr(), l.Addr())
		}
		if _, _, err := net.SplitHostPort(accepted.RemoteAddr().String()); err != nil {
			t.Errorf("client's address: %v, want host:port", err)
		}
	}
}

func TestNetworkRefuses(t *testing.T) {
	var network memnet.Network
	listen(t, &network, "closed:80").Close()
	for _, addr := range []string{"unknown:80", "closed:80"} {
		c, err := network.DialContext(t.Context(), "tcp", addr)
		var op *net.OpError
		if c != nil || !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" || op.Addr.String() != addr {
			t.Errorf("DialContext(%s) = %v, %v, want nil and a dial error that is ECONNREFUSED", addr, c, err)
		}
	}
}

func TestNetworkHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		listen(t, &network, "a:80")
		network.Hang("a:80")
		network.Hang("nobody:80")
		for _, addr := range []string{"a:80", "nobody:80"} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
			_, err := network.DialContext(ctx, "tcp", addr)
			cancel()
			var timeout net.Error
			if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("DialContext(%s) = %v, want a timeout that is context.DeadlineExceeded", addr, err)
			}
			if got := time.Since(start); got != 7*time.Second {
				t.Errorf("DialContext(%s) took %v, want 7s", addr, got)
			}
		}
		network.Restore("a:80")
		c, err := network.DialContext(t.Context(), "tcp", "a:80")
		if err != nil {
			t.Fatalf("DialContext after Restore: %v", err)
		}
		c.Close()
	})
}

func TestNetworkListensAgainAfterClose(t *testing.T) {
	var network memnet.Network
	first := listen(t, &network, "a:80")
	if _, err := network.Listen("a:80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second Listen = %v, want EADDRINUSE", err)
	}
	first.Close()
	second := listen(t, &network, "a:80")
	c, err := network.DialContext(t.Context(), "tcp", "a:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := second.Accept(); err != nil || got.RemoteAddr() != c.LocalAddr() {
		t.Errorf("Accept() = %v, %v, want the connection", got, err)
	}
}

func TestListenerDialDoesNotWaitForAccept(t *testing.T) {
	l := memnet.Listen("a")
	for range 200 {
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, c.LocalAddr().String())
		c.CloseWrite()
	}
	for range 200 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(c); string(got) != c.RemoteAddr().String() {
			t.Errorf("read %q from %v, want its address", got, c.RemoteAddr())
		}
	}
}

func TestListenerDialUnderAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := memnet.Listen("a").Dial(ctx); c != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Dial() = %v, %v, want nil, context.Canceled", c, err)
	}
}

func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("a")
		kept, _ := l.Dial(t.Context())
		server, _ := l.Accept()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if c, err := l.Accept(); c != nil || !errors.Is(err, net.ErrClosed) {
					t.Errorf("waiting Accept() = %v, %v, want nil, net.ErrClosed", c, err)
				}
			})
		}
		synctest.Wait()
		l.Close()
		wg.Wait()
		if err := l.Close(); err != nil {
			t.Errorf("second Close = %v, want nil", err)
		}
		if c, err := l.Accept(); c != nil || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept() after Close = %v, %v, want nil, net.ErrClosed", c, err)
		}
		if _, err := l.Dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial() after Close = %v, want ECONNREFUSED", err)
		}

		io.WriteString(kept, "x")
		if _, err := server.Read(make([]byte, 1)); err != nil {
			t.Errorf("Read on an accepted connection after Close = %v, want nil", err)
		}
	})
}

func TestListenerCloseResetsTheBacklog(t *testing.T) {
	l := memnet.Listen("a")
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read = %v, want ECONNRESET: nobody accepted", err)
	}
}

func listen(t *testing.T, network *memnet.Network, addr string) *memnet.Listener {
	t.Helper()
	l, err := network.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
