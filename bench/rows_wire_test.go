//go:build integration

package bench_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/replica"
)

// unhurried makes our front wait, so that only the caller can end the call.
var unhurried = []string{"-max-time=15s", "-try-time=15s", "-hedge=false"}

// callerLeaves: the context of the remote call was made at start, so only lb.Retry's own 250 ms end it.
func callerLeaves(t *testing.T, b binaries) (string, string) {
	list, addrs := replicas(t, 1)
	list[0].Set(replica.Hang)
	kit, ours := b.both(t, addrs, unhurried...)
	noticed := func(f *front) time.Duration {
		ctx, hangUp := context.WithCancel(t.Context())
		defer hangUp()
		done := make(chan answer, 1)
		before := list[0].Count()
		go func() { done <- f.send(ctx, `{"s":"hello"}`, nil) }()
		seen, err := list[0].Await(patient(t), before+1)
		if err != nil {
			t.Fatal(err)
		}
		hangUp()
		<-done
		after, err := seen.Left(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		return after
	}
	k, o := noticed(kit), noticed(ours)
	if k < 100*time.Millisecond {
		t.Errorf("go-kit's replica was let go after %v, want only its own 250 ms to end the call", k)
	}
	if o > 5*time.Second {
		t.Errorf("our replica was let go after %v, want at once", o)
	}
	return fmt.Sprintf("replica works on for %v", k.Round(time.Millisecond)), fmt.Sprintf("replica let go after %.1fms", ms(o))
}

// callerDeadline: for want of the caller's context, no deadline gets through either; and the tutorial has no header for one.
func callerDeadline(t *testing.T, b binaries) (string, string) {
	const deadline = 60
	list, addrs := replicas(t, 1)
	list[0].Set(replica.Hang)
	kit, ours := b.both(t, addrs)
	told := func(f *front) (string, answer) {
		before := list[0].Count()
		a := f.send(t.Context(), `{"s":"hello"}`, map[string]string{"Rota-Timeout-Ms": strconv.Itoa(deadline)})
		seen, err := list[0].Await(patient(t), before+1)
		if err != nil {
			t.Fatal(err)
		}
		return seen.Header.Get("Rota-Timeout-Ms"), a
	}
	kitTold, k := told(kit)
	if kitTold != "" || k.took < 200*time.Millisecond {
		t.Errorf("go-kit told its replica %q and answered after %v, want nothing and 250 ms", kitTold, k.took)
	}
	ourTold, o := told(ours)
	if left, err := strconv.Atoi(ourTold); err != nil || left < 1 || left > deadline {
		t.Errorf("ours told the replica %q, want what is left of %d ms", ourTold, deadline)
	}
	if o.status != 504 || o.took < deadline*time.Millisecond {
		t.Errorf("ours answered %v after %v, want 504 after %d ms", o, o.took, deadline)
	}
	return fmt.Sprintf("replica told nothing; answer after %.0fms", ms(k.took)),
		fmt.Sprintf("replica told %sms; %d after %.0fms", ourTold, o.status, ms(o.took))
}

// tracePassed: headers of the incoming request end with it.
func tracePassed(t *testing.T, b binaries) (string, string) {
	sent := map[string]string{
		"Traceparent":  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"X-Request-Id": "order-66",
	}
	list, addrs := replicas(t, 1)
	kit, ours := b.both(t, addrs)
	passed := func(f *front) (names []string) {
		before := list[0].Count()
		if a := f.send(t.Context(), `{"s":"hello"}`, sent); !a.right() {
			t.Fatalf("answer = %v, want HELLO", a)
		}
		seen := list[0].Requests()[before]
		for k, v := range sent {
			if seen.Header.Get(k) == v {
				names = append(names, k)
			}
		}
		return names
	}
	if k := passed(kit); len(k) != 0 {
		t.Errorf("go-kit passed on %v, want none", k)
	}
	if o := passed(ours); len(o) != len(sent) {
		t.Errorf("ours passed on %v, want all of %v", o, sent)
	}
	return "dropped", "passed unchanged"
}

// method: proxies may drop the body of a GET.
func method(t *testing.T, b binaries) (string, string) {
	k, o := requests(t, b)
	if k.Method != "GET" || o.Method != "POST" {
		t.Errorf("methods = %s and %s, want go-kit's GET and our POST", k.Method, o.Method)
	}
	return k.Method + " with a body", o.Method
}

// bodyLength: a body without length or GetBody goes out chunked, and net/http cannot repeat it when a kept connection is dead.
func bodyLength(t *testing.T, b binaries) (string, string) {
	k, o := requests(t, b)
	if !k.Chunked || k.Length != -1 {
		t.Errorf("go-kit: chunked %v, length %d; want chunks and no length", k.Chunked, k.Length)
	}
	if o.Chunked || o.Length != int64(len(o.Body)) {
		t.Errorf("ours: chunked %v, length %d; want the length, %d", o.Chunked, o.Length, len(o.Body))
	}
	return "chunked, no Content-Length", fmt.Sprintf("Content-Length: %d", o.Length)
}

// requests returns what the replica got from each front.
func requests(t *testing.T, b binaries) (kit, ours *replica.Request) {
	t.Helper()
	list, addrs := replicas(t, 1)
	k, o := b.both(t, addrs)
	for _, f := range []*front{k, o} {
		if a := f.call(t); !a.right() {
			t.Fatalf("answer = %v, want HELLO", a)
		}
	}
	seen := list[0].Requests()
	if len(seen) != 2 {
		t.Fatalf("replica got %d requests, want 2", len(seen))
	}
	return seen[0], seen[1]
}

// httpName: a name that starts with http is not yet a URL. No such host need exist: the answers tell who tried to find it.
func httpName(t *testing.T, b binaries) (string, string) {
	kit, ours := b.both(t, []string{"httpd:8080"})
	k, o := kit.call(t), ours.call(t)
	if !strings.Contains(k.Err, `unsupported protocol scheme "httpd"`) {
		t.Errorf("go-kit answered %v, want the scheme httpd", k)
	}
	if o.status < 502 || strings.Contains(o.text, "protocol scheme") || !strings.Contains(o.text, "httpd:8080") {
		t.Errorf("ours answered %v, want to read that the host httpd was tried", o)
	}
	return `unsupported protocol scheme "httpd"`, "taken as host and port"
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
