// Command rota is a proxy, a simulator of services that call each other, and finds mistakes in how they do: see rota help.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

// The exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// command is one of the things that rota does.
type command struct {
	name, args, short string
	// run returns the exit status. It ends soon when ctx does, and leaves nothing half done.
	run func(ctx context.Context, args []string, io stdio) int
}

// stdio is where a command reads from and writes to.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	watched  bool // err is a terminal, where somebody waits
}

// commands are all there are, in the order of the help.
func commands() []command {
	return []command{
		proxyCommand(),
		checkCommand(),
		initCommand(),
		simCommand(),
		doctorCommand(),
		{"version", "", "says what was built, and with what", runVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr, isTerminal(os.Stderr)})
	stop()
	os.Exit(status)
}

// run is main with what it needs, and its exit status.
func run(ctx context.Context, args []string, io stdio) int {
	if len(args) == 0 {
		usage(io.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) == 1 {
			usage(io.out)
			return exitOK
		}
		args = []string{args[1], "-h"}
	case "-version", "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], io)
		}
	}
	fmt.Fprintf(io.err, "rota: unknown command %q; see rota help\n", args[0])
	return exitUsage
}

func runVersion(_ context.Context, args []string, io stdio) int {
	switch {
	case len(args) == 1 && strings.TrimLeft(args[0], "-") == "h":
		fmt.Fprintln(io.err, "rota version says what was built, and with what.")
		return exitOK
	case len(args) > 0:
		fmt.Fprintf(io.err, "rota version: unexpected argument %q\n", args[0])
		return exitUsage
	}
	fmt.Fprintln(io.out, version())
	return exitOK
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "rota makes services call each other well. Usage:")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  rota %-28s %s\n", c.name+" "+c.args, c.short)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "rota help COMMAND tells the flags of a command. Exit status: 0, 1 = failed, 2 = wrong usage, 130 = interrupted.")
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("rota %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
