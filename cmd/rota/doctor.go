package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/rota-go/rota/cmd/rota/internal/doctor"
	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/internal/tree"
)

func doctorCommand() command {
	return command{"doctor", "[FLAGS] FILE...", "finds mistakes in policies", runDoctor}
}

// doctorFlags are the settings of rota doctor.
type doctorFlags struct {
	files    []string
	json     bool
	rules    bool
	severity string
}

func parseDoctorFlags(args []string, output io.Writer) (doctorFlags, error) {
	var f doctorFlags
	set := flag.NewFlagSet("rota doctor", flag.ContinueOnError)
	set.SetOutput(output)
	set.Usage = func() {
		fmt.Fprintln(output, "rota doctor [FLAGS] FILE... finds mistakes in policies: of services, or one by itself. A FILE of - is the standard input.")
		fmt.Fprintln(output, "Exit status: 0, 1 = there are errors, or a file is wrong, 2 = wrong usage.")
		fmt.Fprintln(output)
		set.PrintDefaults()
	}
	set.BoolVar(&f.json, "json", false, "print one JSON object")
	set.BoolVar(&f.rules, "rules", false, "list what is looked for, and look at no file")
	set.StringVar(&f.severity, "severity", string(doctor.Info), "the least `SEVERITY` that is shown: error, warning or info")
	var err error
	if f.files, err = parseAround(set, args); err != nil {
		return f, err
	}
	return f, f.check()
}

func (f *doctorFlags) check() error {
	switch {
	case !slices.Contains(doctor.Severities(), doctor.Severity(f.severity)):
		return fmt.Errorf("-severity %s: want error, warning or info", f.severity)
	case f.rules && len(f.files) > 0:
		return errors.New("-rules looks at no file: want no FILE")
	case !f.rules && len(f.files) == 0:
		return errors.New("want at least one FILE")
	}
	return nil
}

func runDoctor(_ context.Context, args []string, io stdio) int {
	flags, err := parseDoctorFlags(args, io.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(io.err, "rota doctor:", err)
		return exitUsage
	}
	if flags.rules {
		return tellRules(&flags, io)
	}
	status, all := exitOK, diagnosis{Findings: []doctor.Finding{}}
	for _, name := range flags.files {
		findings, err := examine(name, io.in)
		if err != nil {
			fmt.Fprintln(io.err, err)
			status = exitFailed
			continue
		}
		all.add(findings, doctor.Severity(flags.severity))
	}
	if err := all.tell(flags.json, io.out); err != nil {
		fmt.Fprintln(io.err, "rota doctor:", err)
		return exitFailed
	}
	if all.Errors > 0 {
		status = exitFailed
	}
	return status
}

// examine returns what is found in a file.
func examine(name string, stdin io.Reader) ([]doctor.Finding, error) {
	var doc *tree.Node
	var err error
	if name == "-" {
		name = "stdin"
		doc, _, err = document.From(name, stdin)
	} else {
		doc, _, err = document.Read(name)
	}
	if err != nil {
		return nil, err
	}
	system, err := doctor.Load(doc)
	if err != nil {
		return nil, document.Errors(name, err)
	}
	findings := doctor.Examine(system)
	for i := range findings {
		findings[i].File = name
	}
	return findings, nil
}

// diagnosis is what -json prints.
type diagnosis struct {
	Findings []doctor.Finding `json:"findings"` // as bad as is asked for
	Errors   int              `json:"errors"`   // of all
	Warnings int              `json:"warnings"`
}

func (d *diagnosis) add(findings []doctor.Finding, least doctor.Severity) {
	for _, f := range findings {
		switch f.Severity {
		case doctor.Error:
			d.Errors++
		case doctor.Warning:
			d.Warnings++
		}
		if f.Severity.AtLeast(least) {
			d.Findings = append(d.Findings, f)
		}
	}
}

func (d *diagnosis) tell(asJSON bool, w io.Writer) error {
	if asJSON {
		return tellJSON(w, d)
	}
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%s %s (%s)\n    %s\n    so:  %s\n    fix: %s\n\n", f.Severity, place(f), f.Rule, f.Reason, f.Number, f.Fix)
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", count(d.Errors, "error"), count(d.Warnings, "warning"))
	return err
}

// place is where a finding is, as editors and compilers write it.
func place(f doctor.Finding) string {
	at := f.File
	if f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return at + ": " + f.Field
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// tellRules lists the rules that are as severe as is asked for.
func tellRules(f *doctorFlags, io stdio) int {
	rules := slices.DeleteFunc(doctor.Rules(), func(r doctor.Rule) bool { return !r.Severity.AtLeast(doctor.Severity(f.severity)) })
	err := error(nil)
	if f.json {
		err = tellJSON(io.out, map[string][]doctor.Rule{"rules": rules})
	} else {
		table := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
		for _, r := range rules {
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.ID, r.Severity, r.Finds)
		}
		err = table.Flush()
	}
	if err != nil {
		fmt.Fprintln(io.err, "rota doctor:", err)
		return exitFailed
	}
	return exitOK
}

func tellJSON(w io.Writer, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
