package bench_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// speech is a protocol of connect-go's client, and what carries it.
type speech struct {
	name    string
	http2   bool // without TLS
	get     bool // it has GETs for what has no side effects
	options []connect.ClientOption
}

// rpcWorld is three replicas of a service, and connect's clients of it.
type rpcWorld struct {
	speech    speech
	ctx       context.Context // bounds every wait of a test
	replicas  []*rpcReplica
	client    *rota.Client
	transport *rotahttp.Transport
	waiters   waiters

	upper, put, chars, join, echo *connect.Client[text, text]
}

func newRPCWorld(t *testing.T, s speech, p rota.Policy) *rpcWorld {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	w := &rpcWorld{speech: s, ctx: ctx}
	w.waiters.changed = make(chan struct{})
	var addrs []string
	for range 3 {
		r := startRPC(t, w)
		w.replicas, addrs = append(w.replicas, r), append(addrs, r.addr)
	}
	var err error
	w.client, err = rota.New(rota.Config{
		Service: "text", Resolver: rota.StaticAddrs(addrs...), Policy: p, Balancer: rota.RoundRobinFrom(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.transport = &rotahttp.Transport{Client: w.client}
	if s.http2 {
		base := rotahttp.NewTransport()
		base.Protocols = new(http.Protocols)
		base.Protocols.SetUnencryptedHTTP2(true)
		w.transport.Base = base
	}
	t.Cleanup(func() { w.close(t) })
	noEffects := connect.WithIdempotency(connect.IdempotencyNoSideEffects)
	w.upper = newClient(w, "/text.v1.Text/Upper", noEffects, connect.WithHTTPGet())
	w.put = newClient(w, "/text.v1.Text/Put")
	w.chars = newClient(w, "/text.v1.Text/Chars")
	w.join = newClient(w, "/text.v1.Text/Join")
	w.echo = newClient(w, "/text.v1.Text/Echo")
	return w
}

// newClient is all that anybody writes who uses connect and rota together.
func newClient(w *rpcWorld, procedure string, o ...connect.ClientOption) *connect.Client[text, text] {
	return connect.NewClient[text, text](
		&http.Client{Transport: w.transport}, "http://text"+procedure, append(w.speech.options[:len(w.speech.options):len(w.speech.options)], o...)...)
}

// close ends the world, and fails the test if a connection or a goroutine of it stays.
func (w *rpcWorld) close(t *testing.T) {
	if err := w.client.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range w.replicas {
		eventually(t, "connections are left", func() bool {
			w.transport.CloseIdleConnections() // a stream that was cancelled keeps its connection for a moment more
			return r.open.Load() == 0
		})
		r.kill()
	}
	eventually(t, "goroutines are left", func() bool { return ofOurs() == "" })
	if t.Failed() {
		t.Log(ofOurs())
	}
}

// ofOurs returns the stacks that connections and calls have.
func ofOurs() string {
	var all, ours strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		return err.Error()
	}
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		for _, part := range []string{"net/http.(*persistConn)", "net/http/internal/http2.", "net/http.(*http2", "rota.(*", "rotahttp.(*", "connect."} {
			if strings.Contains(stack, part) && !strings.Contains(stack, "bench_test.ofOurs") {
				ours.WriteString(stack + "\n\n")
				break
			}
		}
	}
	return ours.String()
}

// eventually waits for what comes by itself and tells nobody.
func eventually(t *testing.T, not string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	enough := time.NewTimer(10 * time.Second)
	defer enough.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-enough.C:
			t.Error(not)
			return
		}
	}
}

// waiters counts the handlers that wait for their context to end.
type waiters struct {
	mu         sync.Mutex
	come, left int
	changed    chan struct{} // closed and replaced at each change
}

func (w *waiters) add(come, left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.come, w.left = w.come+come, w.left+left
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *rpcWorld) waitersCome(t *testing.T, n int) {
	t.Helper()
	w.await(t, func() bool { return w.waiters.come >= n })
}

func (w *rpcWorld) waitersLeft(t *testing.T, n int) {
	t.Helper()
	w.await(t, func() bool { return w.waiters.left >= n })
}

func (w *rpcWorld) await(t *testing.T, ok func() bool) {
	t.Helper()
	for {
		w.waiters.mu.Lock()
		done, changed := ok(), w.waiters.changed
		w.waiters.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
			t.Fatalf("%d handlers have come to wait, %d have left", w.waiters.come, w.waiters.left)
		}
	}
}

// only returns the one call that the replicas have seen.
func (w *rpcWorld) only(t *testing.T) seenCall {
	t.Helper()
	var all []seenCall
	for _, r := range w.replicas {
		all = append(all, r.seen()...)
	}
	if len(all) != 1 {
		t.Fatalf("the replicas have seen %d calls, want 1", len(all))
	}
	return all[0]
}

// seenCall is a call as the handler behind rotahttp.Handler gets it, before connect has looked at it.
type seenCall struct {
	method   string
	major    int
	header   http.Header
	deadline time.Time
	timed    bool
}

