package rotahttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// drivers are policies that make the core drive a call in its two ways.
var drivers = []struct {
	name   string
	policy rota.Policy
}{{"plain", plain}, {"timed", timed}}

// When all attempts fail, the caller sees the last reply that there was, with its body.
func TestLastReplyIsReturned(t *testing.T) {
	full := func(code int) rotatest.Fault {
		return rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "full "+rotatest.Addr(r), code) }))
	}
	tests := []struct {
		name   string
		faults [3]rotatest.Fault
		status int
		body   string
	}{
		{"all reply", [3]rotatest.Fault{full(500), full(503), full(502)}, 502, "full replica-2:80\n"},
		{"the last alone", [3]rotatest.Fault{rotatest.Reset(), rotatest.Garbage(), full(502)}, 502, "full replica-2:80\n"},
		{"the first alone", [3]rotatest.Fault{full(503), rotatest.Refuse(), rotatest.Reset()}, 503, "full replica-0:80\n"},
	}
	for _, test := range tests {
		for _, driver := range drivers {
			t.Run(test.name+"/"+driver.name, func(t *testing.T) {
				bubble(t, 3, nil, driver.policy, func(t *testing.T, w *world) {
					for i, f := range test.faults {
						w.Replica(i).Set(f)
					}
					status, body, err := fetch(t.Context(), w.transport(), "GET", "")
					if status != test.status || body != test.body || err != nil {
						t.Errorf("reply = %d %q, %v, want %d %q", status, body, err, test.status, test.body)
					}
				})
			})
		}
	}
}

// A reply is worth nothing to a caller who has left: it could not be read.
func TestNoReplyAfterTheContextHasEnded(t *testing.T) {
	bubble(t, 2, nil, timed, func(t *testing.T, w *world) {
		w.Replica(0).Set(rotatest.Status(503))
		w.Replica(1).Set(rotatest.Hang())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		status, _, err := fetch(ctx, w.transport(), "GET", "")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("reply = %d, %v, want the deadline's error", status, err)
		}
	})
}

// An attempt whose reply is a stream is in flight until the stream's end, and its context lives as long: the policy's
// times end with the headers.
func TestStreamedReply(t *testing.T) {
	const chunk, chunks = 256 << 10, 8
	slow := rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range chunks {
			io.WriteString(w, strings.Repeat("x", chunk))
			http.NewResponseController(w).Flush()
			time.Sleep(time.Second)
		}
	}))
	policies := map[string]rota.Policy{
		"plain": plain, "timed": timed, "with a timeout alone": {Timeout: time.Second / 2},
		"hedged": {Hedge: &rota.Hedge{}}, "with a try timeout": {Retry: &rota.Retry{TryTimeout: time.Second / 2}},
	}
	for name, policy := range policies {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				bubble(t, 2, nil, policy, func(t *testing.T, w *world) {
					w.Replica(0).Set(slow)
					start := time.Now()
					resp, err := w.transport().RoundTrip(request(t.Context(), method, nil))
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					if took := time.Since(start); took != 0 {
						t.Errorf("the headers took %v", took)
					}
					if n := w.node(0); n.InFlight != 1 || n.Attempts.Success != 0 {
						t.Errorf("at the headers %d are in flight, %d have ended, want 1 and 0", n.InFlight, n.Attempts.Success)
					}
					n, err := io.Copy(io.Discard, resp.Body)
					if took := time.Since(start); n != chunk*chunks || err != nil || took != chunks*time.Second {
						t.Errorf("read %d bytes, %v after %v, want %d after %ds", n, err, took, chunk*chunks, chunks)
					}
					if n := w.node(0); n.InFlight != 0 || n.Attempts.Success != 1 {
						t.Errorf("at the end %d are in flight, %d have ended, want 0 and 1", n.InFlight, n.Attempts.Success)
					}
				})
			})
		}
	}
}

