package main

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A row is one fault: what happens to the replicas, and what callers of a good front notice of it.
type row struct {
	name    string
	kind    kind
	begin   func(context.Context, *world) error
	during  func(context.Context, *world) error // goes on while the fault lasts, and makes it last until it returns; may be nil
	end     func(context.Context, *world) error
	targets targets

	held   bool // who holds replies until they are whole does better: a blind front is told to
	inside bool // the fault is in what a body says, which a blind front passes on
}

// targets are what callers may notice.
type targets struct {
	wrong       bool          // they may be told something wrong; otherwise nobody ever is
	failedShare float64       // of all calls
	p99         time.Duration // of the calls that were due during the fault
	max         time.Duration // of those, and of the calls after it
	even        time.Duration // after the fault, until the replicas share the attempts evenly again

	allFail  bool          // no call can succeed during the fault; then failedShare and p99 say nothing, but
	errorP99 time.Duration // errors come this soon,
	recovery time.Duration // all calls succeed this soon after the fault, and every error names its attempts
}

// grace is what it may take to tell a caller that the time is up, where that may happen.
const grace = 10 * time.Millisecond

var (
	usual   = targets{p99: 10 * time.Millisecond, max: deadline, even: 2 * time.Second}
	twoDead = targets{p99: 50 * time.Millisecond, max: deadline, even: 2 * time.Second}
	brown   = targets{failedShare: 0.001, p99: 10 * time.Millisecond, max: deadline + grace, even: 2 * time.Second}
	allDead = targets{allFail: true, max: deadline + grace, even: 2 * time.Second, errorP99: 20 * time.Millisecond, recovery: time.Second}
)

// rows are the faults, in the order of the table.
var rows = []row{
	{name: "nothing", begin: nothing, end: nothing, targets: usual},
	told("slow, +300 ms", 1, "slow 300ms", usual),
	told("hung", 1, "hang", usual),
	{name: "stopped process", begin: pause, end: unpause, targets: usual},
	told("two of three slow", 2, "slow 300ms", usual),
	told("HTTP 500 with {}", 1, "broken", usual),
	told("503, Retry-After 1 s", 1, "busy 1s", usual),
	told("reset", 1, "reset", usual),
	told("not HTTP", 1, "garbage", usual),
	held(told("body cut in half", 1, "cut", usual)),
	inside(told("HTML with 200", 1, "page", usual)),
	{name: "killed", begin: killed(1), end: revived, targets: usual},
	{name: "two killed", begin: killed(2), end: revived, targets: twoDead},
	{name: "black-holed SYN", begin: swallowed, end: revived, targets: usual},
	secured(told("TLS handshake refused", 1, "tls-alert", usual)),
	secured(told("TLS, another name's certificate", 1, "tls-name", usual)),
	told("brown-out: 5 % after 500 ms", replicaCount, "sometimes 0.05 slow 500ms", brown),
	{name: "restarted in turn", kind: real, begin: nothing, during: restarted, end: nothing, targets: usual},
	{name: "DNS flapping", kind: named, begin: nothing, during: flapping, end: steady, targets: usual},
	told("all three: HTTP 500", replicaCount, "broken", allDead),
	{name: "all three killed", begin: killed(replicaCount), end: revived, targets: allDead},
}

func secured(r row) row {
	r.kind = secure
	return r
}

func held(r row) row {
	r.held = true
	return r
}

func inside(r row) row {
	r.inside = true
	return r
}

// of returns what callers of f may notice.
func (r row) of(f front) targets {
	t := r.targets
	t.wrong = f.blind && r.inside
	return t
}

// told is a fault that the first n replicas are told to have.
func told(name string, n int, command string, t targets) row {
	tell := func(command string) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error {
			for _, r := range w.nodes[:n] {
				if err := r.tell(ctx, command); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return row{name: name, begin: tell(command), end: tell("ok"), targets: t}
}

func nothing(context.Context, *world) error { return nil }

func pause(_ context.Context, w *world) error   { return w.nodes[0].proc.Stop() }
func unpause(_ context.Context, w *world) error { return w.nodes[0].proc.Continue() }

func killed(n int) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		for _, r := range w.nodes[:n] {
			r.kill()
		}
		return nil
	}
}

// revived starts what is not running, where it ran before.
func revived(ctx context.Context, w *world) error {
	var errs []error
	for _, n := range w.nodes {
		if n.proc == nil {
			n.kill() // the hole in its place
			errs = append(errs, n.start(ctx))
		}
	}
	return errors.Join(errs...)
}

// swallowed puts a black hole in a replica's place.
func swallowed(ctx context.Context, w *world) error {
	n := w.nodes[0]
	n.kill()
	var err error
	n.hole, err = openBlackHole(ctx, n.addr)
	return err
}

// restarted restarts every replica, one after the other, as their operators would.
func restarted(ctx context.Context, w *world) error {
	for _, n := range w.nodes {
		if err := n.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flapping changes what the name server says four times a second.
func flapping(ctx context.Context, w *world) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for _, m := range slices.Concat(flaps, flaps) {
		w.dns.set(m)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func steady(_ context.Context, w *world) error {
	w.dns.set(allNames)
	return nil
}
