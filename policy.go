package rota

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/rota-go/rota/internal/rate"
)

// Policy says how calls are made. It is data: a nil part is off, a zero field means the default that its comment
// gives. A Policy is not changed by the Client that uses it.
type Policy struct {
	// Timeout bounds a whole call: waiting for instances, every attempt and every pause. The caller's own deadline
	// holds as well. Zero means only the caller's.
	Timeout time.Duration
	Retry   *Retry
	Hedge   *Hedge
	Breaker *Breaker
	Rate    *Rate
	// Throttle holds calls back that the service would turn down.
	Throttle *Throttle
	// SlowStart is how long a replica that joins, or is back after its breaker was open, gets less than its share of
	// calls: a tenth at first, and more every moment. Default 1 s; negative = all of it at once.
	SlowStart time.Duration
	// Budget bounds retries and hedges together. It is always on.
	Budget Budget
}

// DefaultPolicy returns what suits most services: up to three attempts and a breaker. It bounds a call's time only by
// the caller's deadline, and does not hedge, because hedging costs work at the replicas.
func DefaultPolicy() Policy {
	return Policy{Retry: &Retry{}, Breaker: &Breaker{}}
}

// MaxAttempts is the most attempts that a policy may allow a call.
const MaxAttempts = 8

// Retry makes another attempt when one fails, on a replica that was not tried yet as long as one is usable.
type Retry struct {
	// Attempts is the most a call may take, the first and all hedges included. Default 3, at most MaxAttempts. Above 1,
	// those that never reached a replica do not count, as long as there is another replica that was not tried.
	Attempts int
	// TryTimeout bounds one attempt, which is then given up. Negative: only the call's deadline does. Zero, the
	// default: an idempotent call that has had no answer for half of its remaining time (or for the 99th percentile
	// of measured latency when that is longer, up to three quarters of the remaining time) gets another attempt on
	// another replica, while the first goes on. So one hung replica cannot eat the whole call, and a service that is
	// slow everywhere is waited for.
	TryTimeout time.Duration
	// Base and Max shape the pause before a retry: a random time of up to Base x 2^(n-1), at most Max ("full
	// jitter", after M. Brooker, AWS). The first retry on another replica is sent at once. Defaults 10 ms and 250 ms.
	Base, Max time.Duration
}

// Hedge sends an idempotent call to a second replica when the first has not answered after a delay, to a third after
// twice the delay more, and so on, and takes the answer that comes first (J. Dean, L. Barroso, "The Tail at Scale", CACM
// 2013). A hedge is an attempt: it counts
// for Retry.Attempts (two without a Retry) and costs budget. None is sent within OverloadCalm of a replica's
// Overload.
type Hedge struct {
	// Delay until the hedge. Zero means the 95th percentile of the latency of recent winning answers, or the 90th
	// where the 95th is more than twice that; at least 1 ms; and no hedge before 100 answers.
	Delay time.Duration
}

// OverloadCalm is how long no hedges are sent after a replica said that it is overloaded.
const OverloadCalm = time.Second

// Breaker takes a replica out of use while it fails. It opens after Failures failures in a row, or when the share
// Ratio of at least Volume calls in the last 10 s failed. After Open it tries one call at a time: success closes it,
// failure opens it again, anything else decides nothing. Only a call that can afford a retry is used for that, and only
// its first attempt, unless no other replica is left. An attempt that lost to its hedge is no failure, but as
// many of them as Failures, in a row over at least 100 ms in which the replica answered nobody, open the breaker too.
// Overload is no failure either; after as many in a row the replica is left alone for Open, if there is another one.
//
// Once a second replicas are compared with each other: one whose share of failures is far above that of all others
// together is taken out too, and, where a Hedge is set, one of which most answers are slow while those of the others are
// not. A replica that fails again within 30 s of its return waits twice as long for its next trial, up to a second (or
// Open, if that is longer).
type Breaker struct {
	Failures int           // default 5
	Ratio    float64       // default 0.5
	Volume   int           // default 20
	Open     time.Duration // default 1 s
	// MaxEjected is the share of the replicas that may be out of use at a time; one may always, and one is always left.
	// Default 0.7: 2 of 3, 7 of 10. One that should be out beyond that stays in use, for a tenth of its turns. When less
	// than a quarter is in use, or those that are fail as well, all are used.
	MaxEjected float64
}

// Rate limits the attempts sent to each replica: PerSecond sustained, of which Burst may come at once.
type Rate struct {
	PerSecond float64 // required, > 0
	Burst     int     // default max(1, PerSecond/10)
}

// Budget bounds retries and hedges: in any 10 s they are at most Ratio x the calls plus 10 s x MinPerSecond. So there
// are 10 tokens at the start, and one dead replica does not fail the first call of the day. (After Finagle's
// RetryBudget, with the SRE book's ratio.)
type Budget struct {
	Ratio        float64 // default 0.1; negative: only MinPerSecond
	MinPerSecond float64 // default 1; negative: only Ratio
}

