package proc_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/proc"
)

// role makes this test binary play a server, so that these tests need no compiler.
const role = "ROTA_PROC_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "serve":
		addr := flag.String("listen", "", "")
		flag.Parse()
		l, err := net.Listen("tcp", *addr)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for { // until its test ends it
			if c, err := l.Accept(); err == nil {
				_ = c.Close()
			}
		}
	case "fail":
		fmt.Fprintln(os.Stderr, "no such replica")
		os.Exit(3)
	case "end":
	}
}

func TestStartWaitsUntilItListens(t *testing.T) {
	p := start(t, t.Context(), "serve")
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if p.PID() == os.Getpid() || p.PID() <= 0 {
		t.Errorf("PID() = %d, want the child's", p.PID())
	}
	p.Kill()
	p.Kill() // allowed
	if _, err := net.Dial("tcp", p.Addr); err == nil {
		t.Error("still listening after Kill")
	}
}

func TestWaitIsBounded(t *testing.T) {
	p := start(t, t.Context(), "serve")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() = %v, want the cancel", err)
	}
}

func TestEndOfContextKills(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := start(t, ctx, "serve")
	cancel()
	if err := p.Wait(t.Context()); err == nil {
		t.Error("Wait() = nil, want how it was killed")
	}
}

func TestStartReportsAnEarlyEnd(t *testing.T) {
	for name, code := range map[string]int{"fail": 3, "end": 0} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(role, name)
			_, err := proc.Start(t.Context(), proc.Params{Bin: self(t)})
			if err == nil {
				t.Fatal("Start() succeeded, want the early end")
			}
			exit := (*exec.ExitError)(nil)
			if errors.As(err, &exit) != (code != 0) || exit != nil && exit.ExitCode() != code {
				t.Errorf("Start() = %v, want exit status %d", err, code)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Setenv(role, "fail")
	status, stderr, err := proc.Run(t.Context(), self(t))
	if status != 3 || err != nil || strings.TrimSpace(stderr) != "no such replica" {
		t.Errorf("Run() = %d, %q, %v; want 3 and what it said", status, stderr, err)
	}
	if _, _, err := proc.Run(t.Context(), self(t)+".none"); err == nil {
		t.Error("Run() of no file succeeded")
	}
}

func TestRunIsBounded(t *testing.T) {
	t.Setenv(role, "serve")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := proc.Run(ctx, self(t), "-listen=127.0.0.1:0"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run() = %v, want the deadline", err)
	}
}

func TestFreeAddrCanBeListenedOn(t *testing.T) {
	addr, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Errorf("somebody listens on %s", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func start(t *testing.T, ctx context.Context, as string) *proc.Process {
	t.Helper()
	t.Setenv(role, as)
	p, err := proc.Start(ctx, proc.Params{Bin: self(t), Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func self(t *testing.T) string {
	t.Helper()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}
