package sim

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options say what of an experiment is run, and how.
type Options struct {
	Seed     uint64    // of the first run; 0 = the experiment's
	Seeds    int       // 0 = the experiment's
	Policies []string  // names; empty = all
	Loads    []float64 // empty = all
	Procs    int       // how many runs at a time; 0 = GOMAXPROCS. It changes nothing in the results
	// Progress is called when a run has ended, one call at a time; nil = nobody asks.
	Progress func(Progress)
}

// Progress is how far an experiment is.
type Progress struct {
	Done, Total int   // runs
	Calls       int64 // simulated so far
}

// Run runs an experiment: every policy under every load with every seed. It ends early when ctx does. An Experiment that
// was not made by Parse must be complete: see Experiment.Complete.
func Run(ctx context.Context, e *Experiment, o Options) (*Report, error) {
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
	if len(jobs) == 0 {
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
	return ctx.Err()
}

// often is how many events there are between two looks at the context.
const often = 1 << 14

// run lets the job's world live.
func (j *job) run(ctx context.Context) {
	w := newWorld(j.e, j.v, j.seed)
	w.enter(w.newTally(j.steps[0], false))
	if !w.until(ctx, j.e.Warmup) {
		return
	}
	var length time.Duration
	for _, s := range j.steps {
		length += s.For
	}
	w.from = w.now
	w.timeline.start(w, length)
	w.planFaults(w.from)
	for _, s := range j.steps {
		t := w.newTally(s, true)
		w.tallies = append(w.tallies, t)
		w.enter(t)
		if !w.until(ctx, w.now+s.For) {
			return
		}
	}
	// Others go on until the last of those that count has its answer.
	last := j.steps[len(j.steps)-1]
	w.enter(w.newTally(last, false))
	w.timeline.stop()
	for n := 0; w.open > 0 && w.next(); n++ {
		if n%often == 0 && ctx.Err() != nil {
			return
		}
	}
	for i, t := range w.tallies {
		j.calls += t.calls
		j.runs = append(j.runs, w.result(i, t, j.plots))
	}
}

// until lets everything happen up to a time.
func (w *world) until(ctx context.Context, end time.Duration) bool {
	stop := &alarm{}
	w.after(end-w.now, stop, 0)
	for n := 0; !stop.over; n++ {
		if n%often == 0 && ctx.Err() != nil {
			return false
		}
		w.next()
	}
	return true
}

// alarm is the end of a time.
type alarm struct{ over bool }

func (e *alarm) act(step) { e.over = true }
