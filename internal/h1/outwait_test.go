package h1_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/h1"
)

// A reply that nobody waits for any more saves its connection, if it comes soon and whole.
func TestOutwait(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	tests := []struct {
		name, wire string
		after      time.Duration
		reused     bool
	}{
		{"soon", ok, 10 * time.Millisecond, true},
		{"without a body", "HTTP/1.1 204 No Content\r\n\r\n", 10 * time.Millisecond, true},
		{"too late", ok, 30 * time.Millisecond, false},
		{"half", ok[:len(ok)-1], 10 * time.Millisecond, false},
		{"more than one", ok + ok, 10 * time.Millisecond, false},
		{"closing", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 10 * time.Millisecond, false},
		{"long", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + string(make([]byte, 100000)), 10 * time.Millisecond, false},
		{"not HTTP", "\r\n\r\n", 10 * time.Millisecond, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, server := pair(t, 16<<10)
				go io.Copy(io.Discard, server)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				req := get(t)
				_, err := roundTrip(t, conn, ctx, req, func(*h1.Conn) { t.Error("given back at once") })
				if !errors.Is(err, context.Canceled) || !h1.Waits(err) {
					t.Fatalf("RoundTrip() = %v, want one that waited", err)
				}
				synctest.Wait() // the interruption is over
				time.AfterFunc(test.after, func() { go io.WriteString(server, test.wire) })
				reused := false
				conn.Outwait(req.Method, 20*time.Millisecond, func(*h1.Conn) { reused = true })
				if reused != test.reused {
					t.Errorf("reused = %t, want %t", reused, test.reused)
				}
				if reused {
					go io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
					time.Sleep(time.Minute) // no deadline is left
					if resp, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {}); err != nil || resp.StatusCode != http.StatusNoContent {
						t.Errorf("the next request: %v, %v", resp, err)
					}
				}
				conn.Close()
				server.Close()
			})
		})
	}
}

// Once anything of a reply has come, or the request was not written to its end, there is nothing to wait for.
func TestNothingToOutwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := pair(t, 16<<10)
		go io.Copy(io.Discard, server)
		io.WriteString(server, "HTTP/1.1 ")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := roundTrip(t, conn, ctx, get(t), func(*h1.Conn) {}); err == nil || h1.Waits(err) {
			t.Errorf("RoundTrip() = %v, want one that does not wait", err)
		}
		server.Close()
	})
}

// A reply that has come whole by the time that its attempt loses leaves its connection as good as it was, whenever the
// interruption comes: before the body is read, or when another request is on its way already.
func TestReplyThatCameAllTheSame(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%t", late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, server := pair(t, 16<<10)
				go io.Copy(io.Discard, server)
				for range 3 {
					io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
					ctx, cancel := context.WithCancel(t.Context())
					reused := false
					resp, err := roundTrip(t, conn, ctx, get(t), func(*h1.Conn) { reused = true })
					if err != nil {
						t.Fatal(err)
					}
					cancel()
					if !late {
						synctest.Wait()
					}
					if body, err := io.ReadAll(resp.Body); string(body) != "hi" || err != nil || !reused {
						t.Fatalf("body = %q, %v, reused %t; want hi, and the connection back", body, err, reused)
					}
				}
				synctest.Wait()
				io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
				if resp, err := roundTrip(t, conn, t.Context(), get(t), func(*h1.Conn) {}); err != nil || resp.StatusCode != http.StatusNoContent {
					t.Errorf("the next request: %v, %v", resp, err)
				}
				conn.Close()
				server.Close()
			})
		})
	}
}

// An interruption that was forgiven does not spare the next request its own.
func TestForgivenInterruptionIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := pair(t, 16<<10)
		go io.Copy(io.Discard, server)
		io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := roundTrip(t, conn, ctx, get(t), func(*h1.Conn) {})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		io.ReadAll(resp.Body)
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := roundTrip(t, conn, ctx, get(t), func(*h1.Conn) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("RoundTrip() = %v, want the context's end", err)
		}
		conn.Close()
		server.Close()
	})
}
