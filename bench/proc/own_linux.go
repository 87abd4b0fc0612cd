package proc

import (
	"os/exec"
	"syscall"
)

// own gives the child a process group of its own, so that Ctrl-C reaches only its parent, who then ends it in order; and
// has the system kill it when the parent is gone, however that came about.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
