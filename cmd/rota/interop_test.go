//go:build integration && unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// freePort returns one that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serve starts a program that listens on port, and ends it with the test.
func serve(t *testing.T, port, dir string, command ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Stderr, cmd.WaitDelay = t.Output(), 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	late := time.After(20 * time.Second)
	for {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return cmd
		}
		select {
		case <-late:
			t.Fatalf("%s does not listen: %v", command[0], err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Replicas and clients need not be Go: Python's http.server and nginx answer, Python's urllib and curl ask, and one that is
// killed is not noticed.
func TestBesideProgramsThatAreNotGo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hello"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var targets []string
	var doomed *exec.Cmd
	for range 2 {
		port := freePort(t)
		doomed = serve(t, port, dir, "python3", "-u", "-m", "http.server", port, "--bind", "127.0.0.1")
		targets = append(targets, "127.0.0.1:"+port)
	}
	port := freePort(t)
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log stderr; events {}\n"+
		"http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n"+
		"server { listen 127.0.0.1:%[2]s; root %[1]s; } }\n", dir, port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers are another user's
		t.Fatal(err)
	}
	for d := dir; d != "/" && d != "/tmp"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	serve(t, port, dir, "nginx", "-p", dir, "-c", conf, "-e", "stderr")
	targets = append(targets, "127.0.0.1:"+port)

	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", "-to="+strings.Join(targets, ","), "-admin=127.0.0.1:0", "-balancer=rr")
	addr, page := p.await(1, listening), p.await(1, `url=(http://\S+/)`)
	url := "http://" + addr + "/hello"
	clients := [][]string{
		{"python3", "-c", "import urllib.request as r; print(r.urlopen('" + url + "').read().decode(), end='')"},
		{"curl", "-sS", "--fail", url},
	}
	for i := range 12 {
		if i == 6 {
			if err := doomed.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		c := clients[i%2]
		out, err := exec.Command(c[0], c[1:]...).CombinedOutput()
		if string(out) != "hello\n" || err != nil {
			t.Errorf("request %d by %s: %q, %v", i, c[0], out, err)
		}
	}
	resp, err := http.Get(page + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if strings.Contains(string(metrics), fmt.Sprintf(`rota_client_attempts_total{replica="%s",service="backend",verdict="success"} 0`, target)) {
			t.Errorf("%s got no request", target)
		}
	}
}
