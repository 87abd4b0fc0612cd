package dns

import (
	"context"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/bell"
)

// loop decides when to look and what to tell; what a look is it does not know.
type loop struct {
	settings
	look    func(context.Context) (answer, error)
	update  func([]rota.Instance)
	onError func(error)
	bell    *bell.Bell
	random  func() float64 // in [0, 1)

	members  members
	known    bool // there was an answer
	failures int  // since the last answer
}

// answer is what a lookup found.
type answer struct {
	instances []rota.Instance // no two with the same Addr
	ttl       time.Duration   // how long it may be kept; of an error: for how long that may be believed. May be noTTL
	partial   bool            // a part could not be had: what is not listed may still be there
	flaw      error           // what was not as it should be, if there are instances all the same
}

const (
	// noTTLInterval is the pause after an answer that does not tell how long it holds.
	noTTLInterval = 30 * time.Second
	// maxBackoff is the longest pause after a failed lookup.
	maxBackoff = 30 * time.Second
)

func (l *loop) run(ctx context.Context) error {
	for {
		rung := l.bell.Next() // before the look: who rings meanwhile may know more than it finds
		a, err := l.look(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !l.known:
			return err
		}
		now := time.Now()
		due := now.Add(l.settle(now, a, err))
		if l.failures > 0 {
			rung = nil
		}
		if err := l.rest(ctx, rung, now.Add(l.minInterval), due); err != nil {
			return err
		}
	}
}

// settle acts on a look, and returns the pause until the next.
func (l *loop) settle(now time.Time, a answer, err error) time.Duration {
	if err == nil {
		l.known, l.failures = true, 0
		l.members.merge(now, a)
		l.update(l.members.instances())
		err = a.flaw
	} else {
		l.failures++
	}
	if err != nil && l.onError != nil {
		l.onError(err)
	}
	if l.failures > 0 {
		return l.backoff(a.ttl)
	}
	return l.interval(a.ttl)
}

// rest waits until the next look is due. A ring brings it forward, but not before soonest. Whose grace is over
// meanwhile goes.
func (l *loop) rest(ctx context.Context, rung <-chan struct{}, soonest, due time.Time) error {
	for {
		until := due
		if t, ok := l.members.nextExpiry(); ok && t.Before(until) {
			until = t
		}
		early, err := bell.Wait(ctx, until, rung)
		if err != nil {
			return err
		}
		if early {
			rung = nil
			if soonest.Before(due) {
				due = soonest
			}
		}
		now := time.Now()
		if l.members.expire(now) {
			l.update(l.members.instances())
		}
		if !now.Before(due) {
			return nil
		}
	}
}

// interval is the pause after an answer: its TTL and up to a tenth more, for at the longest maxInterval.
func (l *loop) interval(ttl time.Duration) time.Duration {
	if ttl == noTTL {
		ttl = noTTLInterval
	}
	from := max(l.minInterval, min(ttl, l.maxInterval-l.maxInterval/10))
	to := max(from, min(from+from/10, l.maxInterval))
	return from + time.Duration(l.random()*float64(to-from))
}

// backoff is the pause after a failure: the upper half of a time that doubles with each, and at least what the
// server says.
func (l *loop) backoff(ttl time.Duration) time.Duration {
	longest := max(l.minInterval, min(maxBackoff, l.maxInterval))
	pause := l.minInterval
	for n := 1; n < l.failures && pause < longest; n++ {
		pause = max(2*pause, time.Millisecond)
	}
	pause = min(pause, longest)
	pause = max(l.minInterval, pause/2+time.Duration(l.random()*float64(pause-pause/2)))
	return max(pause, min(ttl, longest))
}
