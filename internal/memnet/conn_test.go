package memnet_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
)

// The cases are those of x/net/nettest, by hand because the root module has no dependency, plus half-close and Reset.

// connect returns the two ends of a fresh connection.
func connect(t *testing.T) (client, server *memnet.Conn) {
	t.Helper()
	l := memnet.Listen("server:80")
	client, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); c.Close() })
	return client, c.(*memnet.Conn)
}

func TestConnCarriesEveryByteBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		want := make([]byte, 3<<20)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range want {
			want[i] = byte(rng.Uint32())
		}
		var wg sync.WaitGroup
		for _, c := range []*memnet.Conn{client, server} {
			wg.Go(func() {
				if n, err := c.Write(want); n != len(want) || err != nil {
					t.Errorf("Write() = %d, %v, want %d, nil", n, err, len(want))
				}
				c.CloseWrite()
			})
			wg.Go(func() {
				got, err := io.ReadAll(c)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("read %d bytes, err %v, want the %d written", len(got), err, len(want))
				}
			})
		}
		wg.Wait()
	})
}

func TestConnBuffersSoThatBothMayWriteFirst(t *testing.T) {
	client, server := connect(t)
	for _, c := range []*memnet.Conn{client, server} {
		if n, err := c.Write(make([]byte, 64<<10)); n != 64<<10 || err != nil {
			t.Fatalf("Write() = %d, %v, want 65536, nil with no reader", n, err)
		}
	}
}

func TestConnWriteWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			io.Copy(io.Discard, server)
		}()
		if _, err := client.Write(make([]byte, 64<<10+1)); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("Write took %v, want 1s: until the reader made room", got)
		}
	})
}

func TestConnWritesDoNotInterleave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		const size, writers = 100 << 10, 4
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() { client.Write(bytes.Repeat([]byte{'a' + byte(i)}, size)) })
		}
		go func() {
			wg.Wait()
			client.Close()
		}()
		got, err := io.ReadAll(server)
		if err != nil || len(got) != size*writers {
			t.Fatalf("read %d bytes, err %v, want %d", len(got), err, size*writers)
		}
		for i := range writers {
			chunk := got[i*size : (i+1)*size]
			if bytes.Count(chunk, chunk[:1]) != size {
				t.Errorf("bytes %d..%d come from more than one Write", i*size, (i+1)*size)
			}
		}
	})
}

func TestConnHowEndsAreSeen(t *testing.T) {
	tests := []struct {
		name string
		end  func(client *memnet.Conn)

		data              string // what the server still reads
		read, write       error  // server, afterwards; nil = still works
		answered          string // what the client still reads
		ownRead, ownWrite error  // client, afterwards
	}{
		{name: "Close", end: func(c *memnet.Conn) { c.Close() },
			data: "sent", read: io.EOF, write: syscall.EPIPE, ownRead: net.ErrClosed, ownWrite: net.ErrClosed},
		{name: "CloseWrite", end: func(c *memnet.Conn) { c.CloseWrite() },
			data: "sent", read: io.EOF, answered: "answer", ownWrite: net.ErrClosed},
		{name: "CloseRead", end: func(c *memnet.Conn) { c.CloseRead() },
			data: "sent", read: os.ErrDeadlineExceeded, write: syscall.EPIPE, ownRead: net.ErrClosed},
		{name: "Reset", end: (*memnet.Conn).Reset,
			read: syscall.ECONNRESET, write: syscall.ECONNRESET, ownRead: net.ErrClosed, ownWrite: net.ErrClosed},
		{name: "Reset, then the deferred Close", end: func(c *memnet.Conn) { c.Reset(); c.Close() },
			read: syscall.ECONNRESET, write: syscall.ECONNRESET, ownRead: net.ErrClosed, ownWrite: net.ErrClosed},
		{name: "Reset after CloseWrite", end: func(c *memnet.Conn) { c.CloseWrite(); c.Reset() },
			read: syscall.ECONNRESET, write: syscall.ECONNRESET, ownRead: net.ErrClosed, ownWrite: net.ErrClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := connect(t)
				client.Write([]byte("sent"))
				test.end(client)
				server.SetReadDeadline(time.Now().Add(time.Second))
				client.SetReadDeadline(time.Now().Add(time.Second))

				data, err := io.ReadAll(server)
				if err == nil {
					err = io.EOF
				}
				if string(data) != test.data || !errors.Is(err, test.read) {
					t.Errorf("server reads %q, %v, want %q, %v", data, err, test.data, test.read)
				}
				if _, err := server.Write([]byte("answer")); !errors.Is(err, test.write) {
					t.Errorf("server's Write = %v, want %v", err, test.write)
				}
				buf := make([]byte, 10)
				n, err := client.Read(buf)
				if string(buf[:n]) != test.answered || !errors.Is(err, test.ownRead) {
					t.Errorf("client's Read = %q, %v, want %q, %v", buf[:n], err, test.answered, test.ownRead)
				}
				if _, err := client.Write([]byte("x")); !errors.Is(err, test.ownWrite) {
					t.Errorf("client's Write = %v, want %v", err, test.ownWrite)
				}
			})
		})
	}
}

func TestConnEndsWakeWhoWaits(t *testing.T) {
	tests := []struct {
		name                string
		end                 func(c *memnet.Conn)
		own, peer, peerRead error
	}{
		{"Close", func(c *memnet.Conn) { c.Close() }, net.ErrClosed, syscall.EPIPE, nil},
		{"Reset", (*memnet.Conn).Reset, net.ErrClosed, syscall.ECONNRESET, syscall.ECONNRESET},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wg sync.WaitGroup
				wait := func(what string, want error, f func() (int, error)) {
					wg.Go(func() {
						if _, err := f(); !errors.Is(err, want) {
							t.Errorf("%s = %v, want %v", what, err, want)
						}
					})
				}
				// Two connections: on one both ends wait to read, on the other both wait to write.
				idle, idlePeer := connect(t)
				full, fullPeer := connect(t)
				big := make([]byte, 1<<20)
				wait("own Read", test.own, func() (int, error) { return idle.Read(make([]byte, 1)) })
				wait("peer's ReadAll", test.peerRead, func() (int, error) {
					data, err := io.ReadAll(idlePeer)
					return len(data), err
				})
				wait("own Write", test.own, func() (int, error) { return full.Write(big) })
				wait("own second Write", test.own, func() (int, error) { return full.Write(big) })
				wait("peer's Write", test.peer, func() (int, error) { return fullPeer.Write(big) })
				synctest.Wait()
				test.end(idle)
				test.end(full)
				wg.Wait()
			})
		})
	}
}

// TestConnConcurrentMethods is for the race detector.
func TestConnConcurrentMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		var wg sync.WaitGroup
		for i := range 50 {
			for _, c := range []*memnet.Conn{client, server} {
				wg.Go(func() { c.Read(make([]byte, 1024)) })
				wg.Go(func() { c.Write(make([]byte, 1024)) })
				wg.Go(func() { c.SetDeadline(time.Now().Add(time.Duration(i) * time.Millisecond)) })
				wg.Go(func() { c.SetReadDeadline(time.Now().Add(time.Millisecond)) })
				wg.Go(func() { c.SetWriteDeadline(time.Now().Add(time.Millisecond)) })
				wg.Go(func() { _, _ = c.LocalAddr(), c.RemoteAddr() })
			}
		}
		time.Sleep(time.Minute)
		client.Close()
		server.Reset()
		wg.Wait()
	})
}
