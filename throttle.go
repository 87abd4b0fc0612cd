package rota

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/window"
)

// Throttle lets a client refuse calls itself while the service turns most of them down, so that a service with too much to
// do need not even refuse (Google, "Site Reliability Engineering", ch. 21, client-side throttling). Of the attempts of the
// last 10 s, those included that were not sent for this reason, the share
//
//	(attempts - K x accepts - 10 s x MinPerSecond) / (attempts + 1)
//
// is not sent: as long as the service accepts one in K nothing is held back, and then K times what it accepts is sent. The
// share of the last 2 s counts if it is less, so that a service which is well again has its calls within seconds.
//
// A call whose first attempt is not sent fails with ErrThrottled. A retry that is not sent leaves the call with the failure
// that it has. While the share is above 0 nothing is hedged.
//
// An attempt is accepted if it has an answer, whatever the answer says: to fail a call is work, and a service with a bug is
// not helped by fewer calls. It is turned down if its verdict is Overload, or if its time was up: a service with too much
// to do has no time even to refuse, and what it does for callers that have gone keeps it so. It does not count if its end
// says nothing of the service: the caller left, another attempt won, or it never reached the replica, which cost the
// service nothing and is the breaker's business. Attempts under way are expected to end as the others did, so a service
// that is slow, but answers, is not taken for one that does not.
type Throttle struct {
	K            float64 // default 2, at least 1: 1.1 sends little in vain, 2 notices sooner that the service is well
	MaxReject    float64 // the most of the attempts that are not sent; default 0.95, at most 1
	MinPerSecond float64 // attempts a second that are sent on average in any case; default 1, negative: none
}

// throttle is what a cluster with a Throttle counts. Its methods may be called concurrently.
type throttle struct {
	k, most, floor float64 // floor: a second
	cells          []throttleCell
	share          atomic.Uint32 // of attempts that are not sent, of 2^32
	next           atomic.Int64  // when to work it out again
}

// throttleCell is what one seat counts: calls on different processors do not fight for a cache line.
type throttleCell struct {
	attempts window.Counter // that were accepted, turned down or not sent
	accepts  window.Counter
	_        [64]byte
}

const (
	throttleRefresh = 20 * time.Millisecond
	throttleQuick   = 2 * time.Second
)

// newThrottle returns nil for nil.
func newThrottle(t *Throttle, seats int) *throttle {
	if t == nil {
		return nil
	}
	return &throttle{
		k: or(t.K, 2), most: or(t.MaxReject, 0.95), floor: setting(t.MinPerSecond, 1), cells: make([]throttleCell, seats),
	}
}

// rejecting returns the share of attempts that are not to be sent, of 2^32.
func (t *throttle) rejecting(now time.Duration) uint32 {
	if next := t.next.Load(); int64(now) >= next && t.next.CompareAndSwap(next, int64(now+throttleRefresh)) {
		p := t.over(now, window.Span)
		if p > 0 {
			p = min(p, t.over(now, throttleQuick))
		}
		t.share.Store(uint32(min(p*(1<<32), math.MaxUint32)))
	}
	return t.share.Load()
}

// over works the share out over a span.
func (t *throttle) over(now, span time.Duration) float64 {
	var attempts, accepts uint64
	for i := range t.cells {
		attempts += t.cells[i].attempts.Within(now, span)
		accepts += t.cells[i].accepts.Within(now, span)
	}
	free := t.k*float64(accepts) + t.floor*span.Seconds()
	return min(max(0, (float64(attempts)-free)/(float64(attempts)+1)), t.most)
}

// ended counts the attempt a.
func (t *throttle) ended(now time.Duration, seat int, a *Attempt) {
	c, o := &t.cells[seat], &a.outcome
	switch {
	case o.Verdict == Success:
	case o.Verdict == Ignored:
		return
	case o.Verdict == Overload, a.timedOut:
		c.attempts.Add(now)
		return
	case o.Unsent:
		return
	}
	c.attempts.Add(now)
	c.accepts.Add(now)
}

// throttled reports whether an attempt is not to be sent, and counts it then.
func (p *Plan) throttled() bool {
	t := p.rules.throttle
	if t == nil {
		return false
	}
	share := t.rejecting(p.now)
	if share == 0 || !p.drawn(share) {
		return false
	}
	t.cells[p.seat].attempts.Add(p.now)
	return true
}

// holdsBack reports whether some attempts are not sent now.
func (p *Plan) holdsBack() bool {
	return p.rules.throttle != nil && p.rules.throttle.rejecting(p.now) > 0
}
