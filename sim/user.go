package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// source is where users' requests come from: one client of a group.
type source struct {
	w     *world
	group *group
	*caller
	arrival timer
	rand    *rand.Rand
	share   float64 // of the group's rate
}

// user is a request of a user: one call, or several at once that have all to be answered.
type user struct {
	s       *source
	began   time.Duration
	tally   *tally // of the step in which it began
	pending int
	err     error
}

// act is the arrival of a user's request.
func (s *source) act(step) {
	s.schedule()
	w := s.w
	u := w.newUser()
	*u = user{s: s, began: w.now, tally: w.current, pending: s.group.Fanout}
	u.tally.begun(w.now)
	deadline := w.now + s.group.Timeout
	for range s.group.Fanout {
		s.caller.begin(deadline, s.rand.Uint64(), u, nil)
	}
}

// schedule sets the time of the next arrival.
func (s *source) schedule() {
	rate := s.group.rate * s.w.load * s.share // a second
	if rate <= 0 || s.w.closed {
		s.w.stop(&s.arrival)
		return
	}
	gap := 1.0
	if s.group.Arrivals != "even" {
		gap = s.rand.ExpFloat64()
	}
	s.w.set(&s.arrival, s.w.now+max(time.Duration(math.Round(gap/rate*float64(time.Second))), 1))
}

// ended takes the end of one of the request's calls into account. What fails fails the whole, when its last call is over.
func (u *user) ended(err error) {
	if err != nil && u.err == nil {
		u.err = err
		u.tally.failed(u, err)
	}
	if u.pending--; u.pending > 0 {
		return
	}
	w := u.s.w
	if u.err == nil {
		u.tally.answered(w.now, u)
	}
	u.tally.over()
	w.users = append(w.users, u)
}

func (w *world) newUser() *user {
	if n := len(w.users); n > 0 {
		u := w.users[n-1]
		w.users = w.users[:n-1]
		return u
	}
	return new(user)
}
