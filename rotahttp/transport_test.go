package rotahttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// request returns one to the service.
func request(ctx context.Context, method string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, "http://users/upper", body)
	if err != nil {
		panic(err)
	}
	return req
}

// fetch makes a request and reads the reply.
func fetch(ctx context.Context, rt http.RoundTripper, method, body string) (int, string, error) {
	resp, err := rt.RoundTrip(request(ctx, method, strings.NewReader(body)))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// tracked is a body that tells whether it was closed. It hides what http.NewRequest would know of its Reader.
type tracked struct {
	io.Reader
	closed chan struct{}
}

func track(r io.Reader) *tracked { return &tracked{r, make(chan struct{}, 1)} }

func (b *tracked) Close() error {
	select {
	case b.closed <- struct{}{}:
	default:
	}
	return nil
}

func (b *tracked) wasClosed() bool { return len(b.closed) == 1 }

// The contract of http.RoundTripper, whatever happens: the request is not modified, its body is closed, and there is
// either a reply or an error.
func TestRoundTripperContract(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name   string
		fault  rotatest.Fault
		ctx    context.Context
		length int64 // of the body; -1 = not known
		get    bool  // GetBody is set
		reply  int   // 0 = an error
	}{
		{name: "a stream", length: -1, reply: 200},
		{name: "a known length", length: 7, reply: 200},
		{name: "GetBody", length: 7, get: true, reply: 200},
		{name: "500", fault: rotatest.Status(500), length: 7, reply: 500},
		{name: "500 to a stream", fault: rotatest.Status(500), length: -1, reply: 500},
		{name: "404", fault: rotatest.Status(404), length: 7, get: true, reply: 404},
		{name: "reset", fault: rotatest.Reset(), length: -1},
		{name: "refused", fault: rotatest.Refuse(), length: -1},
		{name: "refused, GetBody", fault: rotatest.Refuse(), length: 7, get: true},
		{name: "hang", fault: rotatest.Hang(), length: 7},
		{name: "left before", ctx: ended, length: -1},
		{name: "left before, a known length", ctx: ended, length: 7},
		{name: "left before, GetBody", ctx: ended, length: 7, get: true},
		{name: "shorter than announced", length: 8},
		{name: "longer than announced", length: 6},
	}
	for _, test := range tests {
		for name, policy := range map[string]rota.Policy{"plain": plain, "timed": timed} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				bubble(t, 2, nil, policy, func(t *testing.T, w *world) {
					for i := range w.Len() {
						w.Replica(i).Set(test.fault)
					}
					ctx := t.Context()
					if test.ctx != nil {
						ctx = test.ctx
					}
					ctx, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					body := track(strings.NewReader(`"hello"`))
					req := request(ctx, "PUT", body)
					req.ContentLength = test.length
					if test.get {
						req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(`"hello"`)), nil }
					}
					req.Header.Set("X-Key", "value")
					before := req.Clone(ctx)
					before.GetBody = nil // funcs are not equal to themselves

					resp, err := w.transport().RoundTrip(req)
					if (resp == nil) != (err != nil) || (resp == nil) != (test.reply == 0) {
						t.Fatalf("RoundTrip() = %v, %v, want status %d", resp, err, test.reply)
					}
					if resp != nil {
						if resp.StatusCode != test.reply || resp.Request != req {
							t.Errorf("reply = %d to %p, want %d to %p", resp.StatusCode, resp.Request, test.reply, req)
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					synctest.Wait()
					if !body.wasClosed() {
						t.Error("the request's body was not closed")
					}
					req.GetBody = nil
					if !reflect.DeepEqual(req, before) {
						t.Errorf("the request was modified:\n got %+v\nwant %+v", req, before)
					}
				})
			})
		}
	}
}

// Every attempt gets the whole body, if that can be had again.
func TestBodyIsReplayed(t *testing.T) {
	text := strings.Repeat("0123456789", 100)
	tests := []struct {
		name      string
		known     bool
		getBody   bool
		maxReplay int64
		want      []int // requests at the replicas
	}{
		{name: "from memory", known: true, want: []int{1, 1}},
		{name: "through GetBody", known: true, getBody: true, maxReplay: -1, want: []int{1, 1}},
		{name: "through GetBody, of a length that is not known", getBody: true, want: []int{1, 1}},
		{name: "just short enough", known: true, maxReplay: 1000, want: []int{1, 1}},
		{name: "too long for the memory", known: true, maxReplay: 999, want: []int{1, 0}},
		{name: "nothing is kept", known: true, maxReplay: -1, want: []int{1, 0}},
		{name: "a stream", want: []int{1, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
				got := make([]string, 2)
				for i, fault := range []int{500, 201} {
					w.Replica(i).Set(rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						b, _ := io.ReadAll(r.Body)
						got[i] = string(b)
						rw.WriteHeader(fault)
					})))
				}
				rt := w.transport()
				rt.MaxReplay = test.maxReplay
				req := request(t.Context(), "PUT", track(strings.NewReader(text)))
				if test.known {
					req.ContentLength = int64(len(text))
				}
				if test.getBody {
					req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if calls := w.calls(); !slices.Equal(calls, test.want) {
					t.Errorf("the replicas saw %v requests, want %v", calls, test.want)
				}
				for i, n := range test.want {
					if n > 0 && got[i] != text {
						t.Errorf("replica %d read %d bytes, want %d", i, len(got[i]), len(text))
					}
				}
			})
		})
	}
}

