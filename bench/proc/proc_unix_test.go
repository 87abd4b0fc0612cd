//go:build unix

package proc_test

import (
	"errors"
	"os/exec"
	"testing"
)

func TestTerminateSaysHowItEnded(t *testing.T) {
	p := start(t, t.Context(), "serve")
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	if exit := (*exec.ExitError)(nil); !errors.As(p.Wait(t.Context()), &exit) || exit.ExitCode() != -1 {
		t.Errorf("Wait() = %v, want a death by signal", exit)
	}
}
