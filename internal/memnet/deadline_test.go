package memnet_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
)

// waits are the two calls a deadline bounds, on a connection where each would wait for ever.
var waits = []struct {
	name string
	set  func(*memnet.Conn, time.Time) error
	call func(*memnet.Conn) (int, error)
}{
	{"Read", (*memnet.Conn).SetReadDeadline, func(c *memnet.Conn) (int, error) { return c.Read(make([]byte, 1)) }},
	{"Write", (*memnet.Conn).SetWriteDeadline, func(c *memnet.Conn) (int, error) { return c.Write(make([]byte, 1<<20)) }},
	{"Read, both set", (*memnet.Conn).SetDeadline, func(c *memnet.Conn) (int, error) { return c.Read(make([]byte, 1)) }},
	{"Write, both set", (*memnet.Conn).SetDeadline, func(c *memnet.Conn) (int, error) { return c.Write(make([]byte, 1<<20)) }},
}

func TestDeadlineEndsTheWait(t *testing.T) {
	tests := []struct {
		name   string
		before time.Duration // set before the call; 0 = not
		during time.Duration // set a second into the call, counted from the start; 0 = not
		want   time.Duration // when the call ends
	}{
		{name: "in the future", before: 3 * time.Second, want: 3 * time.Second},
		{name: "in the past", before: -time.Hour, want: 0},
		{name: "set while it waits", during: 4 * time.Second, want: 4 * time.Second},
		{name: "in the past, set while it waits", during: -time.Hour, want: time.Second},
		{name: "moved later", before: 2 * time.Second, during: 5 * time.Second, want: 5 * time.Second},
		{name: "moved earlier", before: 5 * time.Second, during: 2 * time.Second, want: 2 * time.Second},
	}
	for _, wait := range waits {
		for _, test := range tests {
			t.Run(wait.name+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, _ := connect(t)
					start := time.Now()
					if test.before != 0 {
						wait.set(client, start.Add(test.before))
					}
					if test.during != 0 {
						time.AfterFunc(time.Second, func() { wait.set(client, start.Add(test.during)) })
					}
					_, err := wait.call(client)
					if got := time.Since(start); got != test.want {
						t.Errorf("ended after %v, want %v", got, test.want)
					}
					var timeout net.Error
					if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
						t.Errorf("err = %v, want a net.Error with Timeout() that is os.ErrDeadlineExceeded", err)
					}
				})
			})
		}
	}
}

func TestDeadlineRemovedLetsTheCallGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		client.SetDeadline(time.Now().Add(-time.Second))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read = %v, want os.ErrDeadlineExceeded", err)
		}
		client.SetDeadline(time.Now().Add(time.Second))
		client.SetDeadline(time.Time{})
		time.AfterFunc(time.Hour, func() { server.Write([]byte("late")) })
		buf := make([]byte, 10)
		if n, err := client.Read(buf); string(buf[:n]) != "late" || err != nil {
			t.Errorf("Read = %q, %v, want late, nil", buf[:n], err)
		}
	})
}

func TestDeadlineHidesBufferedDataButLosesNone(t *testing.T) {
	client, server := connect(t)
	server.Write([]byte("kept"))
	server.Close()
	client.SetReadDeadline(time.Unix(1, 0))
	if n, err := client.Read(make([]byte, 10)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %d, %v, want 0, os.ErrDeadlineExceeded", n, err)
	}
	client.SetReadDeadline(time.Time{})
	if got, err := io.ReadAll(client); string(got) != "kept" || err != nil {
		t.Errorf("ReadAll = %q, %v, want kept, nil", got, err)
	}
}

func TestDeadlineWriteTellsHowMuchWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		client.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := client.Write(make([]byte, 1<<20))
		if n != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v, want 65536, os.ErrDeadlineExceeded", n, err)
		}
		client.Close()
		if got, err := io.ReadAll(server); len(got) != n || err != nil {
			t.Errorf("peer read %d bytes, %v, want %d, nil", len(got), err, n)
		}
	})
}

func TestDeadlineOnAClosedConn(t *testing.T) {
	client, _ := connect(t)
	client.Close()
	for _, wait := range waits {
		if err := wait.set(client, time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: setting a deadline = %v, want net.ErrClosed", wait.name, err)
		}
	}
}
