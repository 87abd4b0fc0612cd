package stringsvc_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/stringsvc"
	"github.com/rota-go/rota/stringsvc/logfmt"
)

func ExampleServer_Run() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	var server stringsvc.Server
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, stringsvc.RunParams{
			Listener: l,
			Handler:  stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal(), Ready: server.Ready}),
			Logger:   slog.New(slog.DiscardHandler),
		})
	}()
	resp, err := http.Post("http://"+l.Addr().String()+"/count", "", strings.NewReader(`{"s":"hello"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	reply, _ := io.ReadAll(resp.Body)
	fmt.Print(string(reply))
	stop()
	fmt.Println(<-done, server.Ready())
	// Output:
	// {"v":5}
	// <nil> false
}

// pipes is a listener without a network, so that a bubble of synctest can hold
// both ends.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8090} }

// dial sends the head and what there is of the body of a request; it is nil
// when nobody listens any more.
func (p *pipes) dial(t *testing.T, request string) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
	case <-p.closed:
		return nil
	}
	t.Cleanup(func() { _ = ours.Close() })
	c := &client{Conn: ours, r: bufio.NewReader(ours)}
	c.send(request)
	return c
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func (c *client) send(request string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n")) // the reply, or none, tells
}

// reply waits for a reply; its status is 0 if the connection ends instead.
func (c *client) reply() reply {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	load := resp.Header.Get("Rota-Load")
	state := load[strings.LastIndex(load, " ")+1:]
	return reply{resp.StatusCode, state, resp.Close}
}

type reply struct {
	status int
	load   string
	close  bool
}

const (
	getReady = "GET /readyz HTTP/1.1\nHost: x\n\n"
	postSlow = "POST /uppercase HTTP/1.1\nHost: x\nContent-Length: 12\n\n{\"s\":\"slow\"}"
)

// world is a running Server whose slow calls take a time of their own.
type world struct {
	server stringsvc.Server
	pipes  *pipes
	log    bytes.Buffer // to be read when done
	stop   context.CancelFunc
	abort  chan struct{}
	done   chan error
}

func run(t *testing.T, slow time.Duration, proxyTo ...string) *world {
	w := &world{
		pipes: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})},
		abort: make(chan struct{}),
		done:  make(chan error, 1),
	}
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	service := fake{uppercase: func(ctx context.Context, s string) (string, error) {
		select {
		case <-time.After(slow):
			return s, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}}
	go func() {
		w.done <- w.server.Run(ctx, stringsvc.RunParams{
			Listener: w.pipes,
			Handler:  stringsvc.NewHandler(stringsvc.HandlerParams{Service: service, Ready: w.server.Ready}),
			Logger:   slog.New(logfmt.NewHandler(&w.log)),
			ProxyTo:  proxyTo,
			CallTime: slow,
			Drain:    3 * time.Second,
			Abort:    w.abort,
		})
	}()
	return w
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, 5*time.Second)
		old := w.pipes.dial(t, getReady)
		if got, want := old.reply(), (reply{200, "state=ok", false}); got != want || !w.server.Ready() {
			t.Errorf("before: %v, Ready() = %v, want %v, true", got, w.server.Ready(), want)
		}
		call := w.pipes.dial(t, postSlow)
		synctest.Wait()

		begin := time.Now()
		w.stop()
		time.Sleep(2900 * time.Millisecond)
		if w.server.Ready() {
			t.Error("Ready() = true while draining, want false")
		}
		old.send(getReady)
		for name, c := range map[string]*client{"old": old, "new": w.pipes.dial(t, getReady)} {
			if got, want := c.reply(), (reply{503, "state=draining", true}); got != want {
				t.Errorf("%s connection while draining: %v, want %v", name, got, want)
			}
		}
		late := w.pipes.dial(t, postSlow) // in the last moment
		time.Sleep(200 * time.Millisecond)
		if w.pipes.dial(t, getReady) != nil {
			t.Error("still listening after the drain")
		}
		for name, c := range map[string]*client{"early": call, "late": late} {
			if got, want := c.reply(), (reply{200, "state=draining", true}); got != want {
				t.Errorf("%s call in flight: %v, want %v", name, got, want)
			}
		}
		if err := <-w.done; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
		if took := time.Since(begin); took < 7900*time.Millisecond || took > 8500*time.Millisecond {
			t.Errorf("Run() took %v, want that of the last call, 7.9s", took)
		}
	})
}

func TestDrainWithNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, 0, "http://a:1/uppercase", "http://b:2/uppercase")
		w.stop()
		begin := time.Now()
		if err := <-w.done; err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("Run() = %v after %v, want nil after 3s", err, time.Since(begin))
		}
		want := []string{"proxy_to=[http://a:1/uppercase,http://b:2/uppercase]", "msg=HTTP addr=127.0.0.1:8090", ""}
		for i, line := range strings.Split(w.log.String(), "\n") {
			if _, rest, _ := strings.Cut(line, " "); i >= len(want) || rest != want[i] {
				t.Errorf("line %d is %q, want %q", i, line, want[min(i, 2)])
			}
		}
	})
}

func TestShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, time.Hour)
		call := w.pipes.dial(t, postSlow)
		synctest.Wait()
		w.stop()
		begin := time.Now()
		err := <-w.done
		if err == nil || time.Since(begin) < 13*time.Second || time.Since(begin) > 14*time.Second {
			t.Errorf("Run() = %v after %v, want an error after 13s", err, time.Since(begin))
		}
		if call.reply().status == 200 {
			t.Error("the call was answered 200")
		}
	})
}

func TestAbortEndsAtOnce(t *testing.T) {
	for name, after := range map[string]time.Duration{"serving": 0, "draining": time.Second, "shutting down": 4 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := run(t, time.Hour)
				w.pipes.dial(t, postSlow)
				synctest.Wait()
				if after > 0 {
					w.stop()
					time.Sleep(after)
				}
				begin := time.Now()
				close(w.abort)
				if err := <-w.done; err == nil || time.Since(begin) != 0 {
					t.Errorf("Run() = %v after %v, want an error at once", err, time.Since(begin))
				}
				w.stop()
			})
		})
	}
}

func TestNobodyHoldsAConnectionForEver(t *testing.T) {
	tests := []struct {
		name    string
		request string
		status  int
		took    time.Duration
	}{
		{name: "headers that never end", request: "POST /uppercase HTTP/1.1\nHost: x\n", took: 5 * time.Second},
		{name: "a body that never ends", request: "POST /count HTTP/1.1\nHost: x\nContent-Length: 9\n\n{", status: 400, took: 8 * time.Second},
		{name: "a body nobody reads", request: "POST /healthz HTTP/1.1\nHost: x\nContent-Length: 9\n\n{", status: 405, took: 8 * time.Second},
		{name: "no second request", request: getReady, status: 200, took: 2 * time.Minute},
		{name: "headers over 64 KiB", request: "GET /count HTTP/1.1\nHost: x\nX: " + strings.Repeat("x", 80<<10), status: 431, took: 500 * time.Millisecond},
		{name: "OPTIONS *", request: "OPTIONS * HTTP/1.1\nHost: x\nConnection: close\n\n", status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := run(t, 0)
				begin := time.Now()
				c := w.pipes.dial(t, "")
				var sending sync.WaitGroup
				sending.Go(func() { c.send(tt.request) }) // blocks when the server stops reading
				if got := c.reply().status; got != tt.status {
					t.Errorf("status = %d, want %d", got, tt.status)
				}
				if _, err := c.r.ReadByte(); err == nil {
					t.Error("there is more than one reply")
				}
				if took := time.Since(begin); took != tt.took {
					t.Errorf("the connection ended after %v, want %v", took, tt.took)
				}
				_ = c.Close()
				sending.Wait()
				w.stop()
				<-w.done
			})
		})
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var log bytes.Buffer
	err = new(stringsvc.Server).Run(t.Context(), stringsvc.RunParams{
		Addr: l.Addr().String(), Handler: http.NotFoundHandler(), Logger: slog.New(logfmt.NewHandler(&log)), ProxyTo: []string{"x"},
	})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || log.Len() != 0 {
		t.Errorf("Run() = %v, logged %q, want an error that names %s, and no line", err, log.String(), l.Addr())
	}
}
