// Command faults measures what callers of a front notice while its replicas misbehave.
//
// The fronts are rota's stringsvc and rota's proxy. Everything is a process of its own on loopback: three replicas and the front, asked at a steady rate by an open-loop
// generator. For each fault the front and the replicas start anew; the load runs for a while, the fault comes, lasts, and
// goes. The table has what the callers saw, and whether that meets the row's targets; a target missed is exit status 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rota-go/rota/bench/cli"
)

func main() {
	cli.Main("faults", parse, func(ctx context.Context, p params) error {
		missed, err := run(ctx, os.Stdout, os.Stderr, p)
		if err == nil && missed && !p.report {
			err = errMissed
		}
		return err
	})
}

var errMissed = errors.New("a target was missed")

// run plays every row that was asked for before every front, and prints the table. It reports whether one of ours missed a
// target. Every process it starts is gone when it returns. An interrupted run prints what it has.
func run(ctx context.Context, out, progress io.Writer, p params) (missed bool, err error) {
	dir, err := os.MkdirTemp("", "rota-faults-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	shop, err := newWorkshop(ctx, dir, p)
	if err != nil {
		return false, err
	}
	defer shop.close()

	entries, err := playAll(ctx, shop, progress, p)
	describe(out, entries, p)
	table(out, entries)
	notes(out, entries)
	if p.json != "" {
		err = errors.Join(err, writeJSON(p.json, entries))
	}
	for _, e := range entries {
		missed = missed || e.ours && len(e.Missed) > 0
	}
	return missed, err
}

func playAll(ctx context.Context, shop *workshop, progress io.Writer, p params) ([]*entry, error) {
	var entries []*entry
	var errs []error
	for _, r := range p.rows {
		for _, f := range p.fronts {
			e, err := playRow(ctx, shop, f, r, p, progress)
			if ctx.Err() != nil {
				return entries, ctx.Err()
			}
			if err != nil { // the others can be played all the same
				e.Skipped = err.Error()
				errs = append(errs, fmt.Errorf("%s, %s: %w", r.name, f.name, err))
			}
			entries = append(entries, e)
			e.tell(progress)
		}
	}
	return entries, errors.Join(errs...)
}

// playRow plays a row as often as was asked.
func playRow(ctx context.Context, shop *workshop, f front, r row, p params, progress io.Writer) (*entry, error) {
	e := &entry{Fault: r.name, Front: f.name, targets: r.of(f), ours: f.ours}
	if f.cannot(r.kind) {
		e.Skipped = "not set up for this"
		return e, nil
	}
	for i := range p.repeat {
		// Breakers go by the second: faults that always lasted whole seconds would always end at the same point of theirs.
		phases := p.phases
		phases.fault += time.Duration(i) * time.Second / time.Duration(p.repeat)
		rec, err := playQuietly(ctx, shop, f, r, phases, progress)
		if errors.Is(err, errUnsupported) {
			e.Skipped = "the front does not take such replicas"
			return e, nil
		}
		if err != nil {
			return e, err
		}
		e.Command = rec.command
		e.Runs = append(e.Runs, measure(rec, f, phases))
	}
	e.sum()
	return e, nil
}

// playQuietly plays a run again when the generator itself could not keep up, at most four times: something else
// had the machine.
func playQuietly(ctx context.Context, shop *workshop, f front, r row, p phases, progress io.Writer) (*record, error) {
	for tries := 1; ; tries++ {
		rec, err := play(ctx, shop, f, r, p)
		if err != nil || tries == 5 {
			return rec, err
		}
		why := trouble(measure(rec, f, p))
		if why == "" {
			return rec, nil
		}
		fmt.Fprintf(progress, "%-32s %-10s once more: %s\n", r.name, f.name, why)
	}
}

// tell prints a line of progress, and what callers were told when that was not right.
func (e *entry) tell(w io.Writer) {
	if e.Skipped != "" {
		fmt.Fprintf(w, "%-32s %-10s skipped: %s\n", e.Fault, e.Front, e.Skipped)
		return
	}
	s := e.Sum
	fmt.Fprintf(w, "%-32s %-10s %5d calls, %d failed, %d wrong, p99 %s, max %s, %.3f attempts/call, even %s s; generator late %s, at most %s: %s\n",
		e.Fault, e.Front, s.Calls, s.Failed, s.Wrong, show(s.P99), show(s.Max), s.Attempts, seconds(s.Even, s.IsEven),
		show(s.Late), show(s.LateMax), verdict(e.Missed))
	if e.targets.allFail {
		return
	}
	for _, x := range s.Examples {
		fmt.Fprintf(w, "    %s\n", x)
	}
}
