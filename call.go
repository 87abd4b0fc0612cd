package rota

import (
	"time"

	"github.com/rota-go/rota/internal/breaker"
)

// Instance is one replica, as discovery tells it. Addr is its identity: what is learned about a replica is kept for
// as long as an instance with the same Addr is in the set. The core does not look inside; the transport does
// ("10.0.0.1:8080", "https://users-1.internal/v2").
type Instance struct {
	Addr string
	// Weight is the instance's share of calls beside others of its Priority; 0 counts as 1. Balancers say whether they
	// heed it.
	Weight int
	// Priority is a tier: instances with a higher number are used only while no instance with a lower one is usable.
	Priority int
	// Vanished says that discovery does not list the instance any more, but that it may still be there: answers of DNS
	// rotate. It stays in use as long as it answers; its first failure removes it.
	Vanished bool
	// Drained says that the instance is to get no attempts for now. It counts as if it were not in the set, but what is known
	// about it is kept for when it is used again. Should all be drained, the set stays as it was.
	Drained bool
	// Zone is where the instance is, for balancers that prefer those nearby; empty = not known.
	Zone string
}

func (i Instance) weight() int { return max(i.Weight, 1) }

// Call describes one logical request, which may take several attempts.
type Call struct {
	// Idempotent says that the request may be sent more than once. The zero value is the safe one: only an
	// attempt that certainly never reached a replica is then repeated, and nothing is hedged.
	Idempotent bool
	// Alone says that no two attempts are to be under way at a time: nothing is hedged.
	Alone bool
	// Route is what kind of call it is, for the delay of its hedge; nil = those without.
	Route *Route
	// Key is a hash of what the call is about, for balancers that send the same to the same replica; see Key. 0 = none.
	Key uint64
	// Terms are what holds for it instead of the client's Timeout, Retry and Hedge; nil = those.
	Terms *Terms
	// Decided is told what was decided for the call, and why, before Do returns; nil = nobody wants to know. The call is
	// then traced.
	Decided func(*Decision)
}

// Verdict is how an attempt ended, as far as the replica is concerned.
type Verdict uint8

// The verdicts.
const (
	// Success is a reply, whatever the application says in it: an error of the caller's making is one too.
	Success Verdict = iota
	// Failure is no reply, or one that only a broken replica gives.
	Failure
	// Overload is a replica's refusal because it, or its quota, has enough to do. It is load, not a fault: it counts
	// for no breaker.
	Overload
	// Ignored says nothing about the replica: the caller gave up, or another attempt won.
	Ignored
)

func (v Verdict) String() string {
	return [...]string{"success", "failure", "overload", "ignored"}[v]
}

// Outcome is what a protocol's Classify makes of a reply or error.
type Outcome struct {
	Verdict Verdict
	// Unsent says that the attempt certainly never reached the replica (the connection was refused, say), so
	// that it is safe to repeat whatever the request is.
	Unsent bool
	// RetryAfter is how long the replica asks to be left alone; at most MaxRest of it is granted.
	RetryAfter time.Duration
	// Draining says that the replica has announced that it is going away: it gets no new attempts for DrainRest, as long
	// as there is another.
	Draining bool
	// Final says that the replica has had the call repeated already, further down: to repeat it here as well would
	// multiply the attempts there.
	Final bool
	// Load is what the replica said of itself with the reply.
	Load Load
	// Err is the cause, for the error that the caller gets.
	Err error
}

// How long a node rests at its own wish.
const (
	MaxRest = 30 * time.Second // the most that a RetryAfter is granted
	// DrainRest is the rest of a node that has announced that it drains. It is short, because a replica that was restarted
	// says so only when it is asked, and longer than the quiet that a server waits for before it closes.
	DrainRest = 2 * time.Second
)

// Attempt is one try of a call, on one replica. It is valid until Send has returned, or, when its reply is held, until
// the reply's end. Its methods may be called concurrently.
type Attempt struct {
	node     *Node
	tier     *tier
	cl       *Cluster
	start    time.Duration
	deadline time.Duration
	ticket   breaker.Ticket
	answers  uint64 // how many the node had given when the attempt was sent
	took     time.Duration
	outcome  Outcome
	number   int32
	left     int8
	phase    phase
	cause    Cause
	timedOut bool
}

// phase is where an attempt stands.
type phase uint8

const (
	underWay phase = iota
	givenUp        // cancelled by us; Send has not come back yet
	taken          // its reply was taken, and is still being read
	ended
)

// Instance returns the replica.
func (a *Attempt) Instance() Instance { return a.node.Instance() }

// Number counts the attempts of a call from 1.
func (a *Attempt) Number() int { return int(a.number) }

// Hedge reports whether the attempt was sent after the hedge's delay, while an earlier one was still under way.
func (a *Attempt) Hedge() bool { return a.cause == Hedged }

// Left returns how many attempts the call may still make after this one, if its budget allows them.
func (a *Attempt) Left() int { return int(a.left) }

// Deadline returns the time at which the attempt is given up at the latest; false if there is none.
func (a *Attempt) Deadline() (time.Time, bool) {
	if a.deadline == never {
		return time.Time{}, false
	}
	return a.cl.epoch.Add(a.deadline), true
}

// Report is what an error tells of an attempt.
type Report struct {
	Instance Instance
	Verdict  Verdict
	TimedOut bool // the attempt was cut because its time was up
	Took     time.Duration
	Err      error
}

func (a *Attempt) report() Report {
	return Report{a.node.Instance(), a.outcome.Verdict, a.timedOut, a.took, a.outcome.Err}
}
