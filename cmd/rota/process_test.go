//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// asRota in the environment makes the test's own program be rota.
const asRota = "ROTA_TEST_AS_ROTA"

func TestMain(m *testing.M) {
	if os.Getenv(asRota) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a rota that runs.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	mu    sync.Mutex
	log   bytes.Buffer
	news  chan struct{} // has one when there is more of the log
	ended chan error
}

// launch starts rota with args, and ends it with the test.
func launch(t *testing.T, files []*os.File, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), news: make(chan struct{}, 1), ended: make(chan error, 1)}
	p.cmd.Env = append(append(os.Environ(), asRota+"=1"), env...)
	p.cmd.ExtraFiles = files
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr, p.cmd.Stdout = in, in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	go func() { // ends when nobody can write any more, successors included
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			select {
			case p.news <- struct{}{}:
			default:
			}
		}
		out.Close()
	}()
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Log(p.text())
		}
	})
	return p
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// await waits until the log matches, n times, and returns the last match's group.
func (p *process) await(n int, pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(20 * time.Second)
	for {
		if m := re.FindAllStringSubmatch(p.text(), -1); len(m) >= n {
			return m[n-1][len(m[n-1])-1]
		}
		select {
		case <-p.news:
		case <-late:
			p.t.Fatalf("no %q in the log:\n%s", pattern, p.text())
		}
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// leaves waits for the end, and wants status 0.
func (p *process) leaves() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		p.t.Error("it does not end")
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // it says where it hangs
		<-p.ended
	}
}

// backend answers every request with name.
func backend(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name) }))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const listening = `msg=listening .*addr=(\S+)`

func writeFileT(t *testing.T, name, text string) {
	t.Helper()
	if err := writeFile(name, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestSimpleProxy(t *testing.T) {
	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", "-to="+backend(t, "a"), "-admin=127.0.0.1:0", "-access-log=stdout")
	addr, page := p.await(1, listening), p.await(1, `url=(http://\S+/)`)
	if status, body := get(t, "http://"+addr+"/x"); status != 200 || body != "a" {
		t.Errorf("%d %q", status, body)
	}
	p.await(1, `msg=request method=GET .*path=/x status=200 .*replica=`)
	if status, body := get(t, page+"metrics"); status != 200 || !strings.Contains(body, `rota_proxy_requests_total{class="2xx",route="/"} 1`) || !strings.Contains(body, `rota_client_calls_total{result="success",service="backend"} 1`) {
		t.Errorf("metrics: %d\n%s", status, body)
	}
	if status, body := get(t, page); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("page: %d %q", status, body)
	}
	if status, _ := get(t, page+"readyz"); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	p.signal(syscall.SIGTERM)
	p.leaves()
}

// Another proxy has the default port of the page already: this one goes without. Who asked for a port gets it, or an error.
func TestBusyPage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:9901")
	if err == nil {
		defer l.Close() // or somebody else has it, which is the same
	}
	to := "-to=" + backend(t, "a")
	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", to)
	addr := p.await(1, listening)
	if !strings.Contains(p.text(), "no live page") {
		t.Error("it does not warn")
	}
	if status, _ := get(t, "http://"+addr); status != 200 {
		t.Errorf("%d", status)
	}
	for args, want := range map[string]int{"-admin=127.0.0.1:9901": exitFailed, "-balancer=rrr": exitUsage, "-config=nowhere.yaml": exitUsage, "x": exitUsage} {
		status, _, errs := again(t.Context(), false, "proxy", "-listen=127.0.0.1:0", to, args)
		if status != want || errs == "" {
			t.Errorf("%s: status %d, %q, want %d", args, status, errs, want)
		}
	}
}

const file = `
listeners: [{name: main, listen: "127.0.0.1:0"}]
routes: [{service: users}]
services: {users: {target: "%s"}}
admin: off
drain: {wait: 100ms}
`

