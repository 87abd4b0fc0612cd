// Package cli is how the commands of module bench begin and end.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main is the main of the command of that name: it parses the command line, and runs until run returns. SIGINT and SIGTERM end
// run's context. Wrong usage, which parse has said, is exit status 2, an error 1.
func Main[P any](name string, parse func(args []string, w io.Writer) (P, error), run func(context.Context, P) error) {
	p, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, p)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Parse parses args into f, which says on w what is wrong, and checks what came of it; rest are the arguments that are not flags.
// usage stands before the flags in the help text.
func Parse(f *flag.FlagSet, usage string, args []string, w io.Writer, check func(rest []string) error) error {
	f.SetOutput(w)
	f.Usage = func() {
		fmt.Fprint(w, usage)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	err := check(f.Args())
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(w, "%s: %v\n", f.Name(), err)
	}
	return err
}
