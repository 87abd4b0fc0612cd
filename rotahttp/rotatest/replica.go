package rotatest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Replica is one of the replicas. Methods may be called concurrently.
type Replica struct {
	addr     string
	replicas *Replicas
	handler  http.Handler
	running  sync.WaitGroup // servers, connections and handlers

	mu        sync.Mutex
	fault     Fault
	stop      func() // ends the server; nil = it does not run
	seen      []Request
	active    int
	cancelled int
}

// Request is a request as it arrived.
type Request struct {
	Method string
	URI    string // path and query
	Host   string
	Header http.Header
	Body   []byte // nil if its length was not announced, or is more than 1 MiB
}

const maxSeenBody = 1 << 20

// Addr returns the address, as in Resolver.
func (r *Replica) Addr() string { return r.addr }

// Set gives the replica a fault in place of the one that it had. Requests that have arrived keep the fault that they met;
// Refuse alone cuts them off.
func (r *Replica) Set(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
	switch f.kind {
	case refuses:
		r.replicas.network.Restore(r.addr)
		r.downLocked()
		r.replicas.transport.CloseIdleConnections()
	case swallows:
		r.replicas.network.Hang(r.addr)
		r.replicas.transport.CloseIdleConnections()
	default:
		r.replicas.network.Restore(r.addr)
		r.upLocked()
	}
}

// Heal is Set(Fault{}): the handler answers.
func (r *Replica) Heal() { r.Set(Fault{}) }

// Calls returns how many requests have arrived, whatever became of them.
func (r *Replica) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// Seen returns the requests that have arrived, in their order. What is in them must not be changed.
func (r *Replica) Seen() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// Active returns how many requests are being answered.
func (r *Replica) Active() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active
}

// Cancelled returns how many requests were given up by their senders, or cut off by Refuse, before they were answered.
// A replica hears of it a moment after the sender: call synctest.Wait first.
func (r *Replica) Cancelled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancelled
}

// upLocked starts the server, unless it runs.
func (r *Replica) upLocked() {
	if r.stop != nil {
		return
	}
	l, err := r.replicas.network.Listen(r.addr)
	if err != nil {
		panic(err) // the address is this replica's
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler:     http.HandlerFunc(r.serve),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				r.running.Add(1)
			case http.StateClosed, http.StateHijacked:
				r.running.Done()
			}
		},
	}
	r.running.Go(func() { server.Serve(l) })
	r.stop = func() {
		l.Close() // Serve may not have begun, and the server not know of it
		server.Close()
		cancel()
	}
}

// downLocked closes the server and all its connections.
func (r *Replica) downLocked() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

func (r *Replica) serve(w http.ResponseWriter, req *http.Request) {
	r.running.Add(1) // a connection that the handler takes over does not count any more
	defer r.running.Done()
	f, whole := r.arrived(req)
	defer func() { r.left(req, whole) }()
	if whole {
		f.answer(w, req, r.handler)
	}
}

// arrived notes a request, and returns the fault that it meets. It reports false when the sender left in the middle.
func (r *Replica) arrived(req *http.Request) (Fault, bool) {
	seen := Request{Method: req.Method, URI: req.RequestURI, Host: req.Host, Header: req.Header.Clone()}
	var err error
	if req.ContentLength > 0 && req.ContentLength <= maxSeenBody {
		// Until it is read the server does not notice that the sender has left.
		seen.Body, err = io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(seen.Body))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, seen)
	r.active++
	return r.fault, err == nil
}

func (r *Replica) left(req *http.Request, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	if !whole || req.Context().Err() != nil {
		r.cancelled++
	}
}
