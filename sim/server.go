package sim

import (
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/limit"
	"github.com/rota-go/rota/internal/report"
)

// server is one replica: a limit, a queue, and a processor.
type server struct {
	w        *world
	of       *service
	index    int
	work     float64 // a request's work is so many times as long here
	promised float64 // cores
	inst     rota.Instance

	processor
	finish  timer
	waiting list // for a worker
	busy    int  // workers
	limiter *limit.Limiter
	report  *report.Estimator
	here    list    // all requests that are here
	held    list    // that came while it was paused
	asleep  []event // what happened to it meanwhile

	condition
	faults  []*Fault  // that it has
	life    int       // how often it has come back into the set
	callers []*caller // of what it calls

	inFlight int
	books
	util utilization
}

const (
	stepFinish step = iota
	stepArrive
	stepLeft
	stepGiveUp
	stepReplied
	stepRefused
	stepFail
	stepWaited
)

func (s *server) act(step) {
	s.advance(s.w.now)
	r := s.processor.finish()
	s.retune()
	s.worked(r)
}

// retune follows a change of who runs or how fast.
func (s *server) retune() {
	s.changed()
	if at, ok := s.due(); ok {
		s.w.set(&s.finish, at)
	} else {
		s.w.stop(&s.finish)
	}
}

// counts says that requests in flight have changed.
func (s *server) counts(d int) {
	s.of.w.counted(s)
	s.inFlight += d
}

// arrive takes a request from the network.
func (s *server) arrive(r *request) {
	w := s.w
	switch {
	case s.blackhole, r.gone && !s.of.server.Zombie:
		return
	case s.down:
		r.outcome = rota.Outcome{Verdict: rota.Failure, Unsent: true, Err: errRefused}
		s.send(r)
		return
	case s.paused:
		r.at = s
		s.held.push(r)
		return
	}
	r.at, r.until = s, w.now+r.allowed
	s.here.push(r)
	s.counts(1)
	r.token = s.report.Begin(w.now)
	if f := s.fails(r); f != nil {
		r.outcome = f.outcome()
		w.later(f.After, r, stepFail)
		return
	}
	s.admit(r)
}

// late reports whether a request's time is up, and the server knows.
func (s *server) late(r *request) bool { return s.minds() && s.w.now >= r.until }

// minds reports whether the server knows when a request's time is up, and acts on it.
func (s *server) minds() bool { return !s.of.Bare && s.of.server.DropLate }

// admit lets a request pass the limit.
func (s *server) admit(r *request) {
	if s.limiter == nil {
		s.begin(r)
		return
	}
	place, verdict := s.limiter.Enter(s.w.now)
	if verdict == limit.Waiting {
		r.waiter = &limit.Waiter{Owner: r}
		if verdict = s.limiter.Wait(s.w.now, r.waiter); verdict == limit.Waiting {
			until := r.waiter.Until
			if s.minds() {
				until = min(until, r.until)
			}
			s.w.set(&r.patience, until)
			return
		}
		place, r.waiter = r.waiter.Place, nil
	}
	if verdict == limit.Rejected {
		s.refuse(r)
		return
	}
	r.place = place
	s.begin(r)
}

// drop ends a request whose time was up before its turn came.
func (s *server) drop(r *request) {
	s.dropped++
	s.reply(r, rota.Outcome{Verdict: rota.Failure, Err: errLate})
}

// giveUp ends the waiting for a place.
func (s *server) giveUp(r *request) {
	if !s.limiter.Cancel(s.w.now, r.waiter) {
		r.place = r.waiter.Place
	}
	r.waiter = nil
	if s.late(r) {
		s.drop(r)
		return
	}
	s.refuse(r)
}

func (s *server) refuse(r *request) {
	s.refused++
	s.reply(r, rota.Outcome{Verdict: rota.Overload, RetryAfter: s.w.retryAfter(s.limiter, r), Err: errOverloaded})
}

// begin finds a request a worker.
func (s *server) begin(r *request) {
	d := &s.of.server
	if d.Workers > 0 && s.busy == d.Workers {
		if d.Queue > 0 && s.waiting.n >= d.Queue {
			s.refuse(r)
			return
		}
		r.queued = true
		s.waiting.push(r)
		return
	}
	s.start(r)
}

