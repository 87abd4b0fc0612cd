package main

import (
	"os"
	"runtime"
)

// heapFloor is memory that is held and never touched, so that the system gives none for it, in bytes. The garbage collector
// counts it as alive, and waits until as much again was allocated: what a proxy keeps is so little that it would be collected
// a hundred times a second, at a tenth of all that the proxy costs.
const heapFloor = 8 << 20

// holdHeapFloor holds it until release is called, unless the user has set the collector himself.
func holdHeapFloor() (release func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
