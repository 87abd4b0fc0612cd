package sim

import (
	"errors"
	"time"

	"github.com/rota-go/rota"
)

// records is what a run writes down.
type records struct {
	from     time.Duration // the end of the warm-up
	tallies  []*tally      // of the steps; before the first and after the last, others that nobody reads
	current  *tally
	timeline timeline
}

// tally is what happened in one step.
type tally struct {
	w        *world
	step     Step
	counts   bool // somebody reads it
	from, to time.Duration

	latency  histogram // of all calls
	took     histogram // of those that were answered
	calls    int64     // of users
	made     int64     // of clients: Fanout of them for each
	good     int64
	errors   int64
	reasons  map[string]int64
	sends    int64 // attempts of clients
	retries  int64
	hedges   int64
	probes   int64
	ejected  int64
	falsely  int64
	services []serviceTally
}

// serviceTally is what happened to one service in a step.
type serviceTally struct {
	attempts []int64 // of each replica
	used     []float64
	rif      weights
	books
}

// books count what a server does.
type books struct {
	refused, dropped, wasted int64
	since                    time.Duration // of the last change of its requests in flight
	usedBefore               float64
}

func (w *world) newTally(s Step, counts bool) *tally {
	t := &tally{w: w, step: s, counts: counts, reasons: map[string]int64{}, from: w.now}
	for _, s := range w.services {
		n := len(s.servers)
		t.services = append(t.services, serviceTally{attempts: make([]int64, n), used: make([]float64, n)})
	}
	return t
}

// enter begins a step.
func (w *world) enter(t *tally) {
	if w.current != nil {
		w.closeBooks()
	}
	w.current = t
	for _, s := range w.services {
		for _, x := range s.servers {
			x.advance(w.now)
			x.books = books{since: w.now, usedBefore: x.used}
		}
	}
	w.load = t.step.Load
	for _, s := range w.sources {
		s.reschedule()
	}
}

func (w *world) closeBooks() {
	t := w.current
	t.to = w.now
	for i, s := range w.services {
		st := &t.services[i]
		for k, x := range s.servers {
			w.counted(x)
			x.advance(w.now)
			st.used[k] = x.used - x.usedBefore
			st.refused += x.refused
			st.dropped += x.dropped
			st.wasted += x.wasted
		}
	}
}

// counted writes down for how long a server has had so many requests.
func (w *world) counted(s *server) {
	w.current.services[s.of.id].rif.add(s.inFlight, w.now-s.since)
	s.since = w.now
}

// sent counts an attempt.
func (w *world) sent(k *call, r *request) {
	t := w.current
	t.services[r.to.of.id].attempts[r.to.index]++
	if k.user == nil {
		return
	}
	t.sends++
	switch {
	case r.attempt.Hedge():
		t.hedges++
	case r.attempt.Number() > 1:
		t.retries++
	}
	w.timeline.sent(w.now, len(r.to.faults) > 0)
}

func (t *tally) begun(now time.Duration, fanout int) {
	t.calls++
	t.made += int64(fanout)
	t.w.timeline.begun(now)
	if t.counts {
		t.w.open++
	}
}

func (t *tally) over() {
	if t.counts {
		t.w.open--
	}
}

func (t *tally) answered(now time.Duration, u *user) {
	t.good++
	t.latency.add(now - u.began)
	t.took.add(now - u.began)
	t.w.timeline.answered(now, u.began)
}

// failed counts a user's request that came to nothing, as one that took all the time that its caller would have waited.
func (t *tally) failed(u *user, err error) {
	t.errors++
	t.reasons[reason(err)]++
	t.latency.add(u.s.group.Timeout)
	t.w.timeline.failed(u.s.group.Timeout)
}

// reason is a word for why a call failed.
func reason(err error) string {
	var e *rota.CallError
	switch {
	case !errors.As(err, &e):
		return "other"
	case e.Overloaded():
		return "overload"
	case e.Timeout():
		return "timeout"
	}
	for _, r := range reasons {
		if errors.Is(e.Reason, r.err) {
			return r.name
		}
	}
	return "other"
}

var reasons = []struct {
	err  error
	name string
}{
	{rota.ErrThrottled, "throttle"},
	{rota.ErrBudget, "budget"},
	{rota.ErrAttempts, "attempts"},
	{rota.ErrNoOther, "no other"},
	{rota.ErrNotIdempotent, "not repeatable"},
	{rota.ErrFinal, "final"},
	{rota.ErrRateLimited, "rate limit"},
	{rota.ErrUnavailable, "unavailable"},
	{rota.ErrNoInstances, "no instances"},
}

func (s *service) breakerChanged(e rota.BreakerEvent) {
	if !e.Open {
		return
	}
	t := s.w.current
	t.ejected++
	if x := s.serverOf(e.Instance.Addr); x != nil && len(x.faults) == 0 {
		t.falsely++
	}
}
