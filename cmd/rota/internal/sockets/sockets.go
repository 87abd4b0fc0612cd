// Package sockets provides listening sockets that outlive the process that made them: those that systemd hands to a
// service, and those that a process hands to its successor. What waits in the queue of a socket is not lost then, as it
// is when another socket takes over the address (SO_REUSEPORT).
package sockets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The environment by which sockets are handed on (sd_listen_fds(3)). Descriptors begin with 3.
const (
	envFDs   = "LISTEN_FDS"
	envPID   = "LISTEN_PID"
	envNames = "LISTEN_FDNAMES"
	// envReady is the descriptor on which a successor says that it serves.
	envReady = "ROTA_READY_FD"
	firstFD  = 3
)

// Set is the sockets of a process. Methods may be called concurrently.
type Set struct {
	mu        sync.Mutex
	inherited map[string]net.Listener // not taken yet
	open      []opened                // those that were made last are handed on
	ready     *os.File                // nil = nobody waits
}

type opened struct {
	name string
	l    *net.TCPListener
}

// Inherit takes over what this process was handed, and removes it from the environment, so that no child believes it was
// meant. A process that was handed nothing has an empty Set.
func Inherit() (*Set, error) {
	s := &Set{inherited: map[string]net.Listener{}}
	names, ready := os.Getenv(envNames), os.Getenv(envReady)
	n, err := handed(os.Getenv(envFDs), os.Getenv(envPID), os.Getpid())
	for _, key := range []string{envFDs, envPID, envNames, envReady} {
		_ = os.Unsetenv(key)
	}
	if err != nil {
		return nil, err
	}
	for i := range n {
		name := strconv.Itoa(firstFD + i)
		if list := strings.Split(names, ":"); i < len(list) && list[i] != "" {
			name = unescape(list[i])
		}
		f := os.NewFile(uintptr(firstFD+i), name)
		l, err := net.FileListener(f)
		_ = f.Close() // l has a copy
		if err != nil {
			return nil, fmt.Errorf("socket %s that was handed on: %w", name, err)
		}
		s.inherited[name] = l
	}
	if fd, err := strconv.Atoi(ready); err == nil {
		s.ready = os.NewFile(uintptr(fd), "ready")
	}
	return s, nil
}

// handed is how many descriptors are for this process. A successor does not know its id before it runs, so none is given.
func handed(fds, pid string, self int) (int, error) {
	if fds == "" {
		return 0, nil
	}
	if pid != "" && pid != strconv.Itoa(self) {
		return 0, nil
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 || n > 1000 {
		return 0, fmt.Errorf("%s=%s, want a number of sockets", envFDs, fds)
	}
	return n, nil
}

// Names are separated by colons, which addresses have too.
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "%", "%25"), ":", "%3A")
}
func unescape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "%3A", ":"), "%25", "%")
}

// Listen returns the socket that was handed on by that name, or else a new one at addr. For fd:NAME there is no other.
func (s *Set) Listen(name, addr string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted, only := strings.CutPrefix(addr, "fd:")
	if only {
		name = wanted
	}
	l, ok := s.inherited[name]
	switch {
	case ok && (only || samePort(l.Addr(), addr)):
		delete(s.inherited, name)
	case only:
		return nil, fmt.Errorf("no socket called %s was handed to this process; there is %s", name, s.namesLocked())
	default:
		var err error
		if l, err = net.Listen("tcp", addr); err != nil {
			return nil, err
		}
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		return l, nil
	}
	return s.countLocked(name, t), nil
}

// samePort reports whether a socket that was handed on by a name does for an address, which may have changed since.
func samePort(has net.Addr, addr string) bool {
	_, want, err := net.SplitHostPort(addr)
	t, ok := has.(*net.TCPAddr)
	if err != nil || !ok || want == "0" {
		return true
	}
	port, err := net.LookupPort("tcp", want)
	return err != nil || port == t.Port
}

// Share returns another listener on the socket of one that is open, with the same queue: either may be closed without the loss
// of a connection. It fails where the system has no such thing.
func (s *Set) Share(name string, l net.Listener) (net.Listener, error) {
	c, ok := l.(*counted)
	if !ok {
		return nil, fmt.Errorf("a %T cannot be shared", l)
	}
	f, err := fileOf(c.TCPListener, name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the new listener has a copy
	again, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked(name, again.(*net.TCPListener)), nil
}

func (s *Set) countLocked(name string, t *net.TCPListener) net.Listener {
	s.open = append(s.open, opened{name, t})
	return &counted{t, func() { s.forget(t) }}
}

func (s *Set) namesLocked() string {
	var names []string
	for name := range s.inherited {
		names = append(names, name)
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (s *Set) forget(l *net.TCPListener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o opened) bool { return o.l == l })
}

// counted is a listener that is handed on for as long as it is open.
type counted struct {
	*net.TCPListener
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.TCPListener.Close()
}

// DropUnused closes what was handed on and nobody listens on.
func (s *Set) DropUnused() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, l := range s.inherited {
		names = append(names, name)
		_ = l.Close()
	}
	clear(s.inherited)
	return names
}

// Awaited reports whether a process that handed on its sockets waits for this one to serve.
func (s *Set) Awaited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready != nil
}

// Serving tells the process that handed on its sockets that this one serves.
func (s *Set) Serving() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready == nil {
		return nil
	}
	_, err := s.ready.Write([]byte{1})
	err = errors.Join(err, s.ready.Close())
	s.ready = nil
	return err
}
