package sockets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Successor is a process that was handed the sockets.
type Successor struct {
	Process *os.Process
	done    <-chan error
}

// Succeed starts the program anew, with the same arguments, and hands it the sockets. It returns when the successor serves,
// or with an error if it ended before, or did not until ctx ended: then it is stopped, and this process goes on.
func (s *Set) Succeed(ctx context.Context, args []string) (*Successor, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	files, names, err := s.files()
	defer func() {
		for _, f := range files {
			_ = f.Close() // the successor has copies
		}
	}()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append(files, theirs)
	cmd.Env = append(os.Environ(),
		envFDs+"="+strconv.Itoa(len(names)), envNames+"="+strings.Join(names, ":"), envReady+"="+strconv.Itoa(firstFD+len(names)))
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := awaitReady(ctx, ours, done); err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	return &Successor{cmd.Process, done}, nil
}

// awaitReady waits for the byte that says that a successor serves.
func awaitReady(ctx context.Context, from *os.File, done <-chan error) error {
	ready := make(chan error, 1)
	go func() { // ends when the pipe does
		one := make([]byte, 1)
		_, err := from.Read(one)
		ready <- err
	}()
	select {
	case err := <-ready:
		if err == nil {
			return nil
		}
		select { // the pipe breaks when the process ends: say how
		case ended := <-done:
			return fmt.Errorf("the successor ended before it served: %w", orEnded(ended))
		case <-ctx.Done():
			return fmt.Errorf("the successor: %w", err)
		}
	case <-ctx.Done():
		return fmt.Errorf("the successor does not serve: %w", ctx.Err())
	}
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// files returns copies of the open sockets, of each name the one that was opened last.
func (s *Set) files() (files []*os.File, names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range slices.Backward(s.open) {
		if slices.Contains(names, escape(o.name)) {
			continue
		}
		f, err := fileOf(o.l, o.name)
		if err != nil {
			return files, nil, err
		}
		files, names = append(files, f), append(names, escape(o.name))
	}
	return files, names, nil
}
