// Package proc provides server processes for tests and measurements: built from source, started on a free port, waited for,
// and ended without leaving any behind.
package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The import paths of the two string services and of the binary with the proxy, of a bare proxy, and of replicas: one that
// misbehaves on command, and one that costs next to nothing.
const (
	Stringsvc     = "github.com/rota-go/rota/stringsvc/cmd/stringsvc"
	Gokitsvc      = "github.com/rota-go/rota/bench/cmd/gokitsvc"
	Rota          = "github.com/rota-go/rota/cmd/rota"
	Reverseproxy  = "github.com/rota-go/rota/bench/cmd/reverseproxy"
	Faultyreplica = "github.com/rota-go/rota/bench/cmd/faultyreplica"
	Quickreplica  = "github.com/rota-go/rota/bench/cmd/quickreplica"
)

// Build compiles the command with this import path into dir and returns the binary's path. It runs the go command in the
// current directory, which must be inside this module.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	bin := filepath.Join(dir, filepath.Base(pkg)+".exe") // the suffix Windows needs; harmless elsewhere
	out, err := exec.CommandContext(ctx, "go", "build", "-o", bin, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}

// A Process is a running server.
type Process struct {
	Addr string // host:port

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read only after done is closed
}

// Params say what to start.
type Params struct {
	Bin    string
	Args   []string  // -listen is added, unless Bare
	Bare   bool      // Args say where it listens, in a way of their own; Addr is needed then
	Addr   string    // where it listens; empty = a free loopback port
	Env    []string  // NAME=value, on top of this process's
	Stdin  *os.File  // nil = the null device
	Stdout io.Writer // nil = the null device
	Stderr io.Writer // nil = the null device
}

// Start starts a server and waits until it accepts connections. The end of ctx kills it, at any time; on Linux so does the
// end of this process. A server that ends before it listens is an error, an *exec.ExitError inside if its status was not 0.
func Start(ctx context.Context, p Params) (*Process, error) {
	if p.Addr == "" {
		var err error
		if p.Addr, err = FreeAddr(); err != nil {
			return nil, err
		}
	}
	args := p.Args
	if !p.Bare {
		args = append([]string{"-listen=" + p.Addr}, args...)
	}
	cmd := exec.CommandContext(ctx, p.Bin, args...)
	cmd.Stdout, cmd.Stderr = p.Stdout, p.Stderr
	if p.Stdin != nil {
		cmd.Stdin = p.Stdin
	}
	if len(p.Env) > 0 {
		cmd.Env = append(os.Environ(), p.Env...)
	}
	own(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Process{Addr: p.Addr, cmd: cmd, done: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	if err := s.listening(ctx); err != nil {
		s.Kill()
		return nil, fmt.Errorf("%s: %w", name(p.Bin), err)
	}
	return s, nil
}

// Run starts a command that is expected to end by itself and returns its exit status and what it wrote to stderr. The end of
// ctx kills it, and is an error.
func Run(ctx context.Context, bin string, args ...string) (status int, stderr string, err error) {
	var text strings.Builder
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Stderr = &text
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, text.String(), fmt.Errorf("%s %s: has not ended: %w", name(bin), strings.Join(args, " "), ctx.Err())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, "", err
	}
	return cmd.ProcessState.ExitCode(), text.String(), nil
}

// PID is the process id.
func (s *Process) PID() int { return s.cmd.Process.Pid }

// Terminate sends SIGTERM.
func (s *Process) Terminate() error { return s.cmd.Process.Signal(syscall.SIGTERM) }

// Stop keeps the process from running until Continue, as a debugger or a paused virtual machine does: the system goes on
// accepting connections for it. It is an error outside Unix.
func (s *Process) Stop() error { return stop(s.cmd.Process) }

// Continue ends a Stop.
func (s *Process) Continue() error { return resume(s.cmd.Process) }

// Wait blocks until the process has ended and returns how; an *exec.ExitError when its status is not 0 or a signal ended it.
func (s *Process) Wait(ctx context.Context) error {
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("%s has not ended: %w", name(s.cmd.Path), ctx.Err())
	}
}

// Kill ends the process at once, with those it started, and waits until it is gone. It may be called twice.
func (s *Process) Kill() {
	select {
	case <-s.done: // its id may be another's by now
	default:
		_ = killGroup(s.cmd.Process) // fails only if it is gone already
	}
	<-s.done
}

func (s *Process) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", s.Addr); err == nil {
			return c.Close()
		}
		select {
		case <-s.done:
			if s.err == nil {
				return errors.New("ended with status 0 before it listened")
			}
			return fmt.Errorf("ended before it listened: %w", s.err)
		case <-ctx.Done():
			return fmt.Errorf("does not listen on %s: %w", s.Addr, ctx.Err())
		case <-tick.C:
		}
	}
}

// FreeAddr returns a loopback address nobody listens on. It is looked for below the range from which systems give out ports
// by themselves, so that it is still free when somebody listens on it, and refuses connections until then.
func FreeAddr() (string, error) {
	var err error
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000)))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("no free port: %w", err)
}

func name(bin string) string { return strings.TrimSuffix(filepath.Base(bin), ".exe") }

// Null opens the null device as a real file, so that a child writes to it with a system call and nothing else.
func Null() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_WRONLY, 0) }