// Validate returns an error that names the first field whose value cannot be meant.
func (p Policy) Validate() error {
	var b bounds
	b.want("Timeout", p.Timeout, p.Timeout >= 0, ">= 0")
	if r := p.Retry; r != nil {
		b.want("Retry.Attempts", r.Attempts, r.Attempts >= 0 && r.Attempts <= MaxAttempts, "0 (the default) to 8")
		b.want("Retry.Base", r.Base, r.Base >= 0, ">= 0")
		b.want("Retry.Max", r.Max, r.Max >= 0, ">= 0")
	}
	if h := p.Hedge; h != nil {
		b.want("Hedge.Delay", h.Delay, h.Delay >= 0, ">= 0")
	}
	if k := p.Breaker; k != nil {
		b.want("Breaker.Failures", k.Failures, k.Failures >= 0, ">= 0")
		b.want("Breaker.Ratio", k.Ratio, k.Ratio >= 0 && k.Ratio <= 1, "0 to 1")
		b.want("Breaker.Volume", k.Volume, k.Volume >= 0, ">= 0")
		b.want("Breaker.Open", k.Open, k.Open >= 0, ">= 0")
		b.want("Breaker.MaxEjected", k.MaxEjected, k.MaxEjected >= 0 && k.MaxEjected <= 1, "0 to 1")
	}
	if r := p.Rate; r != nil {
		b.want("Rate.PerSecond", r.PerSecond, r.PerSecond > 0 && !math.IsInf(r.PerSecond, 0), "> 0")
		b.want("Rate.Burst", r.Burst, r.Burst >= 0, ">= 0")
	}
	if t := p.Throttle; t != nil {
		b.want("Throttle.K", t.K, t.K == 0 || t.K >= 1 && !math.IsInf(t.K, 0), ">= 1, or 0 (the default)")
		b.want("Throttle.MaxReject", t.MaxReject, t.MaxReject >= 0 && t.MaxReject <= 1, "0 (the default) to 1")
		b.want("Throttle.MinPerSecond", t.MinPerSecond, !math.IsNaN(t.MinPerSecond) && !math.IsInf(t.MinPerSecond, 0), "a number")
	}
	b.want("Budget.Ratio", p.Budget.Ratio, p.Budget.Ratio <= 1, "<= 1")
	b.want("Budget.MinPerSecond", p.Budget.MinPerSecond, !math.IsNaN(p.Budget.MinPerSecond), "a number")
	return b.err
}

// bounds keeps the first value that is out of its bounds.
type bounds struct{ err error }

func (b *bounds) want(field string, got any, ok bool, want string) {
	if !ok && b.err == nil {
		b.err = fmt.Errorf("rota: %s = %v, want %s", field, got, want)
	}
}

// rules is a Policy worked out: defaults filled in, parts that are off made harmless, so that the code of a call asks
// no questions about nil.
type rules struct {
	timeout    time.Duration
	attempts   int
	tryTimeout time.Duration // 0 = none
	splitTime  bool          // another attempt after a share of the remaining time
	base, max  time.Duration
	hedge      bool
	hedgeDelay time.Duration // 0 = from the quantile
	breaker    bool
	failures   int
	ratio      float64
	volume     uint64
	open       time.Duration
	maxEjected float64
	slowStart  time.Duration
	limited    bool
	limit      rate.Limit
	budget     struct{ ratio, floor float64 }
	throttle   *throttle // nil = off; the Cluster makes it
}

func (p Policy) rules() rules {
	r := rules{timeout: p.Timeout, attempts: 1, failures: math.MaxInt}
	if p.Hedge != nil {
		r.hedge, r.hedgeDelay, r.attempts = true, p.Hedge.Delay, 2
	}
	if t := p.Retry; t != nil {
		r.attempts = or(t.Attempts, 3)
		r.tryTimeout, r.splitTime = max(t.TryTimeout, 0), t.TryTimeout == 0
		r.base, r.max = or(t.Base, 10*time.Millisecond), or(t.Max, 250*time.Millisecond)
	}
	if b := p.Breaker; b != nil {
		r.breaker, r.failures, r.ratio = true, or(b.Failures, 5), or(b.Ratio, 0.5)
		r.volume, r.open = uint64(or(b.Volume, 20)), or(b.Open, time.Second)
		r.maxEjected = or(b.MaxEjected, 0.7)
	}
	if l := p.Rate; l != nil {
		r.limited = true
		r.limit = rate.New(l.PerSecond, or(l.Burst, max(1, int(min(l.PerSecond/10, 1e6)))))
	}
	r.slowStart = setting(p.SlowStart, time.Second)
	r.budget.ratio, r.budget.floor = p.Budget.tokens()
	return r
}

func or[T comparable](v, zero T) T {
	var none T
	if v == none {
		return zero
	}
	return v
}

// setting is v, its default when it is zero, and zero when it is negative.
func setting[T cmp.Ordered](v, def T) T {
	var zero T
	return max(or(v, def), zero)
}
