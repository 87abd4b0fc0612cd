package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rota-go/rota/bench/load"
)

// phases are how a run is divided.
type phases struct {
	warm, fault, after time.Duration
	rate               float64 // calls a second, through all of them
}

func (p phases) total() time.Duration { return p.warm + p.fault + p.after }

// A record is what was seen of one run of a row. Times are since the load began.
type record struct {
	run     *load.Run
	spread  load.Spread
	begin   time.Duration // of the fault: just before anything was done to the replicas
	end     time.Duration // just before it was mended
	mended  time.Duration // just after: every replica is there and well
	command []string

	tallies [3]tally      // our front's, when the fault begins, when it ends, and at the end; of other fronts nothing
	age     time.Duration // of the front at the end
}

// callTimeout is when the generator gives a call up. No front should need it.
const callTimeout = 5 * time.Second

// underWay is how many calls the generator lets wait for a front: more than a second's worth of any rate meant.
const underWay = 2000

// play runs a row once.
func play(ctx context.Context, s *workshop, f front, r row, p phases) (*record, error) {
	// Bounded, whatever hangs: a restart has ten seconds to end by itself.
	ctx, cancel := context.WithTimeout(ctx, p.total()+time.Minute)
	defer cancel()
	w, err := newWorld(ctx, s, f, r)
	if err != nil {
		return nil, err
	}
	defer w.close()

	loaded, unload := context.WithCancel(ctx)
	defer unload()
	rec := &record{command: w.command}
	began := time.Now()
	var side sync.WaitGroup // the generator, and those who watch
	side.Go(func() {
		rec.run = load.Generate(loaded, load.Params{
			URL: "http://" + w.front.Addr + "/uppercase", Rate: p.rate, Timeout: callTimeout, Limit: underWay,
		})
	})
	if r.kind == real {
		for _, n := range w.nodes {
			side.Go(func() { n.watch(loaded) })
		}
	}
	err = rec.direct(ctx, w, f, r, p, began)
	unload()
	side.Wait()
	if err != nil {
		return nil, err
	}
	if f.ours {
		if rec.tallies[2], err = w.tally(ctx); err != nil {
			return nil, err
		}
		rec.age = time.Since(w.began)
	}
	rec.settle(began, w)
	return rec, nil
}

// direct makes the fault happen while the load goes on.
func (rec *record) direct(ctx context.Context, w *world, f front, r row, p phases, began time.Time) error {
	tallied := func(i int) (err error) {
		if f.ours {
			rec.tallies[i], err = w.tally(ctx)
		}
		return err
	}
	if err := until(ctx, began.Add(p.warm)); err != nil {
		return err
	}
	if err := tallied(0); err != nil {
		return err
	}
	rec.begin = time.Since(began)
	if err := r.begin(ctx, w); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if r.during != nil {
		if err := r.during(ctx, w); err != nil {
			return fmt.Errorf("during: %w", err)
		}
	}
	if err := until(ctx, began.Add(rec.begin+p.fault)); err != nil {
		return err
	}
	rec.end = time.Since(began)
	if err := r.end(ctx, w); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	rec.mended = time.Since(began)
	if err := tallied(1); err != nil {
		return err
	}
	return until(ctx, began.Add(rec.mended+p.after))
}

// settle makes all times those since the generator's start, which is a moment after began.
func (rec *record) settle(began time.Time, w *world) {
	shift := rec.run.Start.Sub(began)
	rec.begin -= shift
	rec.end -= shift
	rec.mended -= shift
	rec.spread = w.spread(rec.run.Start)
}

func until(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