func (s *server) start(r *request) {
	s.busy++
	r.working = true
	if d := s.of.server.Wait; d != nil {
		s.w.later(d.draw(s.w.random(r.seed, drawWait, r.number)), r, stepWaited)
		return
	}
	s.compute(r)
}

// compute lets a request have its share of the cores.
func (s *server) compute(r *request) {
	s.advance(s.w.now)
	s.add(r, s.w.workOf(s, r))
	s.retune()
}

// spend lets the processor do something that nobody waits for.
func (s *server) spend(work time.Duration) {
	if work == 0 {
		return
	}
	s.advance(s.w.now)
	r := s.w.newRequest()
	r.aside = true
	s.add(r, work)
	s.retune()
}

// worked goes on with a request whose own work is done.
func (s *server) worked(r *request) {
	if r.aside {
		s.w.release(r)
		return
	}
	if r.left {
		s.wasted++
	}
	if len(s.callers) > 0 {
		s.callDown(r)
		return
	}
	s.reply(r, rota.Outcome{})
}

// reply ends a request.
func (s *server) reply(r *request, o rota.Outcome) {
	l := s.report.Answer(s.w.now, &r.token, ending(&o))
	s.leave(r, o.Verdict == rota.Success)
	if !s.of.Bare {
		o.Final = o.Verdict != rota.Success && r.exhausted
		o.Load, o.Draining = s.load(l), s.draining
	}
	r.outcome = o
	s.send(r)
}

// send lets the reply travel. It is the last that the server does with a request.
func (s *server) send(r *request) {
	if !r.left {
		s.w.travel(r, stepReplied)
	}
	s.w.release(r)
}

// leave takes a request from the server, which gives what it had to others.
func (s *server) leave(r *request, whole bool) {
	w := s.w
	s.here.remove(r)
	s.counts(-1)
	s.report.End(w.now, &r.token, report.Failed) // if it was answered, that counts
	r.at = nil
	if r.waiter != nil {
		w.stop(&r.patience)
		if !s.limiter.Cancel(w.now, r.waiter) {
			r.place = r.waiter.Place
		}
		r.waiter = nil
	}
	if r.queued {
		s.waiting.remove(r)
		r.queued = false
	}
	if r.pos > 0 {
		s.advance(w.now)
		s.running.remove(r)
		s.retune()
	}
	if r.working {
		r.working = false
		s.busy--
		s.nextWaiting()
	}
	if r.place != (limit.Place{}) {
		s.limiter.Leave(w.now, r.place, w.now-r.place.At(), whole)
		r.place = limit.Place{}
		s.nextPlace()
	}
}

// nextWaiting gives a worker to somebody who waits.
func (s *server) nextWaiting() {
	d := &s.of.server
	for s.waiting.n > 0 && s.busy < d.Workers && !s.down {
		r := s.waiting.first
		if d.Order == "lifo" {
			r = s.waiting.last
		}
		s.waiting.remove(r)
		r.queued = false
		if s.late(r) {
			s.drop(r)
			continue
		}
		s.start(r)
	}
}

// nextPlace gives a place to somebody who waits.
func (s *server) nextPlace() {
	if s.down {
		return
	}
	for waiter := s.limiter.Next(s.w.now); waiter != nil; waiter = s.limiter.Next(s.w.now) {
		r := waiter.Owner.(*request)
		r.place, r.waiter = waiter.Place, nil
		s.w.stop(&r.patience)
		if s.late(r) {
			s.drop(r)
			continue
		}
		s.begin(r)
	}
}

// ending is what an outcome means for the report.
func ending(o *rota.Outcome) report.Ending {
	switch o.Verdict {
	case rota.Success:
		return report.Served
	case rota.Overload:
		return report.Refused
	}
	return report.Failed
}

// load is what the server says of itself.
func (s *server) load(l report.Load) rota.Load {
	s.advance(s.w.now)
	s.util.at(s.w.now, s.used/s.promised)
	return rota.Load{Known: true, RIF: l.RIF, Latency: l.Latency, Rate: l.Rate, Utilization: s.util.recent}
}

// utilization is measured as a live server does: over the time since it was last, if that was not a moment ago.
type utilization struct {
	since  time.Duration
	used   float64
	recent float64
}

const utilizationSpan = 250 * time.Millisecond

func (u *utilization) at(now time.Duration, used float64) {
	if d := now - u.since; d >= utilizationSpan {
		u.recent = (used - u.used) / float64(d)
		u.since, u.used = now, used
	}
}
