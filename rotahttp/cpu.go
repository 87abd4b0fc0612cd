package rotahttp

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// usage knows which share of the processors that the process may use it does use: its CPU time, divided by the time on the
// clock and GOMAXPROCS, which heeds the limit of a container. It is a moving average over about a second, or over the time
// since somebody asked last, if that is longer. The zero value is ready. Methods may be called concurrently.
type usage struct {
	next  atomic.Int64  // when to look again, since the epoch of now
	share atomic.Uint32 // in thousandths

	mu     sync.Mutex
	began  bool
	at     time.Duration // when it looked last
	used   time.Duration // CPU time until then
	mean   float64
	weight float64 // of all that is in mean: below 1 in the beginning
}

const (
	usageStep = 250 * time.Millisecond // between two looks, at least
	usageSpan = time.Second
)

// look brings the share up to date, if it is time.
func (u *usage) look(now time.Duration) {
	if int64(now) < u.next.Load() || !u.mu.TryLock() {
		return
	}
	defer u.mu.Unlock()
	if used, ok := cpuTime(); ok {
		u.learnLocked(now, used, runtime.GOMAXPROCS(0))
	}
	u.next.Store(int64(now + usageStep))
}

func (u *usage) learnLocked(now, used time.Duration, processors int) {
	if dt := now - u.at; u.began && dt > 0 {
		fresh := float64(dt) / float64(usageSpan+dt)
		u.weight += (1 - u.weight) * fresh
		share := float64(used-u.used) / (float64(dt) * float64(processors))
		u.mean += (share - u.mean) * fresh / u.weight
		u.share.Store(thousandths(u.mean, maxLoadUtil))
	}
	u.began, u.at, u.used = true, now, used
}

// thousandths returns the share to two digits; 0 = it is not known.
func (u *usage) thousandths() uint32 { return u.share.Load() }
