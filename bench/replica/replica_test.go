package replica_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/replica"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		name   string
		fault  replica.Fault
		status int // 0 = no reply at all
		body   string
		fails  bool
		is     error // what sending or reading must fail with; nil = any
		isNot  error // what it must not; nil = anything
	}{
		{name: "none", status: 200, body: `{"v":"HELLO"}`},
		{name: "slow", fault: replica.Slow(time.Millisecond), status: 200, body: `{"v":"HELLO"}`},
		{name: "broken", fault: replica.Broken, status: 500, body: `{}`},
		{name: "busy", fault: replica.Busy(2 * time.Second), status: 503},
		{name: "page", fault: replica.Page, status: 200, body: `<!doctype html><title>It works!</title>`},
		{name: "reset", fault: replica.Reset, fails: true, isNot: io.EOF},
		{name: "garbage", fault: replica.Garbage, fails: true},
		{name: "cut", fault: replica.Cut, status: 200, body: `{"v":"`, fails: true, is: io.ErrUnexpectedEOF},
		{name: "every other", fault: replica.EveryOther(replica.Reset), fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t)
			r.Set(tt.fault)
			status, body, err := post(t.Context(), r.Addr, `{"s":"hello"}`)
			if status != tt.status || body != tt.body {
				t.Errorf("reply = %d %q, want %d %q", status, body, tt.status, tt.body)
			}
			if (err != nil) != tt.fails || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error = %v, want one: %v, being %v", err, tt.fails, tt.is)
			}
			if tt.isNot != nil && errors.Is(err, tt.isNot) {
				t.Errorf("error = %v, want another", err)
			}
			if n := r.Count(); n != 1 {
				t.Errorf("Count() = %d, want 1", n)
			}
		})
	}
}

func TestEveryOtherAnswersTheSecond(t *testing.T) {
	r := start(t)
	r.Set(replica.EveryOther(replica.Broken))
	for i, want := range []int{500, 200, 500, 200} {
		if status, _, err := post(t.Context(), r.Addr, `{"s":"hello"}`); status != want || err != nil {
			t.Errorf("call %d = %d, %v, want %d", i+1, status, err, want)
		}
	}
}

func TestRecordsWhatCameOverTheWire(t *testing.T) {
	r := start(t)
	if _, _, err := post(t.Context(), r.Addr, `{"s":"x"}`); err != nil {
		t.Fatal(err)
	}
	seen, err := r.Await(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Method != "POST" || seen.Length != 9 || seen.Chunked || seen.Body != `{"s":"x"}` {
		t.Errorf("recorded %+v, want POST of 9 bytes", seen)
	}
	if got := seen.Header.Get("X-Test"); got != "yes" {
		t.Errorf("X-Test = %q, want yes", got)
	}
}

func TestNoticesACallerThatLeaves(t *testing.T) {
	r := start(t)
	r.Set(replica.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := post(ctx, r.Addr, `{"s":"x"}`)
		done <- err
	}()
	seen, err := r.Await(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("post = %v, want the cancel", err)
	}
	wait, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if after, err := seen.Left(wait); err != nil || after <= 0 {
		t.Errorf("Left() = %v, %v, want a time after arrival", after, err)
	}
}

func TestCloseEndsAHang(t *testing.T) {
	r := start(t)
	r.Set(replica.Hang)
	done := make(chan error, 1)
	go func() {
		_, _, err := post(t.Context(), r.Addr, `{"s":"x"}`)
		done <- err
	}()
	if _, err := r.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := <-done; err == nil {
		t.Error("post succeeded, want an error once the replica is closed")
	}
}

func TestAwaitIsBounded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := start(t).Await(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Await() = %v, want the cancel", err)
	}
}

func start(t *testing.T) *replica.Replica {
	t.Helper()
	r, err := replica.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// post returns what was read even when reading ended in an error. The connection is not kept: a reset must not be answered
// by net/http's own second try.
func post(ctx context.Context, addr, body string) (status int, reply string, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/uppercase", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	req.Header.Set("X-Test", "yes")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
