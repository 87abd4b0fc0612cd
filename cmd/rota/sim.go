package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/cmd/rota/internal/page"
	"github.com/rota-go/rota/cmd/rota/internal/present"
	"github.com/rota-go/rota/sim"
)

func simCommand() command {
	return command{"sim", "[FLAGS] FILE...", "runs the experiments that files describe", runSim}
}

// simFlags are the settings of rota sim.
type simFlags struct {
	files    []string
	out      string
	json     bool
	markdown bool
	options  sim.Options
}

func parseSimFlags(args []string, output io.Writer) (simFlags, error) {
	var f simFlags
	set := flag.NewFlagSet("rota sim", flag.ContinueOnError)
	set.SetOutput(output)
	set.Usage = func() {
		fmt.Fprintln(output, "rota sim [FLAGS] FILE... runs experiments, prints a table of each, and writes NAME.json and NAME.html.")
		fmt.Fprintln(output)
		set.PrintDefaults()
	}
	set.StringVar(&f.out, "out", ".", "the `DIR`ectory of the files that are written")
	set.BoolVar(&f.json, "json", false, "print one JSON object, and write no files")
	set.BoolVar(&f.markdown, "markdown", false, "print a section of Markdown for each experiment")
	set.IntVar(&f.options.Seeds, "seeds", 0, "how many runs with different seeds; 0 = what the file says")
	set.Uint64Var(&f.options.Seed, "seed", 0, "the first seed; 0 = what the file says")
	set.IntVar(&f.options.Procs, "procs", 0, "runs at a time; 0 = one for each core. It changes nothing in the results")
	set.Func("policy", "only these policies: `NAMES` with commas between", func(s string) error {
		f.options.Policies = append(f.options.Policies, s)
		return nil
	})
	set.Func("load", "only these loads: `NUMBERS` with commas between", func(s string) error {
		for _, one := range strings.Split(s, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(one), 64)
			if err != nil {
				return errors.New("want numbers with commas between")
			}
			f.options.Loads = append(f.options.Loads, v)
		}
		return nil
	})
	var err error
	if f.files, err = parseAround(set, args); err != nil {
		return f, err
	}
	return f, f.check()
}

func (f *simFlags) check() error {
	switch {
	case len(f.files) == 0:
		return errors.New("want at least one FILE")
	case f.json && len(f.files) > 1:
		return errors.New("-json prints one object: want one FILE")
	case f.json && f.markdown:
		return errors.New("want one of -json and -markdown")
	case f.options.Seeds < 0 || f.options.Procs < 0:
		return errors.New("-seeds and -procs: want 0 or more")
	}
	return nil
}

func runSim(ctx context.Context, args []string, io stdio) int {
	flags, err := parseSimFlags(args, io.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(io.err, "rota sim:", err)
		return exitUsage
	}
	status := exitOK
	for i, name := range flags.files {
		if i > 0 {
			fmt.Fprintln(io.out)
		}
		if err := simulate(ctx, name, &flags, io); err != nil {
			if ctx.Err() != nil {
				fmt.Fprintln(io.err, "rota sim: interrupted")
				return exitInterrupted
			}
			fmt.Fprintln(io.err, err)
			status = exitFailed
		}
	}
	return status
}

// simulate runs the experiment of a file and tells its results.
func simulate(ctx context.Context, name string, f *simFlags, io stdio) error {
	doc, text, err := document.Read(name)
	if err != nil {
		return err
	}
	e, err := sim.FromTree(doc)
	if err != nil {
		return document.Errors(name, err)
	}
	o := f.options
	if err := known(name, e, &o); err != nil {
		return err
	}
	p := newProgress(io, e.Name)
	o.Progress = p.show
	r, err := sim.Run(ctx, e, o)
	p.end()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return tell(e, r, text, f, io)
}

// known wants the policies and loads that flags name to be in the file: a misspelt one is no reason to run less.
func known(name string, e *sim.Experiment, o *sim.Options) error {
	var policies, chosen []string
	for i := range e.Policies {
		policies = append(policies, e.Policies[i].Name)
	}
	for _, names := range o.Policies {
		if slices.Contains(policies, names) { // a name may have commas in it
			chosen = append(chosen, names)
			continue
		}
		for _, p := range strings.Split(names, ",") {
			if p = strings.TrimSpace(p); !slices.Contains(policies, p) {
				return fmt.Errorf("%s: no policy %q, there are %q", name, p, policies)
			}
			chosen = append(chosen, p)
		}
	}
	o.Policies = chosen
	for _, l := range o.Loads {
		if len(e.Steps) > 0 {
			return fmt.Errorf("%s: no load %v, there are steps", name, l)
		}
		if !slices.Contains(e.Loads, l) {
			return fmt.Errorf("%s: no load %v, there are %v", name, l, e.Loads)
		}
	}
	return nil
}

// tell writes what is asked for.
func tell(e *sim.Experiment, r *sim.Report, text []byte, f *simFlags, io stdio) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	data = append(data, '\n')
	if f.json {
		_, err := io.out.Write(data)
		return err
	}
	html, err := page.Render(e, r, text)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	if err := writeFiles(f.out, e.Name, map[string][]byte{".json": data, ".html": html}); err != nil {
		return err
	}
	if f.markdown {
		return present.Markdown(io.out, e, r)
	}
	return present.Text(io.out, e, r)
}
