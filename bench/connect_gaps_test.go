package bench_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// What connect's client would need and does not get yet. Each test fails without its Skip.

// A client's stream that meets a replica that is gone has sent nothing, and could go elsewhere: nobody has read of its body.
// But net/http closes a body with which it could not connect, so it is gone after the first attempt.
func TestConnectStreamIsRepeatedUnsent(t *testing.T) {
	t.Skip("a body without GetBody is given away for good, even if nothing was read of it: the call fails, \"may not be sent twice\"")
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

// The policy's time bounds a request until the headers of its reply have come. But it travels as the call's whole time, and
// the replica's rotahttp.Handler ends a stream that lasts longer.
func TestConnectStreamOutlivesThePolicy(t *testing.T) {
	t.Skip("Rota-Timeout-Ms says how long the headers may take, and Handler takes it for the time of the whole request")
	p := rota.DefaultPolicy()
	p.Timeout = 100 * time.Millisecond
	everySpeech(t, p, func(t *testing.T, w *rpcWorld) {
		ctx, cancel := context.WithCancel(w.ctx)
		defer cancel()
		down, err := w.chars.CallServerStream(ctx, connect.NewRequest(wrapperspb.String("wait")))
		if err != nil {
			t.Fatal(err)
		}
		defer down.Close()
		if !down.Receive() {
			t.Fatalf("the stream has no first message: %v", down.Err())
		}
		time.AfterFunc(5*p.Timeout, cancel)
		for down.Receive() {
		}
		if connect.CodeOf(down.Err()) != connect.CodeCanceled {
			t.Errorf("the stream ended with %v, want only the caller to end it", down.Err())
		}
	})
}

// connect's GetBody rewinds the one body there is, though net/http wants a new copy. Two attempts at a time share it then, and
// neither replica gets it whole: the slow one that was given company is spoiled, too.
func TestConnectAttemptsSideBySide(t *testing.T) {
	t.Skip("attempts that are under way together read one body, when GetBody returns the request's own Body, rewound")
	msg := wrapperspb.String(strings.Repeat("0123456789abcdef", 4<<20/16)) // more than the system's buffers take
	want, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	var arrived atomic.Int32
	second := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch arrived.Add(1) {
		case 1: // reads on when it has company
			select {
			case <-second:
			case <-r.Context().Done():
			}
		case 2:
			close(second)
		}
		got, err := io.ReadAll(r.Body)
		if err != nil {
			return // the attempt was given up: the other one has won, or should have
		}
		if !bytes.Equal(got, want) {
			t.Errorf("a replica got %d bytes that are not the %d that were sent", len(got), len(want))
		}
		w.Header().Set("Content-Type", "application/proto")
	})
	var addrs []string
	for range 2 {
		s := httptest.NewUnstartedServer(handler)
		s.Listener = shortBuffers{s.Listener}
		s.Start()
		t.Cleanup(s.Close)
		addrs = append(addrs, s.Listener.Addr().String())
	}
	client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs(addrs...), Policy: rota.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	transport := &rotahttp.Transport{Client: client}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(rotahttp.MayRepeat(t.Context()), 2*time.Second) // company comes after half of it
	defer cancel()
	put := connect.NewClient[text, text](&http.Client{Transport: transport}, "http://text/text.v1.Text/Put")
	if _, err := put.CallUnary(ctx, connect.NewRequest(msg)); err != nil {
		t.Error(err)
	}
}

// shortBuffers makes those wait who send to a server that does not read.
type shortBuffers struct{ net.Listener }

func (l shortBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = tcp.SetReadBuffer(64 << 10)
	}
	return c, err
}
