// Command bench measures the string service's front as a whole process, beside the same front written with go-kit.
//
// Three fronts take turns before the same three replicas: ours, the tutorial's with only its limiter opened, and the
// tutorial's tuned. What counts is the CPU time a request costs the front: requests a second depend on how the load
// generator, the replicas and the front share the machine, CPU time hardly does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rota-go/rota/bench/cli"
	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/wrk"
)

const usage = `bench compares whole fronts: CPU time a request, requests a second, latency.

It builds rota's stringsvc and the go-kit front, starts three replicas in this process, and lets the fronts take turns
under wrk. It needs Linux (it reads /proc), the go command, and wrk (Debian package wrk). Run it inside module bench
and leave the machine alone while it runs.

Usage: go run ./cmd/bench [flags]

`

// params are the flags.
type params struct {
	rounds      int
	connections int
	duration    time.Duration
	warmup      time.Duration
}

func main() {
	cli.Main("bench", parse, func(ctx context.Context, p params) error { return run(ctx, os.Stdout, p) })
}

func parse(args []string, w io.Writer) (params, error) {
	var p params
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&p.rounds, "rounds", 5, "how often each front is measured; the table shows medians")
	f.IntVar(&p.connections, "connections", 32, "connections wrk keeps open, each with one request at a time")
	f.DurationVar(&p.duration, "duration", 4*time.Second, "one measurement; whole seconds, for wrk knows no others")
	f.DurationVar(&p.warmup, "warmup", time.Second, "load before each measurement; whole seconds")
	err := cli.Parse(f, usage, args, w, func(rest []string) error { return p.validate(rest) })
	return p, err
}

func (p params) validate(rest []string) error {
	whole := func(d time.Duration) bool { return d >= time.Second && d%time.Second == 0 }
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case p.rounds < 1:
		return fmt.Errorf("-rounds=%d, want >= 1", p.rounds)
	case p.connections < 1:
		return fmt.Errorf("-connections=%d, want >= 1", p.connections)
	case !whole(p.duration):
		return fmt.Errorf("-duration=%v, want whole seconds", p.duration)
	case !whole(p.warmup):
		return fmt.Errorf("-warmup=%v, want whole seconds", p.warmup)
	}
	return nil
}

// run measures and prints the table. Every process it starts is gone when it returns.
func run(ctx context.Context, out io.Writer, p params) error {
	if err := wrk.Find(); err != nil {
		return err
	}
	// Bounded, whatever hangs: a minute to build, and twice what the rounds should take.
	limit := time.Minute + 2*time.Duration(p.rounds*len(fronts))*(p.warmup+p.duration+5*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	dir, err := os.MkdirTemp("", "rota-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, dir, p)
	if err != nil {
		return err
	}
	defer b.close()

	fmt.Fprintf(out, "%s\n%s\n\n", proc.Machine(), b.command())
	rows := newRows()
	for i := range p.rounds {
		// Each round starts with another front, so that none is always the first on a machine that has cooled down.
		for j := range fronts {
			k := (i + j) % len(fronts)
			m, err := b.measure(ctx, fronts[k])
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", i+1, fronts[k].name, err)
			}
			fmt.Fprintf(out, "round %d  %s\n", i+1, m.line(fronts[k].name))
			rows[k].add(m)
		}
	}
	fmt.Fprintln(out)
	return report(out, rows)
}
