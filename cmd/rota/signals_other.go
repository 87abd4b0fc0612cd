//go:build !unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// controlSignals are what the proxy does something at, beside leaving. Sockets cannot be handed on here.
func controlSignals() []os.Signal { return []os.Signal{syscall.SIGHUP} }

func upgradeSignal() os.Signal { return nil }

// inUse reports whether an address is somebody else's (WSAEADDRINUSE).
func inUse(err error) bool { return errors.Is(err, syscall.Errno(10048)) }
