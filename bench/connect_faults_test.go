package bench_test

import (
	"context"
	"errors"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// repeatable is all that it takes for calls whose procedure says that they may be repeated, and which are no GETs.
var repeatable = connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if req.Spec().IdempotencyLevel != connect.IdempotencyUnknown {
			ctx = rotahttp.MayRepeat(ctx)
		}
		return next(ctx, req)
	}
})

// When a replica is gone nothing is lost: a call that cannot connect was not sent, and goes elsewhere whatever it does.
func TestConnectReplicaGone(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		for range 3 { // there are connections to all
			if _, err := w.put.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String("x"))); err != nil {
				t.Fatal(err)
			}
		}
		w.transport.CloseIdleConnections()
		w.replicas[0].kill()
		for i := range 30 {
			resp, err := w.put.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String("x")))
			if err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			if resp.Header().Get("X-Replica") == w.replicas[0].addr {
				t.Error("a dead replica answers")
			}
			down, err := w.chars.CallServerStream(w.ctx, connect.NewRequest(wrapperspb.String("x")))
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			for down.Receive() {
			}
			if err := down.Err(); err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			down.Close()
		}
		for _, r := range w.replicas[1:] {
			if n := len(r.seen()); n < 25 {
				t.Errorf("a replica was called %d times, want about 31: half of what is left", n)
			}
		}
		if n := w.client.Stats().Nodes[0]; n.Opened == 0 {
			t.Error("the breaker of the dead replica has not opened")
		}
	})
}

// When a replica dies in the midst of a call, the call is made again elsewhere if it may be: a GET by itself, anything else
// by one word in its context. Otherwise the caller is told, once, that it is not known what has become of it.
func TestConnectReplicaDies(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		w.replicas[0].abort.Store(true)
		lost := 0
		for range 3 {
			if _, err := w.put.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String("x"))); err != nil {
				lost++
				if e, ok := errors.AsType[*rota.CallError](err); !ok || !errors.Is(e.Reason, rota.ErrNotIdempotent) || len(e.Attempts) != 1 {
					t.Errorf("the lost call has %v, want one attempt, for it may not be repeated", err)
				}
				if connect.CodeOf(err) != connect.CodeUnavailable {
					t.Errorf("the lost call has code %v, want unavailable", connect.CodeOf(err))
				}
			}
		}
		if lost != 1 {
			t.Errorf("%d of 3 calls were lost, want the one that met the replica", lost)
		}
		clients := map[string]*connect.Client[text, text]{
			"POST": newClient(w, "/text.v1.Text/Upper", connect.WithIdempotency(connect.IdempotencyNoSideEffects), connect.WithInterceptors(repeatable)),
		}
		if w.speech.get {
			clients["GET"] = w.upper
		}
		for name, client := range clients {
			for i := range 6 {
				resp, err := client.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String("hello")))
				if err != nil {
					t.Errorf("%s %d: %v, want it to be made again elsewhere", name, i, err)
				} else if resp.Msg.GetValue() != "HELLO" {
					t.Errorf("%s %d = %q", name, i, resp.Msg.GetValue())
				}
			}
		}
		if s := w.client.Stats(); s.Retries == 0 {
			t.Error("no call was repeated: the replica was not met, and nothing is shown")
		}
	})
}

// A client's stream that meets a replica that is gone has sent nothing, and goes elsewhere: nobody has read of its body.
func TestConnectStreamIsRepeatedUnsent(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		w.replicas[0].kill()
		for i := range 6 {
			up := w.join.CallClientStream(w.ctx)
			for _, s := range []string{"x", "y", "z"} {
				_ = up.Send(wrapperspb.String(s)) // its error is that of the call
			}
			if resp, err := up.CloseAndReceive(); err != nil || resp.Msg.GetValue() != "xyz" {
				t.Errorf("stream %d: %v", i, err)
			}
		}
	})
}
