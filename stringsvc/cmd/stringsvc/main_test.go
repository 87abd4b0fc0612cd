package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestOneProcess(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, tt := range []struct{ method, path, body, reply, log string }{
		{"POST", "/uppercase", `{"s":"hello"}`, `{"v":"HELLO"}`, `method=uppercase input=hello output=HELLO err=null`},
		{"GET", "/uppercase", `{"s":"hello"}`, `{"v":"HELLO"}`, `method=uppercase input=hello output=HELLO err=null`},
		{"POST", "/uppercase", `{"s":""}`, `{"v":"","err":"empty string"}`, `method=uppercase input= output= err="empty string"`},
		{"POST", "/count", `{"s":"hello"}`, `{"v":5}`, `method=count input=hello n=5`},
		{"POST", "/count", `{"s":"x\ny=z"}`, `{"v":5}`, `method=count input="x\ny=z" n=5`},
	} {
		begin := time.Now()
		if resp, reply := p.do(t, tt.method, tt.path, tt.body); resp.StatusCode != 200 || reply != tt.reply+"\n" {
			t.Errorf("%s %s %s = %d %s, want 200 %s", tt.method, tt.path, tt.body, resp.StatusCode, reply, tt.reply)
		}
		p.line(t, regexp.MustCompile(`^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) `+regexp.QuoteMeta(tt.log)+` took=[0-9.]+(ns|µs|ms|s)$`))
		if took := time.Since(begin); took > 5*time.Second { // 500 ms, and a slow machine
			t.Errorf("the line came after %v", took)
		}
	}
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"status":"ready"}`,
		"/metrics": `my_group_string_service_request_count{error="true",method="uppercase"} 1`,
	} {
		if resp, reply := p.do(t, "GET", path, ""); resp.StatusCode != 200 || !strings.Contains(reply, want+"\n") {
			t.Errorf("GET %s = %d %s, want 200 with %s", path, resp.StatusCode, reply, want)
		}
	}
	for _, name := range []string{"go_goroutines", "my_group_string_service_request_latency_microseconds_sum", "my_group_string_service_count_result_sum 10"} {
		if _, reply := p.do(t, "GET", "/metrics", ""); !strings.Contains(reply, "\n"+name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	if resp, reply := p.do(t, "POST", "/uppercase", strings.Repeat(" ", 1<<20+1)); resp.StatusCode != 413 {
		t.Errorf("1 MiB and a byte = %d %s, want 413", resp.StatusCode, reply)
	}
}

func TestDrainLosesNothing(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, "-drain=2s")
			// A request that has begun, and ends while the process drains.
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(conn, "POST /uppercase HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"s\":")

			const calls = 4 * 250
			var callers sync.WaitGroup
			for id := range 4 {
				callers.Go(func() {
					for n := range calls / 4 {
						resp, err := http.Post(p.url+"/count", "", strings.NewReader(fmt.Sprintf(`{"s":"%d-%d"}`, id, n)))
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
				})
			}
			callers.Wait()

			p.signal(t, sig)
			seen := false
			for deadline := time.Now().Add(10 * time.Second); !seen && time.Now().Before(deadline); {
				resp, _ := p.do(t, "GET", "/readyz", "") // an error while it drains is one of ours
				seen = resp.StatusCode == 503 && resp.Close && strings.HasSuffix(resp.Header.Get("Rota-Load"), "state=draining")
			}
			if !seen {
				t.Error("/readyz never said that the process drains")
			}
			fmt.Fprintf(conn, `"hello"}`)
			reply, err := io.ReadAll(conn)
			if want := "\r\n\r\n{\"v\":\"HELLO\"}\n"; err != nil || !bytes.HasPrefix(reply, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(reply, []byte(want)) {
				t.Errorf("call in flight = %q, %v, want 200 and %q", reply, err, want)
			}
			if status := p.exit(t); status != 0 {
				t.Errorf("exit status = %d, want 0", status)
			}
			lines := 0
			for line := range p.log {
				if strings.Contains(line, "method=") {
					lines++
				}
			}
			if lines != calls+1 {
				t.Errorf("%d calls logged, want %d", lines, calls+1)
			}
		})
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "-drain=1h")
	if resp, _ := p.do(t, "POST", "/count", `{"s":"last"}`); resp.StatusCode != 200 {
		t.Fatalf("status = %d, want 200", resp.StatusCode)
	}
	p.signal(t, syscall.SIGTERM)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if resp, _ := p.do(t, "GET", "/readyz", ""); resp.StatusCode == 503 {
			break
		}
	}
	p.signal(t, syscall.SIGTERM)
	if status := p.exit(t); status != 1 {
		t.Errorf("exit status = %d, want 1", status)
	}
	p.line(t, regexp.MustCompile(` method=count input=last n=4 `))
	p.line(t, regexp.MustCompile(`^stringsvc: aborted, requests in flight were cut off$`))
}

func TestExits(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	tests := []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // patterns of the whole text
	}{
		{name: "version", args: []string{"-version"}, stdout: `^stringsvc \S+ go1\.\S+ ` + runtime.GOOS + "/" + runtime.GOARCH + `\n$`, stderr: `^$`},
		{name: "help", args: []string{"-h"}, stdout: `(?s)^stringsvc serves .*\n  -proxy .*curl `, stderr: `^$`},
		{name: "port in use", args: []string{"-listen=" + l.Addr().String()}, status: 1, stdout: `^$`, stderr: `^stringsvc: listen tcp ` + l.Addr().String() + `: .+\n$`},
		{name: "port in use, with replicas", args: []string{"-proxy=127.0.0.1:1", "-listen=" + l.Addr().String()}, status: 1, stdout: `^$`, stderr: `^stringsvc: [^\n]+\n$`},
		{name: "wrong value", args: []string{"-qps=-1"}, status: 2, stdout: `^$`, stderr: `^stringsvc: -qps=-1: [^\n]+\n$`},
		{name: "wrong replica", args: []string{"-proxy=a:1,\nb"}, status: 2, stdout: `^$`, stderr: `^stringsvc: -proxy="a:1,\\nb": entry 2, "b": [^\n]+\n$`},
		{name: "unknown flag", args: []string{"-port=80"}, status: 2, stdout: `^$`, stderr: `^stringsvc: [^\n]*-port\n$`},
		{name: "argument", args: []string{"serve"}, status: 2, stdout: `^$`, stderr: `^stringsvc: unexpected argument "serve"[^\n]*\n$`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			cmd := exec.Command(binary, tt.args...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // the status tells
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("exit status = %d, want %d", got, tt.status)
			}
			if !regexp.MustCompile(tt.stdout).Match(stdout.Bytes()) {
				t.Errorf("stdout = %q, want %s", stdout.String(), tt.stdout)
			}
			if !regexp.MustCompile(tt.stderr).Match(stderr.Bytes()) {
				t.Errorf("stderr = %q, want %s", stderr.String(), tt.stderr)
			}
		})
	}
}
