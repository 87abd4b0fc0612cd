package rotahttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

func TestEndpointSendsAndReceives(t *testing.T) {
	type in struct{ Name string }
	type out struct {
		Greeting string
		Nothing  *int
	}
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		w.Replica(0).Set(body(`{"greeting":"hello ann","unknown":1}`))
		e := rotahttp.JSON[in, out](w.client, "", "/greet")
		e.HTTP = w.Transport()
		got, err := e.Call(t.Context(), in{"ann"})
		if want := (out{Greeting: "hello ann"}); got != want || err != nil {
			t.Errorf("Call() = %v, %v, want %v", got, err, want)
		}
		seen := w.Replica(0).Seen()[0]
		if seen.Method != "POST" || seen.URI != "/greet" || seen.Host != "replica-0:80" || string(seen.Body) != `{"Name":"ann"}` ||
			seen.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the replica saw %+v", seen)
		}
	})
}

// What a request is made of.
func TestEndpointRequest(t *testing.T) {
	tests := []struct {
		name, method, path, contentType, body string
		want                                  rotatest.Request
	}{
		{name: "no body", method: "GET", path: "/a",
			want: rotatest.Request{Method: "GET", URI: "/a", Header: http.Header{"Content-Length": nil, "Content-Type": nil}}},
		{name: "no body in a POST", path: "/a",
			want: rotatest.Request{Method: "POST", URI: "/a", Header: http.Header{"Content-Length": {"0"}, "Content-Type": nil}}},
		{name: "a body in a GET", method: "GET", path: "/a", body: "x",
			want: rotatest.Request{Method: "GET", URI: "/a", Header: http.Header{"Content-Length": {"1"}, "Content-Type": {"application/json"}}}},
		{name: "another type", contentType: "text/csv", body: "x", path: "/a",
			want: rotatest.Request{Method: "POST", URI: "/a", Header: http.Header{"Content-Type": {"text/csv"}}}},
		{name: "no path", body: "x", want: rotatest.Request{Method: "POST", URI: "/"}},
		{name: "a path without a slash", path: "a/b", body: "x", want: rotatest.Request{Method: "POST", URI: "/a/b"}},
		{name: "a path to be escaped", path: "/a b?c", body: "x", want: rotatest.Request{Method: "POST", URI: "/a%20b%3Fc"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(body("ok"))
				e := &rotahttp.Endpoint[string, string]{
					Client: w.client, HTTP: w.Transport(), Method: test.method, Path: test.path, ContentType: test.contentType,
					Encode: func(s string) ([]byte, error) { return []byte(s), nil },
					Decode: func(r rotahttp.Reply) (string, error) { return string(r.Body), nil },
				}
				if got, err := e.Call(t.Context(), test.body); got != "ok" || err != nil {
					t.Fatalf("Call() = %q, %v, want ok", got, err)
				}
				seen := w.Replica(0).Seen()[0]
				if seen.Method != test.want.Method || seen.URI != test.want.URI || string(seen.Body) != test.body {
					t.Errorf("the replica saw %s %s %q, want %s %s %q", seen.Method, seen.URI, seen.Body, test.want.Method, test.want.URI, test.body)
				}
				for key, want := range test.want.Header {
					if got := seen.Header[key]; !slices.Equal(got, want) {
						t.Errorf("%s = %q, want %q", key, got, want)
					}
				}
			})
		})
	}
}

// What a replica refuses, others would refuse as well, and it says nothing against the replica.
func TestEndpointRefusedByTheReplica(t *testing.T) {
	for _, code := range []int{301, 400, 401, 404, 409, 422} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				for i := range w.Len() {
					w.Replica(i).Set(rotatest.Status(code))
				}
				for i := range 30 {
					_, err := w.endpoint("GET").Call(t.Context(), "")
					status, ok := errors.AsType[*rotahttp.StatusError](err)
					if !ok || status.Code != code {
						t.Fatalf("Call() = %v, want a *StatusError of %d", err, code)
					}
					if got := w.Replica(0).Calls() + w.Replica(1).Calls() + w.Replica(2).Calls(); got != i+1 {
						t.Fatalf("%d calls took %d attempts", i+1, got)
					}
				}
				if n := w.node(0); n.Attempts.Failure+n.Attempts.Overload > 0 || n.Breaker != "closed" {
					t.Errorf("the node was hurt: %+v", n)
				}
			})
		})
	}
}

