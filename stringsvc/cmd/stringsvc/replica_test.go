package main_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rota-go/rota/stringsvc"
)

// replica is a server in this process that answers as it is told to.
type replica struct {
	server *httptest.Server
	closed chan struct{} // before the server waits for its handlers

	mu       sync.Mutex
	handler  http.Handler
	received []*http.Request
}

// well answers as the string service does.
var well = stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()})

// newReplica starts a replica that answers with h.
func newReplica(t *testing.T, h http.Handler) *replica {
	t.Helper()
	r := &replica{handler: h, closed: make(chan struct{})}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that went away
	r.server.Start()
	t.Cleanup(func() {
		close(r.closed)
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

// newReplicas starts one replica for each handler, and returns their addresses as well.
func newReplicas(t *testing.T, handlers ...http.Handler) (list []*replica, addrs []string) {
	t.Helper()
	for _, h := range handlers {
		r := newReplica(t, h)
		list, addrs = append(list, r), append(addrs, r.addr())
	}
	return list, addrs
}

func (r *replica) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // what is missing the handler misses too
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	r.received = append(r.received, req)
	h := r.handler
	r.mu.Unlock()
	h.ServeHTTP(w, req)
}

// addr is the host and port.
func (r *replica) addr() string { return r.server.Listener.Addr().String() }

// name is how a front calls the replica.
func (r *replica) name() string { return "http://" + r.addr() + "/uppercase" }

// set changes how the next requests are answered.
func (r *replica) set(h http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = h
}

// requests returns what was received so far.
func (r *replica) requests() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*http.Request(nil), r.received...)
}

// hang is a handler that never answers.
func (r *replica) hang() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-r.closed:
		}
	})
}

// status returns a handler that answers with code, body, and headers, which
// are names and values in turn.
func status(code int, body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	})
}

// raw returns a handler that sends these bytes, "\n" standing for CRLF, and
// closes the connection.
func raw(text string) http.Handler {
	return hijacked(func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	})
}

// reset is a handler that resets the connection.
var reset = hijacked(func(conn *net.TCPConn) { _ = conn.SetLinger(0) })

func hijacked(do func(*net.TCPConn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		do(conn.(*net.TCPConn))
		_ = conn.Close()
	})
}

// refusing returns n addresses that refuse connections, and will as long as
// the test runs: the ports belong to connections, so nobody can listen there.
func refusing(t *testing.T, n int) (addrs []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for range n {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		addrs = append(addrs, conn.LocalAddr().String())
	}
	return addrs
}
