package limit

import (
	"math"
	"time"
)

// The settings of envoy.
const (
	envoyMost    = 1000
	envoyPinned  = 3 // places while base is measured
	envoyProbes  = 50
	envoyEvery   = time.Minute // and up to a tenth more
	envoyAtLeast = 5           // windows at the minimum, after which base is measured anew
)

// envoy follows the median latency of 100 ms:
//
//	limit = limit * min(max(1.25 * base/median, 0.5), 2) + sqrt(limit)
//
// base is the median of 50 requests, for which the limit is pinned to 3 at the start, every minute or so, and after five
// windows at the minimum (Envoy's adaptive concurrency filter, gradient controller). What is rejected while it is
// pinned could have been handled.
type envoy struct {
	windowed
	base     float64 // in nanoseconds
	pinned   bool
	since    time.Duration // when it was pinned
	next     time.Duration // when to pin it again
	turn     float64       // in [0, 1): the jitter
	atLeast  int           // windows in a row at the minimum
	baseline sketch
}

func newEnvoy(least float64) *envoy {
	least = max(least, envoyPinned)
	return &envoy{windowed: *newWindowed(least, envoyMost, envoyWindow, nil), pinned: true}
}

func (e *envoy) places(time.Duration) int {
	if e.pinned {
		return envoyPinned
	}
	return int(e.limit)
}

func (e *envoy) sample(now time.Duration, s sample) {
	if e.pinned {
		if s.place.at >= e.since && s.took > 0 { // whole or not: it shall come to an end
			e.baseline.add(float64(s.took))
		}
		if e.baseline.n == envoyProbes {
			e.unpin(now)
		}
		return
	}
	if now >= e.next {
		e.pin(now)
		return
	}
	if !e.window.add(s, e.span) || !e.window.complete(now, e.span) {
		return
	}
	gradient := min(max(tolerance*e.base/e.window.sketch.quantile(e.span.quantile), 0.5), 2)
	e.limit = min(max(e.limit*gradient+math.Sqrt(e.limit), e.least), e.most)
	e.window.open(now)
	e.atLeast++
	if e.limit > e.least {
		e.atLeast = 0
	}
	if e.atLeast == envoyAtLeast {
		e.pin(now)
	}
}

func (e *envoy) pin(now time.Duration) {
	e.pinned, e.since, e.baseline, e.atLeast = true, now, sketch{}, 0
}

func (e *envoy) unpin(now time.Duration) {
	e.turn = math.Mod(e.turn+golden, 1)
	e.pinned, e.base = false, e.baseline.quantile(e.span.quantile)
	e.next = now + envoyEvery + time.Duration(e.turn*float64(envoyEvery/10))
	e.window.open(now)
}
