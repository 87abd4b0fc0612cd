package sim

import (
	"math"
	"slices"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/report"
)

// condition is what a server is in, because of faults and of what else lives on its machine.
type condition struct {
	down, paused, blackhole bool
	away                    bool // out of the set

	slowed  float64 // by faults
	share   float64 // of its cores, by faults
	machine float64 // the same, by what else lives there

	draining bool
	cold     float64 // how many times as long work takes after a restart
	warm     time.Duration
}

var well = condition{slowed: 1, share: 1, machine: 1, cold: 1}

// suffer works out the condition anew, when a fault of the server has begun or ended.
func (s *server) suffer() {
	was := s.condition
	c := &s.condition
	c.down, c.paused, c.blackhole, c.away, c.slowed, c.share = false, false, false, false, 1, 1
	for _, f := range s.faults {
		switch f.Kind {
		case "leave":
			c.down, c.away = true, true
		case "down", "restart":
			c.down = true
		case "pause":
			c.paused = true
		case "blackhole":
			c.blackhole = true
		case "slow":
			c.slowed *= f.Factor
		case "capacity":
			c.share *= f.Factor
		}
	}
	if was.down && !c.down {
		c.draining = false
	}
	if was.away && !c.away {
		s.comeBack()
	}
	if !was.down && c.down {
		s.advance(s.w.now)
		s.stop()
	}
	s.tune()
	if was.paused && !c.paused {
		s.resume()
	}
	if was.away != c.away {
		s.of.changed()
	}
}

// tune follows a change of the condition.
func (s *server) tune() {
	s.advance(s.w.now)
	c := &s.condition
	s.cores = s.promised * c.share * c.machine
	s.slow = c.slowed * c.cold
	if c.paused || s.cores <= 0 {
		s.slow = math.Inf(1)
	}
	s.retune()
}

// fails returns the fault by which a request fails; nil = none.
func (s *server) fails(r *request) *Fault {
	for i, f := range s.faults {
		if (f.Kind == "errors" || f.Kind == "overload") && s.w.chance(r, drawFailure+i<<8, f.Rate) {
			return f
		}
	}
	return nil
}

// outcome is what a request comes to that fails.
func (f *Fault) outcome() rota.Outcome {
	if f.Kind == "overload" {
		return rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Second, Err: errOverloaded}
	}
	return rota.Outcome{Verdict: rota.Failure, Err: errFault}
}

// ends takes a fault away.
func (s *server) ends(f *Fault) {
	i := slices.Index(s.faults, f)
	s.faults = slices.Delete(s.faults, i, i+1)
	if f.ColdFor > 0 {
		s.cold, s.warm = f.Cold, s.w.now+f.ColdFor
	}
}

// callerLeft drops a request whose caller has gone, unless the server does not notice.
func (s *server) callerLeft(r *request) {
	if !s.of.server.Zombie && !s.paused && !s.blackhole { // a paused one notices when it goes on
		s.abandon(r)
	}
}

func (s *server) abandon(r *request) {
	r.leaveBelow()
	s.leave(r, false)
	s.w.release(r)
}

// resume lets a paused server go on: first it notices who has gone and who has waited for too long, then it takes what
// has come.
func (s *server) resume() {
	if !s.of.server.Zombie {
		var gone []*request
		for r := s.here.first; r != nil; r = r.links[inHere].next {
			if r.gone {
				gone = append(gone, r)
			}
		}
		for _, r := range gone {
			if r.at == s { // otherwise it was dropped when another left
				s.abandon(r)
			}
		}
	}
	for r := s.here.first; r != nil; r = r.links[inHere].next {
		if r.waiter != nil && r.patience.pos == 0 {
			s.w.set(&r.patience, s.w.now)
		}
	}
	s.wake()
	for r := s.held.first; r != nil; r = s.held.first {
		s.held.remove(r)
		r.at = nil
		s.arrive(r)
		s.w.release(r)
	}
}

// postpones reports whether something has to wait because the process that it concerns is paused. nil is no process.
func (s *server) postpones(who actor, what step) bool {
	if s == nil || !s.paused {
		return false
	}
	s.asleep = append(s.asleep, event{who: who, step: what})
	return true
}

// wake lets what was postponed happen.
func (s *server) wake() {
	for _, e := range s.asleep {
		s.w.after(0, e.who, e.step)
	}
	clear(s.asleep)
	s.asleep = s.asleep[:0]
}

// stop ends everything: the process is gone.
func (s *server) stop() {
	s.wake() // what has happened to it concerns nobody any more, but for the ticks of its balancers
	for _, l := range []*list{&s.here, &s.held} {
		for r := l.first; r != nil; r = l.first {
			r.leaveBelow()
			if l == &s.here {
				s.leave(r, false)
			} else {
				l.remove(r)
				r.at = nil
			}
			r.outcome = rota.Outcome{Verdict: rota.Failure, Err: errReset}
			s.send(r)
		}
	}
	for len(s.running) > 0 { // what nobody waits for
		r := s.running[0]
		s.running.remove(r)
		s.w.release(r)
	}
	s.retune()
	s.report = new(report.Estimator)
	if s.limiter != nil {
		s.limiter = s.of.limiter()
	}
}