// bad are the ways of a replica to fail one attempt, with what is found in the error.
var bad = []struct {
	name   string
	fault  rotatest.Fault
	is     error
	status int
	text   string
	unsent bool
}{
	{name: "500", fault: rotatest.Status(500), status: 500},
	{name: "503", fault: rotatest.Status(503), status: 503},
	{name: "429", fault: rotatest.Status(429), status: 429},
	{name: "508", fault: rotatest.Status(508), status: 508},
	{name: "cut", fault: rotatest.Cut(), is: io.ErrUnexpectedEOF},
	{name: "garbage", fault: rotatest.Garbage(), text: "malformed HTTP response"},
	{name: "reset", fault: rotatest.Reset(), is: syscall.ECONNRESET},
	{name: "refused", fault: rotatest.Refuse(), is: syscall.ECONNREFUSED, unsent: true},
	{name: "black hole", fault: rotatest.BlackHole(), is: context.DeadlineExceeded, unsent: true},
	{name: "too long", fault: body(`"` + strings.Repeat("x", 1000) + `"`), is: rotahttp.ErrReplyTooLong},
	{name: "undecodable", fault: body(`"hel`), is: rotahttp.ErrUndecodable},
	{name: "something after the value", fault: body(`"hello" "you"`), is: rotahttp.ErrUndecodable},
	{name: "empty", fault: body(""), is: rotahttp.ErrUndecodable},
}

func TestEndpointTriesElsewhere(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(test.fault)
				e := w.endpoint("GET")
				e.MaxReply = 1000
				got, err := e.Call(t.Context(), "hello")
				if want := "HELLO from replica-1:80"; got != want || err != nil {
					t.Errorf("Call() = %q, %v, want %q", got, err, want)
				}
				if s := w.client.Stats(); s.Retries != 1 || s.Calls.Succeeded != 1 || s.Calls.Failed != 0 {
					t.Errorf("Stats() = %+v, want one retry and one success", s)
				}
				if n := w.node(0).Attempts; n.Failure+n.Overload != 1 {
					t.Errorf("replica 0 has %+v, want one failure", n)
				}
			})
		})
	}
}

func TestEndpointErrorTellsOfEveryAttempt(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(test.fault)
				w.Replica(1).Set(rotatest.Status(502))
				w.Replica(2).Set(rotatest.Cut())
				e := w.endpoint("GET")
				e.MaxReply = 1000
				got, err := e.Call(t.Context(), "hello")
				call, ok := errors.AsType[*rota.CallError](err)
				if !ok || got != "" {
					t.Fatalf("Call() = %q, %v, want a *CallError", got, err)
				}
				if len(call.Attempts) != 3 {
					t.Fatalf("err = %v, want three attempts", err)
				}
				for i, a := range call.Attempts {
					if want := w.Replica(i).Addr(); a.Instance.Addr != want || !strings.Contains(err.Error(), want) {
						t.Errorf("attempt %d went to %s, want %s, and the text to say so: %v", i+1, a.Instance.Addr, want, err)
					}
				}
				if test.is != nil && !errors.Is(err, test.is) || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("err = %v, want %v and %v in it", err, test.is, io.ErrUnexpectedEOF)
				}
				status, _ := errors.AsType[*rotahttp.StatusError](call.Attempts[0].Err)
				if test.status != 0 && (status == nil || status.Code != test.status) {
					t.Errorf("attempt 1: %v, want status %d", call.Attempts[0].Err, test.status)
				}
				if first := call.Attempts[0].Err.Error(); !strings.Contains(first, test.text) {
					t.Errorf("attempt 1: %v, want %q in it", first, test.text)
				}
			})
		})
	}
}

// A request that may not be repeated is sent again only if it certainly did not arrive.
func TestEndpointSendsOnceWhatIsNotIdempotent(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 3, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(test.fault)
				e := w.endpoint("POST")
				e.MaxReply = 1000
				_, err := e.Call(t.Context(), "hello")
				want := []int{1, 0, 0}
				if test.unsent {
					want = []int{0, 1, 0}
				}
				if got := w.calls(); !slices.Equal(got, want) {
					t.Errorf("the replicas saw %v requests, want %v", got, want)
				}
				if test.unsent && err != nil || !test.unsent && !errors.Is(err, rota.ErrNotIdempotent) {
					t.Errorf("err = %v, unsent = %t", err, test.unsent)
				}
			})
		})
	}
}