// rpcReplica is a server with connect's handlers behind rotahttp.Handler.
type rpcReplica struct {
	addr   string
	abort  atomic.Bool // dies in the midst of every call
	open   atomic.Int64
	server *http.Server
	served chan struct{}

	mu    sync.Mutex
	calls []seenCall
}

func startRPC(t *testing.T, w *rpcWorld) *rpcReplica {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rpcReplica{addr: l.Addr().String(), served: make(chan struct{})}
	r.server = &http.Server{
		Handler:   rotahttp.Handler(r.watched(textService(r.addr, &w.waiters)), rotahttp.ServerPolicy{}),
		Protocols: new(http.Protocols),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				r.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				r.open.Add(-1)
			}
		},
	}
	r.server.Protocols.SetHTTP1(true)
	r.server.Protocols.SetUnencryptedHTTP2(true)
	go func() {
		defer close(r.served)
		_ = r.server.Serve(l)
	}()
	t.Cleanup(r.kill)
	return r
}

// kill ends the replica and whatever it does. It may be called again.
func (r *rpcReplica) kill() {
	_ = r.server.Close()
	<-r.served
}

func (r *rpcReplica) seen() []seenCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seenCall(nil), r.calls...)
}

func (r *rpcReplica) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := seenCall{method: req.Method, major: req.ProtoMajor, header: req.Header.Clone()}
		c.deadline, c.timed = req.Context().Deadline()
		r.mu.Lock()
		r.calls = append(r.calls, c)
		r.mu.Unlock()
		if r.abort.Load() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, req)
	})
}

type (
	text     = wrapperspb.StringValue
	request  = connect.Request[text]
	response = connect.Response[text]
)

// textService is a service in which "wait" waits for the call's end, and "fail 5" fails with code 5.
func textService(addr string, waiting *waiters) http.Handler {
	// obey does what a message says.
	obey := func(ctx context.Context, s string) error {
		if s == "wait" {
			waiting.add(1, 0)
			<-ctx.Done()
			waiting.add(0, 1)
			return ctx.Err()
		}
		if code, ok := strings.CutPrefix(s, "fail "); ok {
			n, _ := strconv.Atoi(code)
			e := connect.NewError(connect.Code(n), errors.New("as you wish"))
			e.Meta().Set("X-Reason", "asked for")
			if d, err := connect.NewErrorDetail(wrapperspb.String("detail")); err == nil {
				e.AddDetail(d)
			}
			return e
		}
		return nil
	}
	upper := func(ctx context.Context, req *request) (*response, error) {
		if err := obey(ctx, req.Msg.GetValue()); err != nil {
			return nil, err
		}
		resp := connect.NewResponse(wrapperspb.String(strings.ToUpper(req.Msg.GetValue())))
		for _, k := range []string{"X-Greeting", "X-Bin-Bin"} {
			resp.Header().Set(k, req.Header().Get(k))
		}
		resp.Header().Set("X-Replica", addr)
		resp.Trailer().Set("X-Letters", strconv.Itoa(len(req.Msg.GetValue())))
		return resp, nil
	}
	chars := func(ctx context.Context, req *request, s *connect.ServerStream[text]) error {
		s.ResponseHeader().Set("X-Replica", addr)
		for i, c := range req.Msg.GetValue() {
			if err := s.Send(wrapperspb.String(string(c))); err != nil {
				return err
			}
			if i == 0 {
				if err := obey(ctx, req.Msg.GetValue()); err != nil {
					return err
				}
			}
		}
		s.ResponseTrailer().Set("X-Letters", strconv.Itoa(len(req.Msg.GetValue())))
		return nil
	}
	join := func(_ context.Context, s *connect.ClientStream[text]) (*response, error) {
		var all strings.Builder
		for s.Receive() {
			all.WriteString(s.Msg().GetValue())
		}
		resp := connect.NewResponse(wrapperspb.String(all.String()))
		resp.Header().Set("X-Replica", addr)
		return resp, s.Err()
	}
	echo := func(_ context.Context, s *connect.BidiStream[text, text]) error {
		s.ResponseHeader().Set("X-Replica", addr)
		for n := 0; ; n++ {
			m, err := s.Receive()
			if errors.Is(err, io.EOF) {
				s.ResponseTrailer().Set("X-Letters", strconv.Itoa(n))
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.Send(m); err != nil {
				return err
			}
		}
	}
	mux := http.NewServeMux()
	for procedure, h := range map[string]http.Handler{
		"Upper": connect.NewUnaryHandler("/text.v1.Text/Upper", upper, connect.WithIdempotency(connect.IdempotencyNoSideEffects)),
		"Put":   connect.NewUnaryHandler("/text.v1.Text/Put", upper),
		"Chars": connect.NewServerStreamHandler("/text.v1.Text/Chars", chars),
		"Join":  connect.NewClientStreamHandler("/text.v1.Text/Join", join),
		"Echo":  connect.NewBidiStreamHandler("/text.v1.Text/Echo", echo),
	} {
		mux.Handle("/text.v1.Text/"+procedure, h)
	}
	return mux
}
