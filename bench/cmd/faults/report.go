package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// An entry is a row of the table: one fault before one front, over all repetitions.
type entry struct {
	Fault   string   `json:"fault"`
	Front   string   `json:"front"`
	Command []string `json:"command"`
	Skipped string   `json:"skipped,omitempty"` // why there are no results
	Runs    []result `json:"runs"`
	Sum     result   `json:"sum"` // counts added up; times the median of the runs, Max the worst
	Missed  []string `json:"missed"`

	targets targets
	ours    bool
}

// sum works out Sum and Missed.
func (e *entry) sum() {
	if len(e.Runs) == 0 {
		return
	}
	s := e.Runs[0]
	for _, r := range e.Runs[1:] {
		s.Calls += r.Calls
		s.Failed += r.Failed
		s.Wrong += r.Wrong
		s.Before += r.Before
		s.FaultCalls += r.FaultCalls
		s.FaultFailed += r.FaultFailed
		s.Dropped += r.Dropped
		s.Arrived += r.Arrived
		s.IsEven = s.IsEven && r.IsEven
		s.Recovered = s.Recovered && r.Recovered
		s.Named = min(s.Named, r.Named)
		s.Max, s.LateMax = max(s.Max, r.Max), max(s.LateMax, r.LateMax)
		s.OverBudget = max(s.OverBudget, r.OverBudget)
		s.Examples = append(s.Examples, r.Examples...)
	}
	s.P50 = middle(e.Runs, func(r result) ms { return r.P50 })
	s.P99 = middle(e.Runs, func(r result) ms { return r.P99 })
	s.Even = middle(e.Runs, func(r result) ms { return r.Even })
	s.Recovery = middle(e.Runs, func(r result) ms { return r.Recovery })
	s.ErrorP99 = middle(e.Runs, func(r result) ms { return r.ErrorP99 })
	s.Late = middle(e.Runs, func(r result) ms { return r.Late })
	s.Attempts = middle(e.Runs, func(r result) float64 { return r.Attempts })
	e.Sum, e.Missed = s, e.targets.missed(s, e.ours)
}

// middle is the median, the upper one of two.
func middle[T cmp.Ordered](runs []result, of func(result) T) T {
	var v []T
	for _, r := range runs {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// slack is how late one call in a hundred may be sent. The timers alone make it 1.2 ms; where it is more, something else has the
// processors, and the front waits for them as the generator does.
const slack = ms(3 * time.Millisecond)

// trouble says that the generator did not do what it should have; then the times are not the front's.
func trouble(r result) string {
	switch {
	case r.Dropped > 0:
		return fmt.Sprintf("%d calls were never sent", r.Dropped)
	case r.Late > slack:
		return fmt.Sprintf("one call in a hundred was sent %s ms late or more", show(r.Late))
	}
	return ""
}

// table prints Markdown.
func table(w io.Writer, entries []*entry) {
	fmt.Fprintln(w, "| fault | front | calls | failed | wrong | p50 ms | p99 ms | max ms | attempts/call | over budget | even after s | targets |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|")
	for _, e := range entries {
		if e.Skipped != "" {
			fmt.Fprintf(w, "| %s | %s | | | | | | | | | | skipped: %s |\n", e.Fault, e.Front, e.Skipped)
			continue
		}
		s := e.Sum
		over := "-"
		if e.ours {
			over = fmt.Sprintf("%+.0f", s.OverBudget)
		}
		fmt.Fprintf(w, "| %s | %s | %d | %s | %s | %s | %s | %s | %.3f | %s | %s | %s |\n", e.Fault, e.Front, s.Calls,
			share(s.Failed, s.Calls), share(s.Wrong, s.Calls), show(s.P50), show(s.P99), show(s.Max), s.Attempts, over,
			seconds(s.Even, s.IsEven), verdict(e.Missed))
	}
	if slices.ContainsFunc(entries, func(e *entry) bool { return e.targets.allFail }) {
		errorTable(w, entries)
	}
}

// errorTable is of the rows in which every call fails.
func errorTable(w io.Writer, entries []*entry) {
	fmt.Fprintln(w, "\n| fault | front | failed during the fault | p99 to the error ms | errors that name attempts | all calls succeed after s |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---:|")
	for _, e := range entries {
		if s := e.Sum; e.targets.allFail && e.Skipped == "" {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %.1f %% | %s |\n", e.Fault, e.Front, share(s.FaultFailed, s.FaultCalls),
				show(s.ErrorP99), 100*s.Named, seconds(s.Recovery, s.Recovered))
		}
	}
}

// notes prints what does not fit the table.
func notes(w io.Writer, entries []*entry) {
	for _, e := range entries {
		if t := trouble(e.Sum); t != "" {
			fmt.Fprintf(w, "\nTHE GENERATOR COULD NOT KEEP UP in %q (%s): %s. Do not trust this row.\n", e.Fault, e.Front, t)
		}
	}
}

func verdict(missed []string) string {
	if len(missed) == 0 {
		return "met"
	}
	return "MISSED: " + strings.Join(missed, ", ")
}

func share(n, of int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%.3g %%)", n, 100*float64(n)/float64(of))
}

func show(d ms) string { return fmt.Sprintf("%.1f", time.Duration(d).Seconds()*1000) }

func seconds(d ms, ok bool) string {
	if !ok {
		return "never"
	}
	return fmt.Sprintf("%.2f", time.Duration(d).Seconds())
}

func writeJSON(file string, entries []*entry) error {
	b, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
