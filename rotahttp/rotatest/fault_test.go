package rotatest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp/rotatest"
)

// hello is a handler that says which replica it answers for.
func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello from "+rotatest.Addr(r)) }

// ask sends a request, and returns the status and the body as far as it came.
func ask(ctx context.Context, rt http.RoundTripper, method, addr, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestFaults(t *testing.T) {
	unavailable := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusServiceUnavailable) })
	tests := []struct {
		name      string
		fault     rotatest.Fault
		status    int
		body      string
		err       error
		text      string // of the error
		took      time.Duration
		calls     int
		cancelled int
	}{
		{name: "none", status: 200, body: "hello from replica-0:80", calls: 1},
		{name: "slow", fault: rotatest.Slow(time.Second), status: 200, body: "hello from replica-0:80", took: time.Second, calls: 1},
		{name: "slower than the caller waits", fault: rotatest.Slow(time.Hour), err: context.DeadlineExceeded, took: time.Minute, calls: 1, cancelled: 1},
		{name: "hang", fault: rotatest.Hang(), err: context.DeadlineExceeded, took: time.Minute, calls: 1, cancelled: 1},
		{name: "status", fault: rotatest.Status(503, "Retry-After", "2"), status: 503, calls: 1},
		{name: "reply", fault: rotatest.Reply(unavailable), status: 503, body: "full\n", calls: 1},
		{name: "slow status", fault: rotatest.Status(500).After(time.Second), status: 500, took: time.Second, calls: 1},
		{name: "reset", fault: rotatest.Reset(), err: syscall.ECONNRESET, calls: 1},
		{name: "late reset", fault: rotatest.Reset().After(time.Second), err: syscall.ECONNRESET, took: time.Second, calls: 1},
		{name: "cut", fault: rotatest.Cut(), status: 200, body: "hello from ", err: io.ErrUnexpectedEOF, calls: 1},
		{name: "garbage", fault: rotatest.Garbage(), text: "malformed HTTP response", calls: 1},
		{name: "refuse", fault: rotatest.Refuse(), err: syscall.ECONNREFUSED},
		{name: "black hole", fault: rotatest.BlackHole(), err: context.DeadlineExceeded, took: time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rs := rotatest.New(t, 1, http.HandlerFunc(hello))
				r := rs.Replica(0)
				r.Set(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				status, body, err := ask(ctx, rs.Transport(), "POST", r.Addr(), "hi")
				took := time.Since(start)
				synctest.Wait()
				if status != test.status || body != test.body {
					t.Errorf("reply = %d %q, want %d %q", status, body, test.status, test.body)
				}
				switch {
				case test.text != "":
					if err == nil || !strings.Contains(err.Error(), test.text) {
						t.Errorf("err = %v, want %s", err, test.text)
					}
				case !errors.Is(err, test.err):
					t.Errorf("err = %v, want %v", err, test.err)
				}
				if took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if r.Calls() != test.calls || r.Cancelled() != test.cancelled || r.Active() != 0 {
					t.Errorf("Calls() = %d, Cancelled() = %d, Active() = %d, want %d, %d, 0",
						r.Calls(), r.Cancelled(), r.Active(), test.calls, test.cancelled)
				}
				if n := rs.InUse(); n != 0 {
					t.Errorf("InUse() = %d, want 0", n)
				}
				r.Heal()
				if status, body, err := ask(t.Context(), rs.Transport(), "GET", r.Addr(), ""); status != 200 || err != nil {
					t.Errorf("healed: %d %q, %v, want 200", status, body, err)
				}
			})
		})
	}
}

// A dial that a black hole swallows is one that certainly reached nobody, as with a real dialer's timeout.
func TestBlackHoleIsADialError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 1, http.HandlerFunc(hello))
		rs.Replica(0).Set(rotatest.BlackHole())
		_, _, err := ask(t.Context(), rs.Transport(), "GET", "replica-0:80", "")
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("err = %v, want a *net.OpError of a dial", err)
		}
	})
}

// A fault that stops connections stops the next request, though an idle connection is at hand.
func TestIdleConnectionsDoNotHideFaults(t *testing.T) {
	for name, fault := range map[string]rotatest.Fault{"refuse": rotatest.Refuse(), "black hole": rotatest.BlackHole()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rs := rotatest.New(t, 1, http.HandlerFunc(hello))
				if _, _, err := ask(t.Context(), rs.Transport(), "GET", "replica-0:80", ""); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				rs.Replica(0).Set(fault)
				if _, _, err := ask(t.Context(), rs.Transport(), "GET", "replica-0:80", ""); err == nil {
					t.Errorf("err = nil, want that of a dial")
				}
				if n := rs.Replica(0).Calls(); n != 1 {
					t.Errorf("Calls() = %d, want 1", n)
				}
			})
		})
	}
}

func TestRefuseCutsOffWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 1, http.HandlerFunc(hello))
		r := rs.Replica(0)
		r.Set(rotatest.Slow(time.Minute))
		time.AfterFunc(time.Second, func() { r.Set(rotatest.Refuse()) })
		start := time.Now()
		_, _, err := ask(t.Context(), rs.Transport(), "POST", r.Addr(), "hi")
		if took := time.Since(start); err == nil || took != time.Second {
			t.Errorf("err = %v after %v, want one after 1s", err, took)
		}
		synctest.Wait()
		if r.Cancelled() != 1 {
			t.Errorf("Cancelled() = %d, want 1", r.Cancelled())
		}
	})
}

// A request keeps the fault that it met.
func TestSetDoesNotTouchWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 1, http.HandlerFunc(hello))
		r := rs.Replica(0)
		r.Set(rotatest.Status(500).After(2 * time.Second))
		time.AfterFunc(time.Second, r.Heal)
		if status, _, err := ask(t.Context(), rs.Transport(), "GET", r.Addr(), ""); status != 500 || err != nil {
			t.Errorf("reply = %d, %v, want 500", status, err)
		}
	})
}

func TestStatusWantsPairs(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Status with a key and no value does not panic")
		}
	}()
	rotatest.Status(503, strings.Fields("Retry-After")...)
}
