package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

func checkCommand() command {
	return command{"check", "-config FILE", "says what is wrong with a proxy's file", runCheck}
}

func runCheck(_ context.Context, args []string, io stdio) int {
	set := flag.NewFlagSet("rota check", flag.ContinueOnError)
	set.SetOutput(io.err)
	file := set.String("config", "", "the `FILE`")
	set.Usage = func() {
		fmt.Fprint(io.err, "rota check -config FILE says what is wrong with a proxy's file, each mistake with its line, and starts nothing.\nIt looks at the files that this one names, too. Exit status 1 if something is wrong.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if *file == "" && set.NArg() == 1 {
		*file = set.Arg(0)
	} else if *file == "" || set.NArg() > 0 {
		fmt.Fprintln(io.err, "rota check: want one FILE; see rota check -h")
		return exitUsage
	}
	s, err := setup.Read(*file)
	if err == nil {
		err = s.CheckFiles()
	}
	if err != nil {
		fmt.Fprintln(io.err, err)
		return exitFailed
	}
	fmt.Fprintf(io.out, "%s: good\n", *file)
	return exitOK
}

// example is what rota init writes.
//
//go:embed example.yaml
var example string

func initCommand() command {
	return command{"init", "[FILE]", "writes an example of a proxy's file, to rota.yaml or FILE", runInit}
}

func runInit(_ context.Context, args []string, io stdio) int {
	set := flag.NewFlagSet("rota init", flag.ContinueOnError)
	set.SetOutput(io.err)
	set.Usage = func() {
		fmt.Fprint(io.err, "rota init [FILE] writes an example of a proxy's file with comments, to rota.yaml or FILE; - is standard output. A file that\nis there already stays as it is.\n")
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	name := "rota.yaml"
	switch {
	case set.NArg() > 1:
		fmt.Fprintln(io.err, "rota init: want one FILE at most")
		return exitUsage
	case set.NArg() == 1:
		name = set.Arg(0)
	}
	if name == "-" {
		fmt.Fprint(io.out, example)
		return exitOK
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.WriteString(example)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(io.err, "rota init: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(io.out, "wrote %s; start it with: rota proxy -config %s\n", name, name)
	return exitOK
}
