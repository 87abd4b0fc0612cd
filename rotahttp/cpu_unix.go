//go:build unix

package rotahttp

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time that the process has used; false where a system does not tell.
func cpuTime() (time.Duration, bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, false
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), true
}
