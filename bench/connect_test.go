package bench_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// These tests show that connect-go's client works over rotahttp.Transport as it is: it gets an *http.Client and a URL that
// names the service, and knows nothing of replicas. All kinds of calls are made in every protocol that it speaks, over
// HTTP/1.1 and over HTTP/2 without TLS, before three servers with rotahttp.Handler. At the end of each, no connection and no
// goroutine is left.
var speeches = []speech{
	{name: "connect over HTTP/1.1", get: true},
	{name: "gRPC-Web over HTTP/1.1", options: []connect.ClientOption{connect.WithGRPCWeb()}},
	{name: "connect over HTTP/2", http2: true, get: true},
	{name: "gRPC-Web over HTTP/2", http2: true, options: []connect.ClientOption{connect.WithGRPCWeb()}},
	{name: "gRPC", http2: true, options: []connect.ClientOption{connect.WithGRPC()}},
}

// everySpeech runs f in all protocols.
func everySpeech(t *testing.T, p rota.Policy, f func(t *testing.T, w *rpcWorld)) {
	for _, s := range speeches {
		t.Run(s.name, func(t *testing.T) { f(t, newRPCWorld(t, s, p)) })
	}
}

// Unary calls go to all replicas in turn, whichever method they use, and what belongs to a call beside its message comes
// along in both directions: headers and trailers.
func TestConnectUnary(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		answered := map[string]int{}
		for i := range 30 {
			req := connect.NewRequest(wrapperspb.String(fmt.Sprintf("hello %d", i)))
			req.Header().Set("X-Greeting", "grüß")
			req.Header().Set("X-Bin-Bin", connect.EncodeBinaryHeader([]byte{0, 1, 255}))
			resp, err := w.upper.CallUnary(w.ctx, req)
			if err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			if want := fmt.Sprintf("HELLO %d", i); resp.Msg.GetValue() != want {
				t.Errorf("call %d = %q, want %q", i, resp.Msg.GetValue(), want)
			}
			if h, tr := resp.Header().Get("X-Greeting"), resp.Trailer().Get("X-Letters"); h != "grüß" || tr != fmt.Sprint(len(resp.Msg.GetValue())) {
				t.Errorf("call %d: X-Greeting %q, trailer X-Letters %q", i, h, tr)
			}
			if b, err := connect.DecodeBinaryHeader(resp.Header().Get("X-Bin-Bin")); err != nil || !bytes.Equal(b, []byte{0, 1, 255}) {
				t.Errorf("call %d: X-Bin-Bin %v, %v", i, b, err)
			}
			answered[resp.Header().Get("X-Replica")]++
		}
		for _, r := range w.replicas {
			if answered[r.addr] != 10 {
				t.Errorf("30 calls were answered by %v, want 10 by each", answered)
				break
			}
			for _, c := range r.seen() {
				if want := map[bool]string{true: http.MethodGet, false: http.MethodPost}[w.speech.get]; c.method != want {
					t.Errorf("the replica has seen a %s, want %s", c.method, want)
				}
				if want := map[bool]int{true: 2, false: 1}[w.speech.http2]; c.major != want {
					t.Errorf("the replica was asked over HTTP/%d, want %d", c.major, want)
				}
			}
		}
	})
}

// A stream stays with one replica from its first message to its last; the next one goes to the next. What is sent one way
// arrives while the other is still open.
func TestConnectStreams(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		served := map[string]int{}
		for range 3 {
			down, err := w.chars.CallServerStream(w.ctx, connect.NewRequest(wrapperspb.String("abc")))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for down.Receive() {
				got = append(got, down.Msg().GetValue())
			}
			if err := down.Err(); err != nil || strings.Join(got, " ") != "a b c" {
				t.Errorf("server stream = %q, %v", got, err)
			}
			if tr := down.ResponseTrailer().Get("X-Letters"); tr != "3" {
				t.Errorf("trailer X-Letters %q, want 3", tr)
			}
			served[down.ResponseHeader().Get("X-Replica")]++
			down.Close()
		}
		for range 3 {
			up := w.join.CallClientStream(w.ctx)
			for _, s := range []string{"x", "y", "z"} {
				if err := up.Send(wrapperspb.String(s)); err != nil {
					t.Fatal(err)
				}
			}
			resp, err := up.CloseAndReceive()
			if err != nil {
				t.Fatal(err)
			}
			if resp.Msg.GetValue() != "xyz" {
				t.Errorf("client stream = %q, want xyz", resp.Msg.GetValue())
			}
			served[resp.Header().Get("X-Replica")]++
		}
		for range 3 {
			if w.speech.http2 { // HTTP/1.1 has no such thing, and connect says so itself
				served[pingPong(t, w)]++
			}
		}
		for _, r := range w.replicas {
			if want := map[bool]int{true: 3, false: 2}[w.speech.http2]; served[r.addr] != want {
				t.Errorf("streams were served by %v, want %d by each", served, want)
				break
			}
		}
	})
}

