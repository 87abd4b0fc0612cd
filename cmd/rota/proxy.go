package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

func proxyCommand() command {
	return command{"proxy", "[FLAGS]", "passes HTTP requests on to replicas, and shows what it does", runProxy}
}

// proxyFlags are the settings of rota proxy.
type proxyFlags struct {
	config    string
	simple    setup.Simple
	admin     string
	given     map[string]bool // by the flags' names
	write     bool
	tokenFile string
	pprof     bool
	wait      time.Duration
	shutdown  time.Duration
	level     slog.Level
	jsonLog   bool
}

const proxyUsage = `rota proxy -listen :8090 -to 127.0.0.1:8080,127.0.0.1:8081
rota proxy -config rota.yaml

It passes HTTP requests on to replicas: to one that is likely to answer soon, and to another one when that is safe. The live
page is at http://` + setup.DefaultAdmin + `/. rota init writes an example of a file, rota check says what is wrong with one.

SIGTERM and Ctrl-C let it leave without losing a request, a second one ends it at once. SIGHUP, or a change of the file, puts
the file in force; SIGUSR2 starts the program anew on the same sockets, and leaves.

`

// simpleFlags say what a file would.
var simpleFlags = []string{"listen", "to", "idempotent", "max-time", "balancer", "buffer", "access-log", "access-log-json", "trust"}

func parseProxyFlags(args []string, output io.Writer) (*proxyFlags, error) {
	f := &proxyFlags{given: map[string]bool{}}
	set := flag.NewFlagSet("rota proxy", flag.ContinueOnError)
	set.SetOutput(output)
	set.Usage = func() {
		fmt.Fprint(output, proxyUsage)
		set.PrintDefaults()
	}
	f.define(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	simple := false
	set.Visit(func(one *flag.Flag) {
		f.given[one.Name] = true
		simple = simple || slices.Contains(simpleFlags, one.Name)
	})
	switch {
	case f.config != "" && simple:
		return nil, errors.New("-config says all: want it without -listen, -to and what belongs to them")
	case f.wait < 0 || f.shutdown < 0:
		return nil, errors.New("-drain-wait and -drain-time: want >= 0")
	case f.config == "" && !simple:
		return nil, errors.New("want -listen and -to, or -config")
	}
	return f, nil
}

func (f *proxyFlags) define(set *flag.FlagSet) {
	set.StringVar(&f.config, "config", "", "the `FILE` that says all of this and more")
	set.StringVar(&f.simple.Listen, "listen", ":8090", "the `ADDRESS` where requests come in")
	set.StringVar(&f.simple.To, "to", "", "the `REPLICAS`: addresses with commas between, dns:///name:port, dns+srv:///name, or file:///path")
	set.BoolVar(&f.simple.Idempotent, "idempotent", false, "every request may be sent more than once, POST too")
	set.DurationVar(&f.simple.Timeout, "max-time", 0, "bounds a request until its response begins; 0 = the client's patience")
	set.StringVar(&f.simple.Balancer, "balancer", "", "the `NAME` of how to choose a replica: see docs/BALANCERS.md (default echo)")
	set.TextVar(&f.simple.Buffer, "buffer", setup.Bytes(0), "hold responses up to this `SIZE`, such as 64KiB, until they are whole, so that one that breaks off is tried elsewhere")
	set.StringVar(&f.simple.AccessLog, "access-log", "", "write a line for each request to stdout, stderr or a `FILE` (default off)")
	set.BoolVar(&f.simple.JSON, "access-log-json", false, "write these lines in JSON")
	set.Func("trust", "believe what proxies in these `NETWORKS` say of the client, such as 10.0.0.0/8", func(s string) error {
		f.simple.Trust = append(f.simple.Trust, strings.Split(s, ",")...)
		return nil
	})
	set.StringVar(&f.admin, "admin", setup.DefaultAdmin, "the `ADDRESS` of the live page and metrics; empty = off")
	set.BoolVar(&f.write, "admin-write", false, "the page may drain and eject replicas, and change weights")
	set.StringVar(&f.tokenFile, "admin-token-file", "", "a `FILE` with a token that the page and the metrics ask for")
	set.BoolVar(&f.pprof, "pprof", false, "serve /debug/pprof beside the page")
	drain := setup.DefaultDrain()
	set.DurationVar(&f.wait, "drain-wait", drain.Wait, "how long to serve on while saying that it drains; 0 = not")
	set.DurationVar(&f.shutdown, "drain-time", drain.Shutdown, "how long requests under way have then, to end; 0 = none")
	set.TextVar(&f.level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	set.BoolVar(&f.jsonLog, "log-json", false, "write the log in JSON")
}

// setup returns what the flags and the file say.
func (f *proxyFlags) setup() (*setup.Setup, error) {
	var s *setup.Setup
	var err error
	if f.config != "" {
		s, err = setup.Read(f.config)
	} else {
		f.simple.Admin = new(setup.Admin)
		s, err = f.simple.Setup()
	}
	if err != nil {
		return nil, err
	}
	f.overrule(s)
	if f.tokenFile != "" {
		if _, err := setup.ReadToken(f.tokenFile); err != nil {
			return nil, fmt.Errorf("-admin-token-file: %w", err)
		}
	}
	if a := s.Admin; a != nil && a.Open() {
		return nil, fmt.Errorf("-admin-write: %s is not loopback: whoever reaches it may change things; want -admin-token-file too", a.Listen)
	}
	return s, s.CheckFiles()
}

// overrule lays flags over a file.
func (f *proxyFlags) overrule(s *setup.Setup) {
	switch {
	case f.given["admin"] && f.admin == "":
		s.Admin = nil
	case f.given["admin"]:
		if s.Admin == nil {
			s.Admin = new(setup.Admin)
		}
		s.Admin.Listen = f.admin
	}
	if a := s.Admin; a != nil {
		a.Write, a.Pprof = a.Write || f.write, a.Pprof || f.pprof
		if f.tokenFile != "" {
			a.TokenFile = f.tokenFile
		}
	}
	if f.given["drain-wait"] {
		s.Drain.Wait = f.wait
	}
	if f.given["drain-time"] {
		s.Drain.Shutdown = f.shutdown
	}
}

func (f *proxyFlags) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.level}
	if f.jsonLog {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func runProxy(ctx context.Context, args []string, io stdio) int {
	f, err := parseProxyFlags(args, io.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(io.err, "rota proxy: %v; see rota proxy -h\n", err)
		return exitUsage
	}
	s, err := f.setup()
	if err != nil {
		fmt.Fprintf(io.err, "rota proxy: %v\n", err)
		if f.config == "" {
			return exitUsage
		}
		return exitFailed
	}
	defer holdHeapFloor()()
	g, err := newGateway(f, s, io, args)
	if err != nil {
		fmt.Fprintf(io.err, "rota proxy: %v\n", err)
		return exitFailed
	}
	if err := g.run(ctx); err != nil {
		g.log.Error("ended", "error", err)
		return exitFailed
	}
	return exitOK
}