// A request with a body that cannot be had again is repeated for as long as nobody has touched the body.
func TestStreamIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 2, http.HandlerFunc(upper))
		client, err := rota.New(rota.Config{
			Resolver: append(rota.StaticAddrs("ftp://nobody"), rs.Resolver()...), Policy: plain, Balancer: rota.RoundRobinFrom(0),
		})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Replicas: rs, client: client}
		defer w.check(t)
		rs.Replica(0).Set(rotatest.Cut())
		resp, err := w.transport().RoundTrip(request(t.Context(), "PUT", track(strings.NewReader(`"hello"`))))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("err = %v, want that of the body", err)
		}
		if got := w.calls(); !slices.Equal(got, []int{1, 0}) {
			t.Errorf("the replicas saw %v requests, want one at replica 0", got)
		}
	})
}

func TestMayRepeat(t *testing.T) {
	tests := []struct {
		name, method, header string
		may, want            bool
	}{
		{name: "GET", method: "GET", want: true},
		{name: "POST", method: "POST"},
		{name: "PATCH", method: "PATCH"},
		{name: "MayRepeat", method: "POST", may: true, want: true},
		{name: "a key", method: "POST", header: "Idempotency-Key", want: true},
		{name: "its older name", method: "PATCH", header: "X-Idempotency-Key", want: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(rotatest.Status(500))
				ctx := t.Context()
				if test.may {
					ctx = rotahttp.MayRepeat(ctx)
				}
				req := request(ctx, test.method, bytes.NewReader([]byte(`"hello"`)))
				if test.header != "" {
					req.Header.Set(test.header, "key")
				}
				resp, err := w.transport().RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if repeated := resp.StatusCode == 200; repeated != test.want {
					t.Errorf("status %d, requests %v, want repeated = %t", resp.StatusCode, w.calls(), test.want)
				}
			})
		})
	}
}

// A body that fails is the caller's doing: it ends the call, and no replica is blamed.
func TestBodyFails(t *testing.T) {
	gone := errors.New("the file is gone")
	tests := []struct {
		name string
		body io.Reader
		get  func() (io.ReadCloser, error)
	}{
		{name: "in GetBody", body: strings.NewReader(strings.Repeat(" ", 100<<10)), get: func() (io.ReadCloser, error) { return nil, gone }},
		{name: "in Read", body: iotest.ErrReader(gone)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(rotatest.Refuse())
				req := request(t.Context(), "PUT", track(test.body))
				req.ContentLength, req.GetBody = 7, test.get
				if test.get != nil {
					req.ContentLength = 100 << 10
				}
				if resp, err := w.transport().RoundTrip(req); !errors.Is(err, gone) {
					t.Errorf("RoundTrip() = %v, %v, want %v", resp, err, gone)
				}
				if n := w.node(1).Attempts; n.Failure+n.Overload != 0 || w.Replica(1).Calls() != 0 {
					t.Errorf("replica 1 is blamed: %+v", n)
				}
			})
		})
	}
}

// A body that can be sent once is sent elsewhere if nobody has read of it, and closed once in any case.
func TestOneBodyGoesElsewhereUnread(t *testing.T) {
	bubble(t, 3, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }, plain, func(t *testing.T, w *world) {
		w.Replica(0).Set(rotatest.Refuse())
		w.Replica(1).Set(rotatest.Refuse())
		body := track(strings.NewReader("hello"))
		req := request(t.Context(), "POST", nil)
		req.Body, req.ContentLength = body, -1
		resp, err := w.transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != "hello" || err != nil || !body.wasClosed() {
			t.Errorf("the replica got %q, %v; closed %t", got, err, body.wasClosed())
		}
	})
	bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
		w.Replica(0).Set(rotatest.Refuse())
		w.Replica(1).Set(rotatest.Refuse())
		body := track(strings.NewReader("hello"))
		req := request(t.Context(), "POST", nil)
		req.Body, req.ContentLength = body, -1
		if _, err := w.transport().RoundTrip(req); err == nil || !body.wasClosed() {
			t.Errorf("err = %v, closed %t; want an error, and the body closed", err, body.wasClosed())
		}
	})
}

// Reading a body that is to be kept in memory ends with the request's context.
func TestReadingABodyEndsWithTheContext(t *testing.T) {
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		silent, end := io.Pipe()
		defer end.Close()
		req := request(ctx, "POST", silent)
		req.ContentLength = 7
		start := time.Now()
		_, err := w.transport().RoundTrip(req)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("err = %v after %v, want the deadline's after 1s", err, took)
		}
	})
}