// pingPong sends each message when the one before has come back, and returns who did that.
func pingPong(t *testing.T, w *rpcWorld) (replica string) {
	t.Helper()
	both := w.echo.CallBidiStream(w.ctx)
	for i := range 20 {
		want := fmt.Sprint("ping ", i)
		if err := both.Send(wrapperspb.String(want)); err != nil {
			t.Fatal(err)
		}
		if m, err := both.Receive(); err != nil || m.GetValue() != want {
			t.Fatalf("bidi stream = %q, %v, want %q", m.GetValue(), err, want)
		}
	}
	if err := both.CloseRequest(); err != nil {
		t.Error(err)
	}
	if _, err := both.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("end of the bidi stream = %v, want EOF", err)
	}
	if tr := both.ResponseTrailer().Get("X-Letters"); tr != "20" {
		t.Errorf("trailer X-Letters %q, want 20", tr)
	}
	if err := both.CloseResponse(); err != nil {
		t.Error(err)
	}
	return both.ResponseHeader().Get("X-Replica")
}

// Every code that a service answers with reaches its caller as it is, with message, metadata and details, though connect
// writes some as a status that means to rota that the replica has failed.
func TestConnectErrors(t *testing.T) {
	everySpeech(t, rota.Policy{Retry: &rota.Retry{}}, func(t *testing.T, w *rpcWorld) {
		for code := connect.CodeCanceled; code <= connect.CodeUnauthenticated; code++ {
			req := connect.NewRequest(wrapperspb.String("fail " + fmt.Sprint(uint32(code))))
			_, err := w.put.CallUnary(w.ctx, req)
			wantError(t, "unary", err, code)

			down, err := w.chars.CallServerStream(w.ctx, connect.NewRequest(wrapperspb.String("fail "+fmt.Sprint(uint32(code)))))
			if err == nil {
				if !down.Receive() || down.Msg().GetValue() != "f" {
					t.Errorf("%v: the stream's first message is missing: %v", code, down.Err())
				}
				for down.Receive() {
				}
				err = down.Err()
				down.Close()
			}
			wantError(t, "server stream", err, code)
		}
		total := 0
		for _, r := range w.replicas {
			total += len(r.seen())
		}
		if total != 32 {
			t.Errorf("the replicas were called %d times, want 32: nobody said that these calls may be repeated", total)
		}
	})
}

func wantError(t *testing.T, kind string, err error, code connect.Code) {
	t.Helper()
	e, ok := errors.AsType[*connect.Error](err)
	if !ok || e.Code() != code || e.Message() != "as you wish" || e.Meta().Get("X-Reason") != "asked for" {
		t.Errorf("%s = %v, want %v: as you wish, with its metadata", kind, err, code)
		return
	}
	if d := e.Details(); len(d) != 1 || d[0].Type() != "google.protobuf.StringValue" {
		t.Errorf("%s, %v: details %v, want one", kind, code, d)
	}
}

