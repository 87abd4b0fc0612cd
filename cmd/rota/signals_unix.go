//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// controlSignals are what the proxy does something at, beside leaving.
func controlSignals() []os.Signal { return []os.Signal{syscall.SIGHUP, syscall.SIGUSR2} }

func upgradeSignal() os.Signal { return syscall.SIGUSR2 }

// inUse reports whether an address is somebody else's.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
