package main_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what has to come: long enough for the
// slowest machine, for only a failing test waits so long.
const patience = 30 * time.Second

// binary is the command under test, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for processes, and hardly compute.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "stringsvc")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "stringsvc.exe")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// process is a running stringsvc.
type process struct {
	cmd    *exec.Cmd
	url    string
	out    <-chan string // lines of stdout, closed at its end
	log    <-chan string // of stderr
	exited chan struct{} // then cmd.ProcessState tells how
}

// run runs the binary. Env is added to the test's own.
func run(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var outEnd, logEnd <-chan struct{}
	p.out, outEnd = lines(stdout)
	p.log, logEnd = lines(stderr)
	go func() {
		defer close(p.exited)
		<-outEnd
		<-logEnd
		_ = p.cmd.Wait() // the state tells
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

// lines reads r to its end, whether or not anybody takes the lines.
func lines(r io.Reader) (<-chan string, <-chan struct{}) {
	out, end := make(chan string, 100_000), make(chan struct{})
	go func() {
		defer close(end)
		defer close(out)
		for s := bufio.NewScanner(r); s.Scan(); {
			out <- s.Text()
		}
	}()
	return out, end
}

var (
	proxyTo   = regexp.MustCompile(`^time=\S+ proxy_to=\[\S+\]$`)
	listening = regexp.MustCompile(`^time=\S+ msg=HTTP addr=(127\.0\.0\.1:[0-9]+)$`)
)

// start runs the binary on a free port and waits until it listens.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := run(t, nil, append([]string{"-listen=127.0.0.1:0"}, args...)...)
	p.url = "http://" + listening.FindStringSubmatch(p.line(t, listening))[1]
	return p
}

// front starts a process that proxies to replicas. A call may take as long as
// a test is patient, unless the flags say otherwise.
func front(t *testing.T, replicas []string, flags ...string) *process {
	t.Helper()
	p := run(t, nil, append([]string{"-listen=127.0.0.1:0", "-proxy=" + strings.Join(replicas, ","), "-max-time=" + patience.String()}, flags...)...)
	p.line(t, proxyTo)
	p.url = "http://" + listening.FindStringSubmatch(p.line(t, listening))[1]
	return p
}

// addr is where the process listens.
func (p *process) addr() string { return strings.TrimPrefix(p.url, "http://") }

// line waits for the next line of the log, which has to match.
func (p *process) line(t *testing.T, want *regexp.Regexp) string {
	t.Helper()
	line, ok := next(t, p.log)
	if !ok || !want.MatchString(line) {
		t.Fatalf("line %q (there is one: %v), want %v", line, ok, want)
	}
	return line
}

// next waits for a line; there is none at the end.
func next(t *testing.T, lines <-chan string) (line string, ok bool) {
	t.Helper()
	select {
	case line, ok = <-lines:
	case <-time.After(patience):
		t.Fatalf("no line for %v", patience)
	}
	return line, ok
}

// signal sends sig, or skips the test where nobody can.
func (p *process) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send a signal to another here")
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end and returns the status.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("still running after %v", patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// do sends a request; headers are names and values in turn.
func (p *process) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, reply, err := p.try(t, method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return resp, reply
}

// try is do that may fail, and may be called on any goroutine.
func (p *process) try(t *testing.T, method, path, body string, headers ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	return resp, string(reply), err
}

// metric returns a sample of /metrics, by its name with labels.
func (p *process) metric(t *testing.T, sample string) float64 {
	t.Helper()
	_, text := p.do(t, "GET", "/metrics", "")
	_, rest, ok := strings.Cut(text, "\n"+sample+" ")
	value, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		t.Fatalf("/metrics has no %s (or no number: %v)", sample, err)
	}
	return v
}

// nextPort is where freePort looks. Below the ports that systems deal out by
// themselves, so that none is taken by a connection of another test.
var nextPort atomic.Int32

// freePort returns a port that is free, as are those at the offsets from it.
func freePort(t *testing.T, offsets ...int) int {
	t.Helper()
	nextPort.CompareAndSwap(0, 10_000+rand.Int32N(20_000))
	for range 100 {
		port := int(nextPort.Add(16))
		if free(port, append(offsets, 0)) {
			return port
		}
	}
	t.Fatal("100 ports are in use")
	panic("unreachable")
}

func free(port int, offsets []int) bool {
	for _, offset := range offsets {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
