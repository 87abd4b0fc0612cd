//go:build unix && !linux

package proc

import (
	"os/exec"
	"syscall"
)

// own gives the child a process group of its own, so that Ctrl-C reaches only its parent, who then ends it in order.
func own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
