//go:build !unix

package rotahttp

import "time"

func cpuTime() (time.Duration, bool) { return 0, false }