// How the body of a reply ends is how the attempt ends.
func TestEndOfTheBody(t *testing.T) {
	half := func(rw http.ResponseWriter) {
		io.WriteString(rw, "half")
		http.NewResponseController(rw).Flush()
	}
	hang := rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		half(rw)
		<-r.Context().Done()
	}))
	abort := rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		half(rw)
		panic(http.ErrAbortHandler)
	}))
	left := errors.New("the caller has had enough")
	tests := []struct {
		name  string
		fault rotatest.Fault
		read  func(body io.ReadCloser, cancel context.CancelCauseFunc) error
		want  rota.VerdictCounts
		err   error
	}{
		{"read to its end", body("whole"), readAll, rota.VerdictCounts{Success: 1}, nil},
		{"no body", rotatest.Status(204), readAll, rota.VerdictCounts{Success: 1}, nil},
		{"closed early", hang, func(b io.ReadCloser, _ context.CancelCauseFunc) error { return b.Close() },
			rota.VerdictCounts{Success: 1}, nil},
		{"closed twice", hang, func(b io.ReadCloser, _ context.CancelCauseFunc) error {
			b.Close()
			b.Close()
			return nil
		}, rota.VerdictCounts{Success: 1}, nil},
		{"cut off", abort, readAll, rota.VerdictCounts{Failure: 1}, io.ErrUnexpectedEOF},
		{"the caller leaves", hang, func(b io.ReadCloser, cancel context.CancelCauseFunc) error {
			time.AfterFunc(time.Second, func() { cancel(nil) })
			return readAll(b, cancel)
		}, rota.VerdictCounts{Ignored: 1}, context.Canceled},
		{"the caller leaves and says why", hang, func(b io.ReadCloser, cancel context.CancelCauseFunc) error {
			time.AfterFunc(time.Second, func() { cancel(left) })
			return readAll(b, cancel)
		}, rota.VerdictCounts{Ignored: 1}, left},
		{"the caller's time is up", hang, func(b io.ReadCloser, cancel context.CancelCauseFunc) error {
			time.AfterFunc(time.Second, func() { cancel(context.DeadlineExceeded) })
			return readAll(b, cancel)
		}, rota.VerdictCounts{Ignored: 1}, context.DeadlineExceeded},
	}
	policies := map[string]rota.Policy{"plain": plain, "hedged": {Hedge: &rota.Hedge{}, Retry: &rota.Retry{}, Breaker: &rota.Breaker{}}}
	for _, test := range tests {
		for name, policy := range policies {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				bubble(t, 1, nil, policy, func(t *testing.T, w *world) {
					w.Replica(0).Set(test.fault)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					resp, err := w.transport().RoundTrip(request(ctx, "GET", nil))
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					if err := test.read(resp.Body, cancel); !errors.Is(err, test.err) {
						t.Errorf("err = %v, want %v", err, test.err)
					}
					if n := w.node(0); n.InFlight != 0 || n.Attempts != test.want {
						t.Errorf("%d in flight, ended %+v, want 0 and %+v", n.InFlight, n.Attempts, test.want)
					}
					if s := w.client.Stats(); s.Calls.Succeeded != 1 {
						t.Errorf("Calls = %+v, want the call to be a success since its headers", s.Calls)
					}
				})
			})
		}
	}
}

func readAll(b io.ReadCloser, _ context.CancelCauseFunc) error {
	_, err := io.ReadAll(b)
	return err
}

// A connection that a reply has turned into something else is written to through the reply's body.
func TestUpgrade(t *testing.T) {
	echo := rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(conn, buf) // until the other side ends its half
		fmt.Fprint(conn, "bye\n")
	}))
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			bubble(t, 2, nil, driver.policy, func(t *testing.T, w *world) {
				w.Replica(0).Set(echo)
				req := request(t.Context(), "GET", nil)
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "echo")
				resp, err := w.transport().RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				conn, ok := resp.Body.(io.ReadWriteCloser)
				if resp.StatusCode != 101 || !ok {
					t.Fatalf("reply = %d with a body of %T, want 101 and one to write to", resp.StatusCode, resp.Body)
				}
				lines := bufio.NewReader(conn)
				for _, want := range []string{"hello\n", "again\n"} {
					fmt.Fprint(conn, want)
					if got, err := lines.ReadString('\n'); got != want || err != nil {
						t.Errorf("read %q, %v, want %q", got, err, want)
					}
				}
				if n := w.node(0); n.InFlight != 1 {
					t.Errorf("%d are in flight, want 1", n.InFlight)
				}
				if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
					t.Errorf("CloseWrite() = %v", err)
				}
				if rest, err := io.ReadAll(lines); string(rest) != "bye\n" || err != nil {
					t.Errorf("read %q, %v, want bye", rest, err)
				}
				resp.Body.Close()
				synctest.Wait()
				if n := w.node(0); n.InFlight != 0 || n.Attempts.Success != 1 {
					t.Errorf("%d are in flight, %+v, want one success", n.InFlight, n.Attempts)
				}
			})
		})
	}
}

// A reply that is dropped for another attempt gives its connection back, however its body goes on.
func TestDroppedReplies(t *testing.T) {
	endless := rotatest.Reply(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(500)
		for r.Context().Err() == nil {
			io.WriteString(rw, strings.Repeat("x", 1<<10))
			http.NewResponseController(rw).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			bubble(t, 3, nil, driver.policy, func(t *testing.T, w *world) {
				w.Replica(0).Set(endless)
				w.Replica(1).Set(body500(strings.Repeat("x", 1<<20)))
				start := time.Now()
				if status, _, err := fetch(t.Context(), w.transport(), "GET", ""); status != 200 || err != nil {
					t.Errorf("reply = %d, %v, want 200", status, err)
				}
				if took := time.Since(start); took > 60*time.Millisecond {
					t.Errorf("took %v, want the dropped replies not to hold the call up", took)
				}
			})
		})
	}
}

func body500(s string) rotatest.Fault {
	return rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		io.WriteString(w, s)
	}))
}