// The caller's deadline travels, so that the replica does not work for nobody: in the protocol's own header and in rota's.
// The policy's time travels too, of which connect knows nothing. When it is up the caller learns that from connect's code.
func TestConnectDeadlines(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		defer cancel()
		if _, err := w.put.CallUnary(ctx, connect.NewRequest(wrapperspb.String("x"))); err != nil {
			t.Fatal(err)
		}
		latest, _ := ctx.Deadline()
		c := w.only(t)
		own := c.header.Get("Connect-Timeout-Ms") + c.header.Get("Grpc-Timeout")
		if own == "" || c.header.Get(rotahttp.HeaderTimeout) == "" {
			t.Errorf("%q and %q travelled, want both times", own, c.header.Get(rotahttp.HeaderTimeout))
		}
		// The times on the wire are rounded to milliseconds, and begin when they are read.
		if d, ok := c.deadline, c.timed; !ok || d.After(latest.Add(time.Second)) || d.Before(latest.Add(-time.Second)) {
			t.Errorf("the handler's deadline is %v after the caller's (%t), want the same", d.Sub(latest), ok)
		}

		short, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
		defer cancel()
		_, err := w.put.CallUnary(short, connect.NewRequest(wrapperspb.String("wait")))
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("a call whose time is up = %v, want deadline_exceeded", err)
		}
		w.waitersLeft(t, 1)

		short, cancel = context.WithTimeout(w.ctx, 50*time.Millisecond)
		defer cancel()
		down, err := w.chars.CallServerStream(short, connect.NewRequest(wrapperspb.String("wait")))
		if err == nil {
			for down.Receive() {
			}
			err = down.Err()
			down.Close()
		}
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("a stream whose time is up = %v, want deadline_exceeded", err)
		}
		w.waitersLeft(t, 2)
	})
}

func TestConnectDeadlineOfThePolicy(t *testing.T) {
	p := rota.DefaultPolicy()
	p.Timeout = 100 * time.Millisecond
	everySpeech(t, p, func(t *testing.T, w *rpcWorld) {
		_, err := w.put.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String("wait")))
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("a call whose time is up = %v, want deadline_exceeded", err)
		}
		w.waitersLeft(t, 1)
		if c := w.only(t); !c.timed || c.header.Get(rotahttp.HeaderTimeout) == "" {
			t.Errorf("the handler has no deadline: %v", c.header)
		}
	})
}

// A caller that gives up is noticed by the replica, before the first message and in the midst of a stream, and it is told
// from connect's code that it was its own doing.
func TestConnectCancel(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		ctx, cancel := context.WithCancel(w.ctx)
		failed := make(chan error, 1)
		go func() {
			_, err := w.put.CallUnary(ctx, connect.NewRequest(wrapperspb.String("wait")))
			failed <- err
		}()
		w.waitersCome(t, 1)
		cancel()
		if err := <-failed; connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("a cancelled call = %v, want canceled", err)
		}
		w.waitersLeft(t, 1)

		ctx, cancel = context.WithCancel(w.ctx)
		defer cancel()
		down, err := w.chars.CallServerStream(ctx, connect.NewRequest(wrapperspb.String("wait")))
		if err != nil {
			t.Fatal(err)
		}
		if !down.Receive() {
			t.Fatalf("the stream has no first message: %v", down.Err())
		}
		cancel()
		for down.Receive() {
		}
		if err := down.Err(); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("a cancelled stream = %v, want canceled", err)
		}
		down.Close()
		w.waitersLeft(t, 2)
		for _, n := range w.client.Stats().Nodes {
			if n.InFlight != 0 {
				t.Errorf("%s: %d attempts are in flight, want none", n.Instance.Addr, n.InFlight)
			}
		}
	})
}

// Messages that fill many buffers and frames come whole, in both directions, compressed or not.
func TestConnectLargeMessages(t *testing.T) {
	everySpeech(t, rota.DefaultPolicy(), func(t *testing.T, w *rpcWorld) {
		large := strings.Repeat("abcdefghijklmnopqrstuvwxyz012345", 1<<20/32)
		for name, client := range map[string]*connect.Client[text, text]{
			"plain": w.put, "gzip": newClient(w, "/text.v1.Text/Put", connect.WithSendGzip()),
		} {
			resp, err := client.CallUnary(w.ctx, connect.NewRequest(wrapperspb.String(large)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if resp.Msg.GetValue() != strings.ToUpper(large) {
				t.Errorf("%s: %d bytes came back, want the %d in upper case", name, len(resp.Msg.GetValue()), len(large))
			}
		}
		up := w.join.CallClientStream(w.ctx)
		for range 4 {
			if err := up.Send(wrapperspb.String(large[:1<<18])); err != nil {
				t.Fatal(err)
			}
		}
		if resp, err := up.CloseAndReceive(); err != nil || resp.Msg.GetValue() != large {
			t.Errorf("client stream: %v", err)
		}
	})
}
