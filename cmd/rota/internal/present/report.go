package present

import (
	"fmt"
	"io"

	"github.com/rota-go/rota/sim"
)

// Text writes an experiment and its results for a terminal.
func Text(w io.Writer, e *sim.Experiment, r *sim.Report) error {
	fmt.Fprintln(w, Title(r))
	if r.About != "" {
		fmt.Fprintln(w, r.About)
	}
	fmt.Fprintln(w)
	results, paper := Results(r, e.Lists), Paper(r)
	if err := results.Text(w); err != nil || len(paper.Rows) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return paper.Text(w)
}

// Markdown writes the same as a section.
func Markdown(w io.Writer, e *sim.Experiment, r *sim.Report) error {
	fmt.Fprintf(w, "## %s\n\n", r.Experiment)
	if r.About != "" {
		fmt.Fprintf(w, "%s\n\n", r.About)
	}
	fmt.Fprintf(w, "Results: %s.\n\n", Seeds(r))
	results, paper := Results(r, e.Lists), Paper(r)
	if err := results.Markdown(w); err != nil || len(paper.Rows) == 0 {
		return err
	}
	fmt.Fprint(w, "\nBeside what was published; ratio is ours / paper:\n\n")
	return paper.Markdown(w)
}

// Title names the experiment and its seeds.
func Title(r *sim.Report) string { return fmt.Sprintf("%s (%s)", r.Experiment, Seeds(r)) }

// Seeds says which there were.
func Seeds(r *sim.Report) string {
	if r.Seeds == 1 {
		return fmt.Sprintf("seed %d", r.Seed)
	}
	return fmt.Sprintf("medians over seeds %d to %d", r.Seed, r.Seed+uint64(r.Seeds)-1)
}
