// Command proxies measures rota's proxy as a whole process, beside a bare httputil.ReverseProxy, Caddy, nginx and HAProxy.
//
// They take turns before the same three replicas under the same closed-loop load. What counts is the CPU time that a request
// costs the proxy, and how that compares within a round: requests a second depend on how the load generator, the replicas and
// the proxy share the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/rota-go/rota/bench/cli"
	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/wrk"
)

const usage = `proxies compares proxies: CPU time a request, requests a second, latency, memory.

It builds rota and a bare httputil.ReverseProxy, starts three replicas, and lets these two, Caddy, nginx and HAProxy take
turns under wrk. What is not installed is left out. It needs Linux (it reads /proc), the go command, and wrk; Debian packages
are wrk, nginx-light and haproxy, and Caddy is built from its module. Run it inside module bench and leave the machine alone
while it runs.

Usage: go run ./cmd/proxies [flags]

`

// params are the flags.
type params struct {
	rounds   int
	duration time.Duration
	warmup   time.Duration
	run      *regexp.Regexp
	caddy    string
}

func main() {
	cli.Main("proxies", parse, func(ctx context.Context, p params) error { return run(ctx, os.Stdout, os.Stderr, p) })
}

func parse(args []string, w io.Writer) (params, error) {
	p := params{run: regexp.MustCompile("")}
	f := flag.NewFlagSet("proxies", flag.ContinueOnError)
	f.IntVar(&p.rounds, "rounds", 5, "how often each proxy is measured under each load; the table shows medians")
	f.DurationVar(&p.duration, "duration", 3*time.Second, "one measurement; whole seconds, for wrk knows no others")
	f.DurationVar(&p.warmup, "warmup", time.Second, "load before each measurement; whole seconds")
	f.StringVar(&p.caddy, "caddy", "", "this `file` is Caddy (default: built as "+caddyModule+")")
	f.Func("run", "only the proxies whose name matches this `regexp`, in any case, beside ReverseProxy", func(s string) (err error) {
		p.run, err = regexp.Compile("(?i)" + s)
		return err
	})
	err := cli.Parse(f, usage, args, w, func(rest []string) error { return p.validate(rest) })
	return p, err
}

func (p params) validate(rest []string) error {
	whole := func(d time.Duration) bool { return d >= time.Second && d <= time.Minute && d%time.Second == 0 }
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case p.rounds < 1 || p.rounds > 100:
		return fmt.Errorf("-rounds=%d, want 1 to 100", p.rounds)
	case !whole(p.duration):
		return fmt.Errorf("-duration=%v, want whole seconds up to a minute", p.duration)
	case !whole(p.warmup):
		return fmt.Errorf("-warmup=%v, want whole seconds up to a minute", p.warmup)
	}
	return nil
}

// run measures and prints the tables. Every process it starts is gone when it returns.
func run(ctx context.Context, out, progress io.Writer, p params) error {
	if err := wrk.Find(); err != nil {
		return err
	}
	// Bounded, whatever hangs: ten minutes to build, and twice what the rounds should take.
	each := p.warmup + p.duration + 5*time.Second
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute+2*time.Duration(p.rounds*len(loads)*len(systems))*each)
	defer cancel()
	dir, err := os.MkdirTemp("", "rota-proxies-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, dir, p, progress)
	if err != nil {
		return err
	}
	defer b.close()

	rows := newRows(b.systems)
	for i := range p.rounds {
		for l := range loads {
			// Each round starts with another one, so that none is always the first on a machine that has cooled down.
			for j := range rows {
				r := rows[(i+j)%len(rows)]
				m, err := b.measure(ctx, r.system, loads[l])
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", i+1, loads[l].name, r.system.name, err)
				}
				fmt.Fprintf(progress, "round %d  %-28s  %s\n", i+1, loads[l].name, m.line(r.system.name))
				r.all[l] = append(r.all[l], m)
			}
		}
	}
	fmt.Fprintf(out, "%s\n%s\n", proc.Machine(), b.describe())
	report(out, rows)
	return anyErrors(rows)
}
