package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/cli"
)

const usage = `faults measures what callers of rota's stringsvc front and of rota's proxy notice while replicas misbehave.

It builds the programs with the go command, so run it inside module bench, on Linux, and leave the machine alone
meanwhile: a row takes warm + fault + after. Exit status 1: a target was missed.

Usage: go run ./cmd/faults [flags]

`

// params are the flags.
type params struct {
	phases
	rows   []row
	fronts []front
	repeat int
	report bool
	json   string
	log    string
}

func parse(args []string, w io.Writer) (params, error) {
	var p params
	var run, system, against string
	var list bool
	f := flag.NewFlagSet("faults", flag.ContinueOnError)
	f.StringVar(&run, "run", "", "only the rows whose name matches this `regexp`, in any case")
	f.StringVar(&system, "system", "stringsvc,proxy", "the `fronts` that have to meet the targets, separated by commas")
	f.StringVar(&against, "against", "", "other `fronts` as well, for scale: gokit, nginx, haproxy, direct, separated by commas")
	f.Float64Var(&p.rate, "rate", 400, "calls a second")
	f.DurationVar(&p.warm, "warm", 3*time.Second, "load before the fault")
	f.DurationVar(&p.fault, "fault", 5*time.Second, "how long the fault lasts")
	f.DurationVar(&p.after, "after", 4*time.Second, "load after the fault")
	f.IntVar(&p.repeat, "repeat", 1, "how often each row is played, each time with a fault that is a part of a second\nlonger; times are then medians, max is the worst")
	f.BoolVar(&p.report, "report", false, "exit status 0 although a target is missed")
	f.StringVar(&p.json, "json", "", "write everything that was measured to this `file`")
	f.StringVar(&p.log, "log", "", "append what the fronts log to this `file`")
	f.BoolVar(&list, "list", false, "print the names of the rows, and exit")
	err := cli.Parse(f, usage, args, w, func(rest []string) error {
		if !list {
			return p.choose(run, system, against, rest)
		}
		for _, r := range rows {
			fmt.Fprintln(w, r.name)
		}
		return flag.ErrHelp
	})
	return p, err
}

// choose checks the flags, and picks rows and fronts.
func (p *params) choose(run, system, against string, rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case p.rate < 10 || p.rate > 2000:
		return fmt.Errorf("-rate=%v, want 10 to 2000", p.rate)
	case p.warm <= 0 || p.fault <= 0 || p.after < time.Second:
		return fmt.Errorf("-warm=%v -fault=%v -after=%v, want > 0, and a second after", p.warm, p.fault, p.after)
	case p.repeat < 1:
		return fmt.Errorf("-repeat=%d, want >= 1", p.repeat)
	}
	match, err := regexp.Compile("(?i)" + run)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	for _, r := range rows {
		if match.MatchString(r.name) {
			p.rows = append(p.rows, r)
		}
	}
	if len(p.rows) == 0 {
		return fmt.Errorf("-run=%s: no such row", run)
	}
	if err := p.add(systems, system); err != nil {
		return fmt.Errorf("-system=%s: %w", system, err)
	}
	if against == "" {
		return nil
	}
	if err := p.add(others, against); err != nil {
		return fmt.Errorf("-against=%s: %w", against, err)
	}
	return nil
}

// add takes fronts by their names.
func (p *params) add(from []front, names string) error {
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(from, func(f front) bool { return f.name == name })
		if i < 0 {
			return fmt.Errorf("%q is none of %s", name, strings.Join(nameList(from), ", "))
		}
		p.fronts = append(p.fronts, from[i])
	}
	return nil
}

func nameList(fronts []front) []string {
	names := make([]string, len(fronts))
	for i, f := range fronts {
		names[i] = f.name
	}
	return names
}

// describe prints what was run, with the parts that change from run to run by name.
func describe(w io.Writer, entries []*entry, p params) {
	fmt.Fprintf(w, "%s %s/%s, %d processors; %v calls/s for %v, then a fault of %v, then %v more; each row %d times.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), p.rate, p.warm, p.fault, p.after, p.repeat)
	fmt.Fprintf(w, "Targets: %s\n\n", "0 failed, 0 wrong, p99 10 ms (two killed: 50 ms), max 250 ms, "+
		"attempts 1.1/call + 10 + 1/s, even within 2 s; brown-out: 0.1 % failed; all three: error in 20 ms, recovery in 1 s.")
	if slices.ContainsFunc(p.fronts, func(f front) bool { return f.blind }) {
		fmt.Fprintf(w, "A proxy reads no bodies: HTML with 200 is passed on, and bodies cut in half are met with -buffer.\n\n")
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		if len(e.Command) > 0 && !seen[e.Front] {
			seen[e.Front] = true
			fmt.Fprintf(w, "    %s\n", strings.Join(e.Command, " "))
		}
	}
	fmt.Fprintln(w)
}
