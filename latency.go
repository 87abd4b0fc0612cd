package rota

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/hist"
)

const (
	enoughAnswers = 100              // before that no quantile is trusted
	recentSpan    = 10 * time.Second // a quantile is over the answers of at least this long
	refreshEvery  = 250 * time.Millisecond
	retryRefresh  = 10 * time.Millisecond // while answers are too few
	minHedgeDelay = time.Millisecond
)

// latencies knows the quantiles of the recent winning answers of a route. The histograms it reads are those of its
// cells, which only ever grow: what is recent is the difference to an older copy.
type latencies struct {
	// Both 0 until enoughAnswers were measured.
	hedge atomic.Int64 // the delay before a hedge
	p50   atomic.Int64
	p99   atomic.Int64

	next atomic.Int64 // when to look again, since the cluster's epoch

	mu       sync.Mutex
	old, mid hist.Counts // copies: recent is what came since old; mid replaces it in time
	rotated  time.Duration
}

// refresh brings the quantiles up to date when that is due. It costs two loads when it is not.
func (r *Route) refresh(now time.Duration) {
	l := &r.latencies
	if int64(now) < l.next.Load() || l.hedge.Load() == 0 && r.started() < enoughAnswers {
		return
	}
	if !l.mu.TryLock() {
		return // somebody is at it
	}
	defer l.mu.Unlock()
	all := new(hist.Counts)
	r.addAnswers(all)
	if all.Total < enoughAnswers {
		l.next.Store(int64(now + retryRefresh))
		return
	}
	l.next.Store(int64(now + refreshEvery))
	if recent := all.Total - l.mid.Total; recent >= enoughAnswers && now-l.rotated >= recentSpan {
		l.old, l.mid, l.rotated = l.mid, *all, now
	}
	all.Sub(&l.old)
	l.hedge.Store(int64(hedgeDelay(all)))
	l.p50.Store(int64(all.Quantile(0.5)))
	l.p99.Store(int64(all.Quantile(0.99)))
}

// slow reports whether an answer took much longer than answers usually do.
func (l *latencies) slow(took time.Duration) bool {
	p50 := time.Duration(l.p50.Load())
	return p50 > 0 && took > max(slowFactor*p50, minHedgeDelay)
}

// hedgeDelay is the 95th percentile, so that about one call in twenty is hedged; but where the slow mode of a
// two-humped latency has more than its twentieth, the 95th lies in it and a hedge would come too late to help.
func hedgeDelay(c *hist.Counts) time.Duration {
	p90, p95 := c.Quantile(0.90), c.Quantile(0.95)
	if p95 > 2*p90 {
		p95 = p90
	}
	return max(p95, minHedgeDelay)
}
