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
	u.tally.begun(w.now, s.group.Fanout)
	deadline := w.now + s.group.Timeout
	for range s.group.Fanout {
		s.caller.begin(deadline, s.rand.Uint64(), u, nil)
	}
}

// schedule sets the time of the next arrival.
func (s *source) schedule() {
	if s.group.Arrivals == "even" {
		s.arriveIn(1)
		return
	}
	s.arriveIn(exponential(s.rand))
}

// reschedule is schedule when the rate has changed. Even arrivals begin anywhere in their gap, or all clients would be in
// step.
func (s *source) reschedule() {
	if s.group.Arrivals == "even" {
		s.arriveIn(s.rand.Float64())
		return
	}
	s.schedule()
}

// arriveIn sets the time of the next arrival, in mean gaps from now.
func (s *source) arriveIn(gaps float64) {
	rate := s.group.rate * s.w.load * s.share // a second
	if rate <= 0 {
		s.w.stop(&s.arrival)
		return
	}
	gap := min(gaps/rate*float64(time.Second), longest)
	s.w.set(&s.arrival, s.w.now+max(time.Duration(math.Round(gap)), 1))
}

// ended takes the end of one of the request's calls into account. What fails fails the whole, when its last call is over.
func (u *user) ended(err error) {
	if u.err == nil {
		u.err = err
	}
	if u.pending--; u.pending > 0 {
		return
	}
	w := u.s.w
	if u.err == nil {
		u.tally.answered(w.now, u)
	} else {
		u.tally.failed(u, u.err)
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
