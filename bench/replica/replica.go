// Package replica provides a replica of the string service that misbehaves on command and remembers who called.
//
// It is a real HTTP server on a loopback port, for tests that drive other processes against it: what it shows is what came
// over the wire. Tests inside one process do better with rotahttp/rotatest, which needs neither ports nor real time.
package replica

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Replica answers POST and GET /uppercase {"s":"hello"} with {"v":"HELLO"}, unless its fault says otherwise. Any number of
// goroutines may use it.
type Replica struct {
	Addr string // host:port

	arrival func(time.Time) // nil = nobody wants to know
	server  *http.Server
	ended   context.CancelFunc // lets hanging handlers go
	served  chan struct{}      // closed when the accept loop has returned

	mu      sync.Mutex
	fault   Fault
	seen    []*Request
	arrived chan struct{} // closed and replaced at each arrival
}

// Start listens on a free loopback port; the caller closes what it gets.
func Start() (*Replica, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	return Serve(l, nil), nil
}

// Serve answers what comes to l; the caller closes the replica, and that closes l. arrival, unless nil, is told when each
// call arrived, on the call's goroutine.
func Serve(l net.Listener, arrival func(at time.Time)) *Replica {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Replica{
		Addr:    l.Addr().String(),
		arrival: arrival,
		ended:   cancel,
		served:  make(chan struct{}),
		arrived: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/uppercase", r.uppercase)
	r.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(io.Discard, "", 0), // its faults are no news
	}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(l)
	}()
	return r
}

// Close ends every call in hand and frees the port. It may be called twice.
func (r *Replica) Close() {
	r.ended()
	_ = r.server.Close()
	<-r.served
}

// Set makes f the fault of every call that arrives from now on; nil = answer well.
func (r *Replica) Set(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Requests returns the calls that have arrived, oldest first.
func (r *Replica) Requests() []*Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Request(nil), r.seen...)
}

// Count is how many calls have arrived.
func (r *Replica) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// Await blocks until n calls have arrived in all, and returns the nth.
func (r *Replica) Await(ctx context.Context, n int) (*Request, error) {
	for {
		r.mu.Lock()
		have, arrived := len(r.seen), r.arrived
		if have >= n {
			defer r.mu.Unlock()
			return r.seen[n-1], nil
		}
		r.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("replica %s: %d of %d calls arrived: %w", r.Addr, have, n, ctx.Err())
		}
	}
}

func (r *Replica) uppercase(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	// Read whole before anything else: only then does net/http watch the connection and notice a caller that leaves.
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err != nil {
		return
	}
	if r.arrival != nil {
		r.arrival(at)
	}
	seen, fault := r.record(at, req, string(body))
	stop := context.AfterFunc(req.Context(), seen.leave)
	defer func() {
		// The fault may see the end of the context, and return, before the func above was started.
		if stop() && req.Context().Err() != nil {
			seen.leave()
		}
	}()

	var in struct{ S string }
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, _ := json.Marshal(struct {
		V string `json:"v"`
	}{strings.ToUpper(in.S)})
	if fault == nil {
		fault = healthy
	}
	fault(w, req, answer)
}

func (r *Replica) record(at time.Time, req *http.Request, body string) (*Request, Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := &Request{
		At:      at,
		Method:  req.Method,
		Header:  req.Header.Clone(),
		Length:  req.ContentLength,
		Chunked: len(req.TransferEncoding) > 0 && req.TransferEncoding[0] == "chunked",
		Body:    body,
		left:    make(chan struct{}),
	}
	r.seen = append(r.seen, seen)
	close(r.arrived)
	r.arrived = make(chan struct{})
	return seen, r.fault
}
