// Package report estimates what a replica tells its callers of itself: how many requests it has, how long one that
// arrives now is likely to take, and how many it ends a second.
//
// The estimate of the time is Prequal's (B. Wydrowski et al., "Load is not what you should balance", NSDI 2024, section
// 4): the median of recent requests that arrived when there were about as many others as there are now. The paper leaves
// open how wide "about" is and how long "recent"; what is chosen here stands beside the constants.
package report

import (
	"sync"
	"time"
)

const (
	// validity is the age up to which a sample counts. With none that is younger the time is not known, and the replica
	// says so: one that told its last median again would get no requests after an unlucky one, and so never another.
	validity = time.Second
	// enough samples make a median. While there are fewer, those are added of requests that arrived when there were
	// somewhat more or fewer others, up to reach steps away.
	enough = 5
	reach  = 4
	// The time is at least this share of the mean age of those that are still running. On a replica that drowns, those that
	// end are the short ones, and their median says that it is quick.
	agedOf, aged = 4, 3
	// The rate is a moving average over about span, which is brought up to date once every step.
	span = time.Second
	step = 250 * time.Millisecond
)

// Estimator is what a replica knows of itself. The zero value is ready. Methods may be called concurrently; times are
// durations since an epoch of the caller's, and those of concurrent calls may be out of order by a little. The same calls
// give the same results.
//
// It takes 400 bytes, and 160 more for each number of others that requests have met: one of 0 to 15, and above that steps
// of a quarter.
type Estimator struct {
	mu      sync.Mutex
	rif     int
	open    int           // those of rif that were not answered
	arrived time.Duration // the sum of the times at which these arrived; it may wrap, their ages do not
	pace    pace
	samples [levels]*samples
}

// Token is a request that was begun. The zero value is none. It must not be copied once it has been answered or ended.
type Token struct {
	began time.Duration
	level uint8
	phase phase
}

type phase uint8

const (
	over phase = iota
	running
	answered
)

// Began returns when the request arrived.
func (t *Token) Began() time.Duration { return t.began }

// Ending is what became of a request.
type Ending uint8

const (
	// Served is a request that was answered: how long it took is a sample.
	Served Ending = iota
	// Failed is one that failed, or whose caller has left. It counts in the rate, but says nothing of how long one takes.
	Failed
	// Refused is one that the replica did not begin with. It counts for nothing.
	Refused
)

// Load is what a replica says of itself.
type Load struct {
	RIF     int           // requests in flight, beside the one that carries this
	Latency time.Duration // that one more is likely to take, in whole microseconds; 0 = it does not know
	Rate    float64       // requests ended a second; 0 = there were none lately, or it is too early to tell
}

// Begin counts a request that arrives.
func (e *Estimator) Begin(now time.Duration) Token {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := Token{now, uint8(levelOf(e.rif)), running}
	e.rif++
	e.open++
	e.arrived += now
	return t
}

// Answer notes that the reply to a request begins, and returns the load that it is to carry. From then on its age says
// nothing: it may be a stream. It stays in flight until End. A second Answer, or one after End, only returns the load.
func (e *Estimator) Answer(now time.Duration, t *Token, how Ending) Load {
	e.mu.Lock()
	defer e.mu.Unlock()
	others := e.rif
	if t.phase != over {
		others--
	}
	e.answerLocked(now, t, how)
	return e.loadLocked(now, others)
}

// End notes that a request has ended. It must be called once for every Begin, whatever becomes of the request, or it is in
// flight for ever; a second End does nothing. If the request was answered before, how does not matter.
func (e *Estimator) End(now time.Duration, t *Token, how Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.phase == over {
		return
	}
	e.answerLocked(now, t, how)
	t.phase = over
	e.rif--
}

func (e *Estimator) answerLocked(now time.Duration, t *Token, how Ending) {
	if t.phase != running {
		return
	}
	t.phase = answered
	e.open--
	e.arrived -= t.began
	if how == Refused {
		return
	}
	e.pace.count(now)
	if how == Served {
		s := e.samples[t.level]
		if s == nil {
			s = new(samples)
			e.samples[t.level] = s
		}
		s.add(now, now-t.began)
	}
}

// Load returns what the replica says of itself when nobody's request carries it.
func (e *Estimator) Load(now time.Duration) Load {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loadLocked(now, e.rif)
}

// RIF returns the number of requests in flight.
func (e *Estimator) RIF() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rif
}

func (e *Estimator) loadLocked(now time.Duration, others int) Load {
	l := Load{others, e.median(now, levelOf(others)), e.pace.perSecond(now)}
	if e.open > 0 {
		age := (now*time.Duration(e.open) - e.arrived) / time.Duration(e.open)
		l.Latency = max(l.Latency, (age * aged / agedOf).Truncate(time.Microsecond))
	}
	return l
}

// pace is how many requests end a second, as a moving average. The weight of the old one is span/(span+dt), the
// first-order form of exp(-dt/span), which is the same on all machines.
type pace struct {
	since  time.Duration // the last update; 0 = none yet
	n      int           // ends since then
	rate   float64
	weight float64 // of all that is in rate: below 1 in the beginning
}

func (p *pace) count(now time.Duration) {
	p.update(now)
	p.n++
}

func (p *pace) perSecond(now time.Duration) float64 {
	p.update(now)
	return p.rate
}

func (p *pace) update(now time.Duration) {
	if p.since == 0 {
		p.since = max(now, 1)
	}
	dt := now - p.since
	if dt < step {
		return
	}
	fresh := float64(dt) / float64(span+dt)
	p.weight += (1 - p.weight) * fresh
	p.rate += (float64(p.n)/dt.Seconds() - p.rate) * fresh / p.weight
	p.since, p.n = now, 0
}
