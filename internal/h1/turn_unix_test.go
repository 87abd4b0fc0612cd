//go:build unix

package h1_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rota-go/rota/internal/h1"
)

// An idle connection that the server has closed, or has spoken on, is not used: nothing is sent, so that another may be.
func TestStale(t *testing.T) {
	const reply = "HTTP/1.1 204 No Content\r\n\r\n"
	for _, test := range []struct {
		name         string
		do           func(server net.Conn)
		idled, stale bool
	}{
		{"idle", func(net.Conn) {}, true, false},
		{"new", func(c net.Conn) { io.WriteString(c, reply) }, false, false},
		{"closed", func(c net.Conn) { c.Close() }, true, true},
		{"reset", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }, true, true},
		{"speaks unasked", func(c net.Conn) { io.WriteString(c, reply) }, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, server := connected(t)
			test.do(server)
			for test.stale && conn.Silent() { // until the kernel has brought it
			}
			asked := make(chan bool)
			go func() {
				_, err := http.ReadRequest(bufio.NewReader(server))
				io.WriteString(server, reply)
				asked <- err == nil
			}()
			conn.Idled = test.idled
			_, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {})
			if test.stale != (err == h1.ErrStale) || !test.stale && err != nil {
				t.Errorf("RoundTrip() = %v, want stale = %t", err, test.stale)
			}
			if <-asked == test.stale {
				t.Errorf("a request was sent: %t", !test.stale)
			}
		})
	}
}

// A request that the kernel does not take at once is written to its end all the same.
func TestLongMessage(t *testing.T) {
	conn, server := connected(t)
	long := strings.Repeat("x", 8<<20)
	got := make(chan int)
	go func() {
		req, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			t.Error(err)
			req = &http.Request{}
		}
		got <- len(req.Header.Get("X"))
		io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
	}()
	conn.Idled = true
	done := make(chan error)
	go func() {
		_, err := roundTrip(t, conn, t.Context(), get(t, "X", long), func(*h1.Conn) {})
		done <- err
	}()
	if n := <-got; n != len(long) {
		t.Errorf("%d bytes of %d arrived", n, len(long))
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A connection of somebody's own that reads ahead has the reply when the kernel has not.
func TestReadsAhead(t *testing.T) {
	client, server := tcp(t)
	ahead := &readsAhead{client.(*net.TCPConn), make(chan byte, 1<<10)}
	go ahead.read()
	conn, ok := h1.New(ahead, 1<<10)
	if !ok {
		t.Fatal("it cannot tell whether it is alive")
	}
	go func() {
		if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
			t.Error(err)
		}
		io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
	}()
	if _, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {}); err != nil {
		t.Error(err)
	}
}

type readsAhead struct {
	*net.TCPConn
	got chan byte
}

func (r *readsAhead) read() {
	defer close(r.got)
	for b := make([]byte, 1); ; {
		if _, err := r.TCPConn.Read(b); err != nil {
			return
		}
		r.got <- b[0]
	}
}

func (r *readsAhead) Read(p []byte) (int, error) {
	b, ok := <-r.got
	if !ok {
		return 0, io.EOF
	}
	p[0] = b
	return 1, nil
}

// connected returns both ends of a connection over loopback.
func connected(t *testing.T) (*h1.Conn, net.Conn) {
	t.Helper()
	client, server := tcp(t)
	conn, ok := h1.New(client, 1<<10)
	if !ok {
		t.Fatal("a TCP connection cannot tell whether it is alive")
	}
	return conn, server
}

func tcp(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}
