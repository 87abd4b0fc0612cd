//go:build integration

package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// cutOff bounds what must end by itself: connections of callers who are slow on purpose, after 8 seconds at most.
const cutOff = 15 * time.Second

// A rawReplica is a TCP server that does what a test says with every connection, and ends with the test.
type rawReplica struct {
	addr string

	mu       sync.Mutex
	conns    map[net.Conn]bool
	bytes    bytes.Buffer // all that arrived, as far as it was read
	requests []*http.Request
}

// startRaw calls talk with every connection, in a goroutine of its own, and closes the connection when that returns.
func startRaw(t *testing.T, talk func(r *rawReplica, c net.Conn)) *rawReplica {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rawReplica{addr: l.Addr().String(), conns: map[net.Conn]bool{}}
	var talking sync.WaitGroup
	talking.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns[c] = true
			r.mu.Unlock()
			talking.Go(func() {
				defer func() {
					c.Close()
					r.mu.Lock()
					delete(r.conns, c)
					r.mu.Unlock()
				}()
				talk(r, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		talking.Wait()
	})
	return r
}

// open is the number of connections.
func (r *rawReplica) open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// Write records what arrives.
func (r *rawReplica) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes.Write(p)
}

// read takes a request off a connection and returns what it asks for.
func (r *rawReplica) read(br *bufio.Reader) (s string, err error) {
	req, err := http.ReadRequest(br)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	r.requests = append(r.requests, req)
	r.mu.Unlock()
	var in struct{ S string }
	err = json.Unmarshal(body, &in)
	return in.S, err
}

// recorder answers every request well, and keeps every byte.
func recorder(r *rawReplica, c net.Conn) {
	br := bufio.NewReader(io.TeeReader(c, r))
	for {
		s, err := r.read(br)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, reply(s)); err != nil {
			return
		}
	}
}

// reply is the right answer.
func reply(s string) string {
	body := fmt.Sprintf(`{"v":%q}`, strings.ToUpper(s))
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A rawReply is what came back on a connection.
type rawReply struct {
	status int
	body   string
}

// exchange sends bytes to addr and returns the replies until the connection ends; it must.
func exchange(t *testing.T, addr, wire string) (all []rawReply) {
	t.Helper()
	c := dialRaw(t, addr)
	sent := make(chan struct{})
	go func() { // a server that refuses does not read all
		defer close(sent)
		_, _ = io.WriteString(c, wire)
	}()
	defer func() {
		c.Close()
		<-sent
	}()
	br := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(br, nil)
		if timeout(err) {
			t.Errorf("after %d replies the connection stays open, and silent", len(all))
		}
		if err != nil {
			return all
		}
		body, err := io.ReadAll(resp.Body)
		if timeout(err) {
			t.Errorf("reply %d has no end", len(all)+1)
		}
		resp.Body.Close()
		all = append(all, rawReply{resp.StatusCode, strings.TrimSpace(string(body))})
	}
}

// dialRaw returns a connection that lasts no longer than cutOff.
func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(cutOff)); err != nil {
		t.Fatal(err)
	}
	return c
}

func timeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// statuses returns the statuses of replies, for comparison.
func statuses(all []rawReply) string {
	var s []string
	for _, r := range all {
		s = append(s, fmt.Sprint(r.status))
	}
	return strings.Join(s, " ")
}
