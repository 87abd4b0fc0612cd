package sim

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options say what of an experiment is run, and how. The zero value is all of it, as it says itself.
type Options struct {
	Seed     uint64    // of the first run; 0 = the experiment's
	Seeds    int       // 0 = the experiment's
	Policies []string  // names; empty = all
	Loads    []float64 // empty = all; not used where there are steps
	// Procs is how many runs there are at a time; 0 = GOMAXPROCS. It changes nothing in the results. A run whose clients
	// and replicas make a million pairs has the memory for itself, whatever Procs says.
	Procs int
	// Progress is called when a run has ended, one call at a time; nil = nobody asks.
	Progress func(Progress)
}

// Progress is how far an experiment is.
type Progress struct {
	Done, Total int   // runs
	Calls       int64 // simulated so far
}

// Run runs an experiment: every policy under every load with every seed. What is left out of e has its default; the error
// lists all that cannot be meant, and then nothing is run. Run ends early, with the error of ctx, when that ends. It does
// not change e, and may be called concurrently.
func Run(ctx context.Context, e *Experiment, o Options) (*Report, error) {
	e = e.withDefaults()
	if err := e.check(nil); err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	if err := o.check(e); err != nil {
		return nil, err
	}
	if o.Seed == 0 {
		o.Seed = e.Seed
	}
	if o.Seeds == 0 {
		o.Seeds = e.Seeds
	}
	if o.Procs == 0 {
		o.Procs = runtime.GOMAXPROCS(0)
	}
	jobs := e.jobs(&o)
	if len(jobs) == 0 { // because of Variant.Only
		return nil, fmt.Errorf("sim: %s has no run of the policies %q at the loads %v", e.Name, o.Policies, o.Loads)
	}
	if err := runAll(ctx, jobs, &o); err != nil {
		return nil, err
	}
	r := &Report{Experiment: e.Name, About: e.About, Seed: o.Seed, Seeds: o.Seeds}
	for len(jobs) > 0 { // those of one policy and load stand together
		lot := jobs[:o.Seeds]
		jobs = jobs[o.Seeds:]
		for i := range lot[0].runs {
			var runs []*Row
			for _, j := range lot {
				runs = append(runs, &j.runs[i])
			}
			r.Runs = append(r.Runs, merge(runs))
		}
	}
	e.compare(r)
	return r, nil
}

// check returns an error for what the experiment does not have.
func (o *Options) check(e *Experiment) error {
	if o.Seeds < 0 || o.Procs < 0 {
		return fmt.Errorf("sim: Options.Seeds = %d and Procs = %d, want >= 0", o.Seeds, o.Procs)
	}
	for _, name := range o.Policies {
		if !slices.ContainsFunc(e.Policies, func(v Variant) bool { return v.Name == name }) {
			return fmt.Errorf("sim: Options.Policies: %s has no policy %q", e.Name, name)
		}
	}
	for _, l := range o.Loads {
		if len(e.Steps) == 0 && !slices.Contains(e.Loads, l) {
			return fmt.Errorf("sim: Options.Loads: %s has no load %v, only %v", e.Name, l, e.Loads)
		}
	}
	return nil
}

// job is one run of one policy.
type job struct {
	e     *Experiment
	v     *Variant
	steps []Step
	seed  uint64
	size  int // pairs of a caller and a replica: what it takes of memory
	plots bool

	runs  []Row // one a step
	calls int64
	err   error
}

func (e *Experiment) jobs(o *Options) []*job {
	loads := e.Loads
	if len(e.Steps) > 0 {
		loads = []float64{0}
	}
	var list []*job
	for i := range e.Policies {
		v := &e.Policies[i]
		if len(o.Policies) > 0 && !slices.Contains(o.Policies, v.Name) {
			continue
		}
		for _, load := range loads {
			steps := e.Steps
			if len(steps) == 0 {
				if len(v.Only) > 0 && !slices.Contains(v.Only, load) || len(o.Loads) > 0 && !slices.Contains(o.Loads, load) {
					continue
				}
				steps = []Step{{For: e.Measure, Load: load}}
			}
			for k := range o.Seeds {
				list = append(list, &job{e: e, v: v, steps: steps, seed: o.Seed + uint64(k), size: e.size(), plots: k == 0})
			}
		}
	}
	return list
}

// size is how many nodes a run has, roughly.
func (e *Experiment) size() int {
	n := 0
	for _, c := range e.Clients {
		for _, s := range e.Services {
			if s.Name == c.Service {
				n += c.Count * s.Replicas
			}
		}
	}
	return n
}

// large is from how many nodes on a run has the memory for itself.
const large = 1 << 20

// runAll runs the jobs, several at a time.
func runAll(ctx context.Context, jobs []*job, o *Options) error {
	procs := o.Procs
	if jobs[0].size >= large {
		procs = 1
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done Progress
		next int
	)
	done.Total = len(jobs)
	for range min(procs, len(jobs)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(jobs) || ctx.Err() != nil {
					return
				}
				jobs[i].run(ctx)
				mu.Lock()
				done.Done++
				done.Calls += jobs[i].calls
				if o.Progress != nil {
					o.Progress(done)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, j := range jobs {
		if ctx.Err() == nil && j.err != nil {
			return j.err
		}
	}
	return ctx.Err()
}

// run lets the job's world live.
func (j *job) run(ctx context.Context) {
	w := newWorld(j.e, j.v, j.seed)
	if err := w.live(ctx, j.e.Warmup, j.steps); err != nil {
		j.err = fmt.Errorf("sim: %s with %s, seed %d: %w", j.e.Name, j.v.Name, j.seed, err)
		return
	}
	for i, t := range w.tallies {
		j.calls += t.calls
		j.runs = append(j.runs, w.result(i, t, j.plots))
	}
}

// live lets the world go through the steps, until the last call that counts has its answer.
func (w *world) live(ctx context.Context, warmup time.Duration, steps []Step) error {
	w.enter(w.newTally(steps[0], false))
	if err := w.until(ctx, warmup); err != nil {
		return err
	}
	var length time.Duration
	for _, s := range steps {
		length += s.For
	}
	w.from = w.now
	w.timeline.start(w, length)
	w.planFaults(w.from)
	for _, s := range steps {
		t := w.newTally(s, true)
		w.tallies = append(w.tallies, t)
		w.enter(t)
		if err := w.until(ctx, w.now+s.For); err != nil {
			return err
		}
	}
	w.enter(w.newTally(steps[len(steps)-1], false)) // others go on meanwhile
	w.timeline.stop()
	return w.while(ctx, func() bool { return w.open > 0 })
}

// until lets everything happen up to a time.
func (w *world) until(ctx context.Context, end time.Duration) error {
	stop := &alarm{}
	w.after(end-w.now, stop, 0)
	return w.while(ctx, func() bool { return !stop.over })
}

// alarm is the end of a time.
type alarm struct{ over bool }

func (e *alarm) act(step) { e.over = true }

const (
	often = 1 << 14 // events between two looks at the context and the clock
	still = 1 << 10 // looks in a row at a clock that stands
)

// while lets things happen while more is true. It fails when nothing happens any more, or no time passes.
func (w *world) while(ctx context.Context, more func() bool) error {
	was, looks := w.now, 0
	for n := 1; more(); n++ {
		if !w.next() {
			return fmt.Errorf("nothing happens any more at %v, and %d calls have no answer", w.now, w.open)
		}
		if n%often > 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if looks++; w.now > was {
			was, looks = w.now, 0
		} else if looks == still {
			return fmt.Errorf("it does not get beyond %v", w.now)
		}
	}
	return nil
}