func TestEndpointIdempotentIsRepeated(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH"} {
		for _, idempotent := range []bool{false, true} {
			t.Run(fmt.Sprint(method, idempotent), func(t *testing.T) {
				bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
					w.Replica(0).Set(rotatest.Status(500))
					e := w.endpoint(method)
					e.Idempotent = idempotent
					e.Decode = func(rotahttp.Reply) (string, error) { return "", nil } // to HEAD there is no body
					_, err := e.Call(t.Context(), "hello")
					repeated := w.Replica(1).Calls() == 1
					if want := idempotent || method != "POST" && method != "PATCH"; repeated != want || (err == nil) != want {
						t.Errorf("repeated = %t, err = %v, want %t", repeated, err, want)
					}
				})
			})
		}
	}
}

func TestEndpointMaxReply(t *testing.T) {
	tests := []struct {
		name string
		max  int64
		size int
		ok   bool
	}{
		{"at the limit", 100, 100, true},
		{"over it", 100, 101, false},
		{"default", 0, 4 << 20, true},
		{"over the default", 0, 4<<20 + 1, false},
		{"no limit", math.MaxInt64, 5 << 20, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
				w.Replica(0).Set(body(`"` + strings.Repeat("x", test.size-2) + `"`))
				e := w.endpoint("GET")
				e.MaxReply = test.max
				got, err := e.Call(t.Context(), "")
				if test.ok && (err != nil || len(got) != test.size-2) || !test.ok && !errors.Is(err, rotahttp.ErrReplyTooLong) {
					t.Errorf("Call() = %d bytes, %v, want ok = %t", len(got), err, test.ok)
				}
			})
		})
	}
}

func TestEndpointClassify(t *testing.T) {
	bubble(t, 2, nil, plain, func(t *testing.T, w *world) {
		w.Replica(0).Set(body(`"busy"`))
		e := w.endpoint("GET")
		e.Classify = func(r rotahttp.Reply, o rota.Outcome) rota.Outcome {
			if string(r.Body) == `"busy"` {
				return rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Second, Err: errors.New("busy")}
			}
			return o
		}
		if got, err := e.Call(t.Context(), "hello"); got != "HELLO from replica-1:80" || err != nil {
			t.Errorf("Call() = %q, %v, want the answer of replica 1", got, err)
		}
		if n := w.node(0).Attempts; n.Overload != 1 {
			t.Errorf("replica 0 has %+v, want one overload", n)
		}
	})
}

// An answer that Classify calls a success is one, whatever error comes with it.
func TestEndpointClassifyForgives(t *testing.T) {
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		w.Replica(0).Set(rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "1")
			io.WriteString(rw, `"later"`)
		})))
		e := w.endpoint("GET")
		e.Classify = func(_ rotahttp.Reply, o rota.Outcome) rota.Outcome {
			o.Err = errors.New("not as fresh as it could be")
			return o
		}
		if got, err := e.Call(t.Context(), "hello"); got != "later" || err != nil {
			t.Errorf("Call() = %q, %v, want later", got, err)
		}
	})
}

// A panic of the caller's own code reaches the caller, and leaves nothing behind.
func TestPanicsReachTheCaller(t *testing.T) {
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			bubble(t, 2, nil, driver.policy, func(t *testing.T, w *world) {
				defer func() {
					if v := recover(); v != "no such thing" {
						t.Errorf("recover() = %v, want the panic of Decode", v)
					}
				}()
				e := w.endpoint("GET")
				e.Decode = func(rotahttp.Reply) (string, error) { panic("no such thing") }
				e.Call(t.Context(), "hello")
			})
		})
	}
}

func TestEndpointEncodeFails(t *testing.T) {
	bubble(t, 1, nil, plain, func(t *testing.T, w *world) {
		e := rotahttp.JSON[chan int, string](w.client, "", "")
		e.HTTP = w.Transport()
		if _, err := e.Call(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "encode request: ") {
			t.Errorf("err = %v, want one of the encoder", err)
		}
		if n := w.Replica(0).Calls(); n != 0 {
			t.Errorf("the replica saw %d requests, want none", n)
		}
	})
}
