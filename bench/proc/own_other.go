//go:build !unix

package proc

import (
	"errors"
	"os"
	"os/exec"
)

func own(*exec.Cmd) {}

func killGroup(p *os.Process) error { return p.Kill() }

func stop(*os.Process) error   { return errors.ErrUnsupported }
func resume(*os.Process) error { return errors.ErrUnsupported }
