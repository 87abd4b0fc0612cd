//go:build integration

package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/replica"
)

// patience bounds every wait for something that must happen. It is long, for it only decides how long a failing test takes.
const patience = 20 * time.Second

// binaries are the two string services, built once a test.
type binaries struct{ kit, ours string }

func build(t *testing.T) binaries {
	t.Helper()
	dir := t.TempDir()
	kit, err := proc.Build(t.Context(), dir, proc.Gokitsvc)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := proc.Build(t.Context(), dir, proc.Stringsvc)
	if err != nil {
		t.Fatal(err)
	}
	return binaries{kit: kit, ours: ours}
}

// A front is one string service under test. Its client keeps connections, as callers do.
type front struct {
	*proc.Process
	log    *logBuffer
	client *http.Client
}

// both starts go-kit's front and ours before the same replicas. flags are for ours: go-kit's has none of them.
func (b binaries) both(t *testing.T, replicas []string, flags ...string) (kit, ours *front) {
	t.Helper()
	proxy := "-proxy=" + strings.Join(replicas, ",")
	return start(t, b.kit, proxy), start(t, b.ours, append([]string{proxy}, flags...)...)
}

func start(t *testing.T, bin string, args ...string) *front {
	t.Helper()
	log := &logBuffer{changed: make(chan struct{})}
	p, err := proc.Start(t.Context(), proc.Params{Bin: bin, Args: args, Stderr: log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		p.Kill()
		if t.Failed() {
			t.Logf("%s %s, end of its log:\n%s", bin, strings.Join(args, " "), tail(log.String(), 600))
		}
	})
	return &front{Process: p, log: log, client: &http.Client{Transport: transport}}
}

// replicas starts n replicas and returns them with their addresses.
func replicas(t *testing.T, n int) (list []*replica.Replica, addrs []string) {
	t.Helper()
	for range n {
		r, err := replica.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		list = append(list, r)
		addrs = append(addrs, r.Addr)
	}
	return list, addrs
}

// down returns n addresses that refuse connections.
func down(t *testing.T, n int) (addrs []string) {
	t.Helper()
	for range n {
		addr, err := proc.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, addr)
	}
	return addrs
}

// An answer is what a caller got.
type answer struct {
	err    error // no reply at all
	status int
	header http.Header
	text   string // the body, trimmed
	V      string
	Err    string
	took   time.Duration
}

// right says that the call did what it was asked.
func (a answer) right() bool { return a.err == nil && a.status == 200 && a.V == "HELLO" && a.Err == "" }

func (a answer) String() string {
	if a.err != nil {
		return "no reply: " + a.err.Error()
	}
	return fmt.Sprintf("%d %s", a.status, a.text)
}

// call asks for HELLO.
func (f *front) call(t *testing.T) answer {
	t.Helper()
	return f.send(t.Context(), `{"s":"hello"}`, nil)
}

// calls asks n times, one after the other.
func (f *front) calls(t *testing.T, n int) (all []answer) {
	t.Helper()
	for range n {
		all = append(all, f.call(t))
	}
	return all
}

func (f *front) send(ctx context.Context, body string, header map[string]string) answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+f.Addr+"/uppercase", strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	began := time.Now()
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{err: err}
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: strings.TrimSpace(string(b)), took: time.Since(began)}
	_ = json.Unmarshal(b, &a) // not JSON: V and Err stay empty, and text tells
	return a
}

// wrong returns the answers that are not right.
func wrong(all []answer) (bad []answer) {
	for _, a := range all {
		if !a.right() {
			bad = append(bad, a)
		}
	}
	return bad
}

// paced calls f every interval until the time is up or it returns false.
func paced(interval, total time.Duration, f func() bool) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	end := time.NewTimer(total)
	defer end.Stop()
	for f() {
		select {
		case <-tick.C:
		case <-end.C:
			return
		}
	}
}

// A logBuffer collects what a process writes to stderr and wakes those who wait for it.
type logBuffer struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed and replaced at each write
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// line waits for a whole line that contains part and returns it.
func (l *logBuffer) line(ctx context.Context, part string) (string, error) {
	for {
		l.mu.Lock()
		text, changed := l.text.String(), l.changed
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, part) {
				return strings.TrimSuffix(line, "\n"), nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("no log line with %q: %w", part, ctx.Err())
		}
	}
}

// patient is a context for one wait.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
