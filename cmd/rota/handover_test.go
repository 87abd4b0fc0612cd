//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service manager is told when the proxy is ready, which process it is after an upgrade, and that it leaves.
func TestServiceManagerIsTold(t *testing.T) {
	dir := t.TempDir()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	told := func() string {
		t.Helper()
		b := make([]byte, 100)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	name := filepath.Join(dir, "rota.yaml")
	writeFileT(t, name, fmt.Sprintf(file, backend(t, "a")))
	p := launch(t, nil, []string{"NOTIFY_SOCKET=" + c.LocalAddr().String()}, "proxy", "-config="+name)
	if got, want := told(), fmt.Sprintf("READY=1\nMAINPID=%d", p.cmd.Process.Pid); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	p.signal(syscall.SIGUSR2)
	var pid int
	if _, err := fmt.Sscanf(told(), "READY=1\nMAINPID=%d", &pid); err != nil || pid == p.cmd.Process.Pid {
		t.Errorf("the successor is %d, %v", pid, err)
	}
	p.leaves()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "STOPPING=1" {
		t.Errorf("told %q, want that it stops", got)
	}
	p.await(2, "msg=leaving")
}

// While it leaves, a proxy is not ready, and signals that ask for other things do not end it.
func TestReadinessWhileLeaving(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-answer
	}))
	defer slow.Close()
	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", "-to="+strings.TrimPrefix(slow.URL, "http://"), "-admin=127.0.0.1:0", "-drain-wait=0")
	addr, page := p.await(1, listening), p.await(1, `url=(http://\S+/)`)
	status := make(chan int, 1)
	go func() { // ends with the answer
		resp, err := http.Post("http://"+addr, "text/plain", nil)
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	<-asked
	if status, _ := get(t, page+"readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d, want 200", status)
	}
	p.signal(syscall.SIGTERM)
	p.await(1, "msg=leaving")
	p.signal(syscall.SIGHUP)
	if status, _ := get(t, page+"readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d while it leaves, want 503", status)
	}
	close(answer)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way: %d, want 200", got)
	}
	p.leaves()
}
