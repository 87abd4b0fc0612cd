//go:build unix

package proc

import (
	"os"
	"syscall"
)

// killGroup ends the process and all that it started: own made it the leader of their group.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

func stop(p *os.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
