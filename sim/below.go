package sim

import (
	"errors"

	"github.com/rota-go/rota"
)

// callDown makes the calls that a request needs of other services, after its own work: one of the service's Calls after
// the other.
func (s *server) callDown(r *request) {
	if r.stage == len(s.of.Calls) {
		s.reply(r, rota.Outcome{})
		return
	}
	down, c := &s.of.Calls[r.stage], s.callers[r.stage]
	deadline := r.until // as the headers say
	if s.of.Bare {
		deadline = s.w.now + defaultTimeout
	}
	r.calls = r.calls[:0]
	r.pending = down.Count
	for i := range down.Count {
		if r.at == nil {
			return // the first has failed at once
		}
		seed := s.w.random(r.seed, drawBelow, r.stage<<16|i).Uint64()
		if k := c.begin(deadline, seed, nil, r); k != nil {
			r.calls = append(r.calls, k)
		}
	}
}

// belowEnded takes the end of a call into account that was made for the request.
func (r *request) belowEnded(err error) {
	s := r.at
	if s == nil {
		return
	}
	if err == nil {
		if r.pending--; r.pending == 0 {
			r.stage++
			s.callDown(r)
		}
		return
	}
	var e *rota.CallError
	if errors.As(err, &e) && repeated(e) {
		r.exhausted = true
	}
	r.leaveBelow()
	s.reply(r, rota.Outcome{Verdict: rota.Failure, Err: errBelow})
}

// repeated reports whether a call has failed although it was repeated, or because there was no budget for that, or
// because its service turns most calls down: what rotahttp tells the callers above, so that they do not repeat it again.
func repeated(e *rota.CallError) bool {
	switch e.Reason {
	case rota.ErrBudget, rota.ErrThrottled, rota.ErrFinal:
		return true
	}
	return len(e.Attempts) > 1
}

// leaveBelow ends the calls that are under way for the request. A call that is over may be somebody else's by now.
func (r *request) leaveBelow() {
	for _, k := range r.calls {
		if k.above == r {
			k.leave()
		}
	}
	r.calls = r.calls[:0]
}
