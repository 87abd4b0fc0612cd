package sim

import (
	"errors"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/limit"
	"github.com/rota-go/rota/internal/report"
)

// request is an attempt on its way to a server, there, and its reply on the way back.
type request struct {
	w    *world
	id   uint64
	to   *server
	call *call // whose attempt it is; nil when its caller has let go of it

	attempt  *rota.Attempt
	number   int // as it travels: those of the callers above included
	seed     uint64
	base     time.Duration // what it costs anywhere
	deadline time.Duration
	allowed  time.Duration // how long it may take, as it says; counted from its arrival, for clocks differ
	outcome  rota.Outcome

	left   bool // the caller does not wait any more
	gone   bool // and the news has come
	refs   int  // events that are to happen to it
	spared bool // waits to be used again

	// On the server.
	at        *server
	until     time.Duration // when its time is up, as the server knows
	token     report.Token
	place     limit.Place
	waiter    *limit.Waiter
	patience  timer
	queued    bool
	working   bool
	aside     bool // it is nobody's
	tag       int64
	pos       int // among those that run, from 1
	calls     []*call
	pending   int // calls that have not ended
	stage     int // which of the service's Calls
	exhausted bool
	links     [2]links
}

// Why an attempt fails.
var (
	errRefused    = errors.New("connection refused")
	errReset      = errors.New("connection reset")
	errOverloaded = errors.New("overloaded")
	errLate       = errors.New("its time was up")
	errFault      = errors.New("internal error")
	errBelow      = errors.New("a call further down failed")
	errCanceled   = errors.New("canceled")
)

func (r *request) act(s step) {
	if s == stepGiveUp { // a timer, which is not counted
		if !r.at.paused { // it gives up when it goes on
			r.at.giveUp(r)
		}
		r.w.release(r)
		return
	}
	if r.concerns(s).postpones(r, s) {
		return
	}
	r.refs--
	switch s {
	case stepArrive:
		r.to.arrive(r)
	case stepLeft:
		if r.at == nil || !r.at.blackhole { // otherwise the news does not come
			r.gone = true
		}
		if r.at != nil {
			r.at.callerLeft(r)
		}
	case stepFail:
		if r.at != nil {
			r.at.reply(r, r.outcome)
		}
	case stepWaited:
		if r.at != nil {
			r.at.compute(r)
		}
	case stepReplied:
		if r.call != nil && !r.call.c.deaf() {
			r.call.replied(r)
		}
	}
	r.w.release(r)
}

// concerns returns whose process does something in a step; nil if it is nobody's, or happens to the process.
func (r *request) concerns(s step) *server {
	switch {
	case s == stepFail, s == stepWaited:
		return r.at
	case s == stepReplied && r.call != nil:
		return r.call.c.host
	}
	return nil
}

// later lets a step happen to a request.
func (w *world) later(d time.Duration, r *request, s step) {
	r.refs++
	w.after(d, r, s)
}

// travel lets a step happen to a request at the other end of the network.
func (w *world) travel(r *request, s step) { w.later(w.delay(), r, s) }

// newRequest returns a request that nobody uses.
func (w *world) newRequest() *request {
	w.requests++
	n := len(w.spare)
	if n == 0 {
		w.made++
		r := &request{w: w, id: w.requests}
		r.patience.who, r.patience.step = r, stepGiveUp
		return r
	}
	r := w.spare[n-1]
	w.spare = w.spare[:n-1]
	calls, patience := r.calls[:0], r.patience
	*r = request{w: w, id: w.requests, calls: calls, patience: patience}
	return r
}

// release takes a request back if nobody needs it any more.
func (w *world) release(r *request) {
	if r.refs == 0 && r.call == nil && r.at == nil && !r.spared {
		r.spared = true
		w.spare = append(w.spare, r)
	}
}

// list is requests in the order in which they came.
type list struct {
	first, last *request
	n           int
	which       int // of request.links
}

type links struct {
	prev, next *request
}

// The lists that a request can be in at the same time.
const (
	inHere = iota
	inQueue
)

func (l *list) push(r *request) {
	k := &r.links[l.which]
	k.prev, k.next = l.last, nil
	if l.last != nil {
		l.last.links[l.which].next = r
	} else {
		l.first = r
	}
	l.last = r
	l.n++
}

func (l *list) remove(r *request) {
	k := &r.links[l.which]
	if k.prev != nil {
		k.prev.links[l.which].next = k.next
	} else {
		l.first = k.next
	}
	if k.next != nil {
		k.next.links[l.which].prev = k.prev
	} else {
		l.last = k.prev
	}
	*k = links{}
	l.n--
}
