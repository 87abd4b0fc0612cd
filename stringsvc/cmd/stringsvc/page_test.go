package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var pageURL = regexp.MustCompile(`^\s+(http://127\.0\.0\.1:[0-9]+)/$`)

// page waits until a demo says where its page is, and that it serves on.
func page(t *testing.T, p *process) (url string) {
	t.Helper()
	for {
		line, ok := next(t, p.out)
		if !ok {
			t.Fatalf("the demo ended:\n%s", strings.Join(rest(t, p.log), "\n"))
		}
		if m := pageURL.FindStringSubmatch(line); m != nil {
			url = m[1]
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			if url == "" {
				t.Fatal("the demo does not say where its page is")
			}
			return url
		}
	}
}

// act presses a button of the page.
func act(t *testing.T, url, order string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/api/act", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Rota-Dash", "1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s = %s %s, %v, want 200", order, resp.Status, body, err)
	}
}

// A newcomer hurts a replica in each way, and sees it leave and return.
func TestDemoCanBeHurt(t *testing.T) {
	t.Parallel()
	port := demoPort(t)
	p := run(t, nil, "demo", "-base-port", strconv.Itoa(port), "-admin=127.0.0.1:0", "-rate=200")
	url := page(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	lines.Buffer(nil, 8<<20)
	until := func(what, replica string) {
		t.Helper()
		for lines.Scan() {
			if s := lines.Text(); strings.HasPrefix(s, `data: {"id"`) && strings.Contains(s, `"kind":"`+what+`"`) && strings.Contains(s, replica) {
				return
			}
		}
		t.Fatalf("nothing about %s being %s: %v", replica, what, lines.Err())
	}
	for i, how := range []string{"slow", "hang", "errors", "kill"} {
		replica := fmt.Sprintf("http://127.0.0.1:%d/uppercase", port+i%3)
		act(t, url, fmt.Sprintf(`{"act":%q,"service":"uppercase","replica":%q}`, how, replica))
		until("ejected", replica)
		act(t, url, fmt.Sprintf(`{"act":"heal","service":"uppercase","replica":%q}`, replica))
		until("returned", replica)
	}
	act(t, url, fmt.Sprintf(`{"act":"hang","service":"uppercase","replica":"http://127.0.0.1:%d/uppercase"}`, port))
	p.signal(t, os.Interrupt) // with a stream open, and a replica that hangs
	if status := p.exit(t); status != 0 {
		t.Errorf("exit status = %d, want 0: %s", status, rest(t, p.log))
	}
}

func TestDemoGoesOnWithAnotherPortForItsPage(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := run(t, nil, "demo", "-base-port", strconv.Itoa(demoPort(t)), "-admin="+l.Addr().String())
	if url := page(t, p); url == "http://"+l.Addr().String() {
		t.Errorf("the page is at %s, which is taken", url)
	}
	p.line(t, regexp.MustCompile(`level=WARN.* msg="live page on another port"`))
}

func TestFrontWithAPage(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replica := start(t)
	p := run(t, nil, "-listen=127.0.0.1:0", "-proxy="+replica.addr(), "-admin=127.0.0.1:0", "-admin-token-file="+token)
	at := regexp.MustCompile(`msg="live page" url=(http://127\.0\.0\.1:[0-9]+)/$`)
	url := at.FindStringSubmatch(p.line(t, at))[1]
	p.line(t, proxyTo)
	client := &http.Client{Timeout: 10 * time.Second}
	for auth, want := range map[string]int{"": 401, "Bearer 0123456789abcdef": 200} {
		r, err := http.NewRequest(http.MethodGet, url+"/api/state", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", auth)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Authorization %q = %s, want %d", auth, resp.Status, want)
		}
	}
	for _, args := range [][]string{{"-admin=127.0.0.1:0", "-admin-token-file=" + token + ".none"}, {"-admin=" + strings.TrimPrefix(url, "http://")}, {"-admin=0.0.0.0:0", "-admin-write"}} {
		p := run(t, nil, append(args, "-listen=127.0.0.1:0", "-proxy=127.0.0.1:1")...)
		if status := p.exit(t); status != 1 {
			t.Errorf("%v: exit status = %d, want 1", args, status)
		}
	}
}
