//go:build integration

package bench_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/replica"
)

// emptyEntry: the tutorial keeps it as a replica without a host, chosen as often as the others.
func emptyEntry(t *testing.T, b binaries) (string, string) {
	const noHost = "no Host in request URL"
	_, addrs := replicas(t, 1)
	list := addrs[0] + ",,,"
	kit := start(t, b.kit, "-proxy="+list)
	bad := wrong(kit.calls(t, 4))
	if len(bad) != 2 || !strings.Contains(bad[0].Err, noHost) {
		t.Errorf("go-kit failed %v of 4, want every second for want of a host", bad)
	}
	refused(t, b, list, "empty")
	return "accepted; then: " + noHost, "start-up error, status 2"
}

// duplicate: the tutorial builds the client twice, and the replica gets two shares.
func duplicate(t *testing.T, b binaries) (string, string) {
	const n = 12
	list, addrs := replicas(t, 2)
	kit := start(t, b.kit, "-proxy="+strings.Join([]string{addrs[0], "http://" + addrs[0] + "/uppercase", addrs[1]}, ","))
	if bad := wrong(kit.calls(t, n)); len(bad) > 0 {
		t.Errorf("go-kit failed %v, want none", tailOf(bad))
	}
	if got := list[0].Count(); got != n*2/3 {
		t.Errorf("go-kit sent %d of %d calls to the replica listed twice, want %d", got, n, n*2/3)
	}
	refused(t, b, addrs[0]+", http://"+addrs[0]+"/uppercase,"+addrs[1], addrs[0])
	return fmt.Sprintf("accepted; gets %d of %d calls", list[0].Count(), n), "start-up error, status 2"
}

// refused fails unless our front refuses to start with this -proxy: status 2, and an error that says why.
func refused(t *testing.T, b binaries, list, says string) {
	t.Helper()
	addr, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	status, stderr, err := proc.Run(patient(t), b.ours, "-listen="+addr, "-proxy="+list)
	if err != nil {
		t.Fatal(err)
	}
	if status != 2 || !strings.Contains(stderr, says) {
		t.Errorf("ours with -proxy=%s ended with status %d, saying %q; want 2, naming %q", list, status, stderr, says)
	}
}

// shutdown: nothing in the tutorial listens for a signal.
func shutdown(t *testing.T, b binaries) (string, string) {
	list, addrs := replicas(t, 1)
	list[0].Set(replica.Slow(200 * time.Millisecond))
	kit, ours := b.both(t, addrs, unhurried...)
	during := func(f *front) (answer, error) {
		before := list[0].Count()
		done := make(chan answer, 1)
		go func() { done <- f.call(t) }()
		if _, err := list[0].Await(patient(t), before+1); err != nil {
			t.Fatal(err)
		}
		if err := f.Terminate(); err != nil {
			t.Fatal(err)
		}
		return <-done, f.Wait(patient(t))
	}
	k, kitEnd := during(kit)
	if exit := (*exec.ExitError)(nil); k.err == nil || !errors.As(kitEnd, &exit) {
		t.Errorf("go-kit: answer %v, end %v; want the connection broken and a death by signal", k, kitEnd)
	}
	o, ourEnd := during(ours)
	if !o.right() || ourEnd != nil {
		t.Errorf("ours: answer %v, end %v; want HELLO and status 0", o, ourEnd)
	}
	return "connection broken", "answered, then status 0"
}

// noTimeouts: http.ListenAndServe waits for the rest of a header for ever.
func noTimeouts(t *testing.T, b binaries) (string, string) {
	_, addrs := replicas(t, 1)
	kit, ours := b.both(t, addrs)
	half := func(f *front) net.Conn {
		c, err := net.Dial("tcp", f.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, "POST /uppercase HTTP/1.1\r\nHost: x\r\n"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	kitConn, began := half(kit), time.Now()
	ourConn := half(ours)
	_ = ourConn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, ourConn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ours kept the connection for %v, want a limit below", patience)
	}
	closed := time.Since(began)
	_ = kitConn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := kitConn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("go-kit ended the connection with %v, want it to wait for ever", err)
	}
	return "waits for ever", fmt.Sprintf("closed after %.0fs", closed.Seconds())
}

// latencyUnit: a metric named microseconds that is fed seconds.
func latencyUnit(t *testing.T, b binaries) (string, string) {
	list, addrs := replicas(t, 1)
	list[0].Set(replica.Slow(20 * time.Millisecond))
	kit, ours := b.both(t, addrs, unhurried...)
	measured := func(f *front) float64 {
		if a := f.call(t); !a.right() {
			t.Fatalf("answer = %v, want HELLO", a)
		}
		return total(t, f, "my_group_string_service_request_latency_microseconds_sum", `method="uppercase"`, `error="false"`)
	}
	k, o := measured(kit), measured(ours)
	if k < 0.02 || k > 1 {
		t.Errorf("go-kit says %v, want the seconds", k)
	}
	if o < 20_000 || o > 1_000_000 {
		t.Errorf("ours says %v, want the microseconds", o)
	}
	return fmt.Sprintf("%.3f", k), fmt.Sprintf("%.0f", o)
}

// logLine: the tutorial logs whatever it was sent, and what it made of it.
func logLine(t *testing.T, b binaries) (string, string) {
	_, addrs := replicas(t, 1)
	kit, ours := b.both(t, addrs)
	logged := func(f *front) int {
		f.send(t.Context(), `{"s":"`+strings.Repeat("x", 10_000)+`"}`, nil)
		line, err := f.log.line(patient(t), "method=uppercase")
		if err != nil {
			t.Fatal(err)
		}
		return len(line)
	}
	k, o := logged(kit), logged(ours)
	if k < 20_000 {
		t.Errorf("go-kit's line has %d bytes, want all of input and output", k)
	}
	if o > 400 {
		t.Errorf("our line has %d bytes, want input and output cut", o)
	}
	return fmt.Sprintf("%d bytes", k), fmt.Sprintf("%d bytes", o)
}