// A changed file is put in force; one that is wrong is not, and the log says why.
func TestReload(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	a, b := backend(t, "a"), backend(t, "b")
	writeFileT(t, name, fmt.Sprintf(file, a))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q, want a", body)
	}
	writeFileT(t, name, fmt.Sprintf(file, b)+"\nnonsense: 1\n")
	p.await(1, `msg="config refused.*rota.yaml:8: nonsense: `)
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q after a file that was refused, want a", body)
	}
	writeFileT(t, name, fmt.Sprintf(file, b))
	p.await(1, `msg="config applied"`)
	if _, body := get(t, url); body != "b" {
		t.Errorf("%q, want b", body)
	}
	p.signal(syscall.SIGHUP)
	p.await(2, `msg="config applied"`)
	p.signal(os.Interrupt)
	p.leaves()
}

// hammer makes requests until the returned func is called, which returns how many there were, and fails the test for each
// that failed. Half of them are POSTs, which nobody repeats.
func hammer(t *testing.T, url string) (stop func() int64) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var n atomic.Int64
	for i := range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%4 == 0}}
			defer client.CloseIdleConnections()
			for k := 0; ctx.Err() == nil; k++ {
				method := []string{"GET", "POST"}[k%2]
				req, _ := http.NewRequest(method, url, strings.NewReader("x"))
				resp, err := client.Do(req)
				if err != nil {
					t.Errorf("request %d: %v", n.Load(), err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
					t.Errorf("request %d: %d, %v", n.Load(), resp.StatusCode, err)
				}
				resp.Body.Close()
				n.Add(1)
			}
		})
	}
	return func() int64 {
		cancel()
		wg.Wait()
		return n.Load()
	}
}

// An upgrade hands the socket to the successor; nobody notices.
func TestUpgradeLosesNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	writeFileT(t, name, fmt.Sprintf(file, backend(t, "a")))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	stop := hammer(t, url)
	defer stop()
	p.signal(syscall.SIGUSR2)
	pid := p.await(1, `msg="the successor serves" pid=(\d+)`)
	p.leaves()
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q from the successor", body)
	}
	if n := stop(); n < 100 {
		t.Errorf("%d requests meanwhile, want more", n)
	}
	var id int
	fmt.Sscan(pid, &id)
	successor, err := os.FindProcess(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := successor.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	p.await(2, `msg=leaving`)
}

// A successor that cannot serve changes nothing.
func TestUpgradeThatFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	writeFileT(t, name, fmt.Sprintf(file, backend(t, "a")))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	if err := os.WriteFile(name, []byte("listeners: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR2)
	p.await(1, `msg="no successor: this process goes on".*before it served`)
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q, want a", body)
	}
}

// Sockets may come from outside, as systemd hands them on.
func TestHandedSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := filepath.Join(t.TempDir(), "rota.yaml")
	text := strings.Replace(fmt.Sprintf(file, backend(t, "a")), `"127.0.0.1:0"`, "fd:web", 1)
	writeFileT(t, name, text)
	p := launch(t, []*os.File{f}, []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=web"}, "proxy", "-config="+name)
	p.await(1, listening)
	if _, body := get(t, "http://"+l.Addr().String()); body != "a" {
		t.Errorf("%q, want a", body)
	}
	if status, _, errs := again(t.Context(), false, "proxy", "-config="+name); status != exitFailed || !strings.Contains(errs, "no socket called web was handed") {
		t.Errorf("without the socket: %d %q", status, errs)
	}
}

// A second signal ends what the first one waits for.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", "-to="+strings.TrimPrefix(hang.URL, "http://"), "-admin=", "-drain-time=1h")
	addr := p.await(1, listening)
	gone := make(chan struct{})
	go func() { // ends when the proxy does
		defer close(gone)
		if resp, err := http.Get("http://" + addr); err == nil {
			resp.Body.Close()
		}
	}()
	p.signal(syscall.SIGTERM)
	p.await(1, "msg=leaving")
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
		_ = p.cmd.Process.Kill()
	}
	<-gone
}
