package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/stringsvc"
	"github.com/rota-go/rota/stringsvc/logfmt"
)

const (
	demoReplicas  = 3
	demoCalls     = 11
	demoFrontPort = 10 // after the first replica's
)

// demo runs three replicas and a front in this process, sends a few calls, shows who answered, and serves on.
func demo(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("stringsvc demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	base := flags.Int("base-port", 8080, "")
	once := flags.Bool("once", false, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, demoUsage)
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && (*base < 1 || *base > 65535-demoFrontPort):
		err = fmt.Errorf("-base-port=%d: want 1 to %d", *base, 65535-demoFrontPort)
	}
	if err != nil {
		fmt.Fprintln(stderr, "stringsvc demo:", err)
		return exitUsage
	}
	if err := runDemo(*base, *once, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "stringsvc demo:", err)
		return exitFailed
	}
	return exitOK
}

const demoUsage = `stringsvc demo runs three replicas and a front that balances over them, in one
process on 127.0.0.1. It sends 11 uppercase calls through the front, shows who
answered how many, and serves on until Ctrl-C.

  -base-port port   replicas on port, port+1 and port+2, front on port+10
                    (default 8080)
  -once             end after the table, with status 0 if every answer was right
`

func runDemo(base int, once bool, stdout, stderr io.Writer) (err error) {
	ctx, abort, release := untilSignals()
	defer release()
	log := logfmt.NewWriter(stderr)
	defer func() { _ = log.Close() }()
	logger := slog.New(logfmt.NewHandler(log))

	d := &demonstration{abort: abort}
	defer func() { err = errors.Join(err, d.close()) }()
	var replicas []string
	for i := range demoReplicas {
		addr, err := d.start(config{maxBody: stringsvc.DefaultMaxBody}, base+i, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		replicas = append(replicas, addr)
	}
	// A time that a machine busy with something else keeps too.
	cfg, err := parseFlags([]string{"-max-time=5s", "-proxy=" + strings.Join(replicas, ",")})
	if err != nil {
		return err
	}
	front, err := d.start(cfg, base+demoFrontPort, logger)
	if err != nil {
		return err
	}
	wrong := callDemo(ctx, front, stdout)
	d.table(stdout)
	if wrong > 0 {
		err = fmt.Errorf("%d of %d answers were wrong", wrong, demoCalls)
	}
	if once || ctx.Err() != nil {
		return err
	}
	_ = log.Flush()
	fmt.Fprintf(stdout, demoHints, front, front, front, front)
	<-ctx.Done()
	return err
}

const demoHints = `
The front serves on. Try, in another terminal:
  curl -d '{"s":"hello"}' %s/uppercase
  curl -d '{"s":""}' %s/uppercase
  curl -d '{"s":"hello"}' %s/count
  curl -s %s/metrics | grep rota_client
Ctrl-C ends it.
`

// demonstration is the servers of one demo.
type demonstration struct {
	abort <-chan struct{}
	stats func() rota.Stats
	stops []func() error
}

// start serves cfg on a port of loopback, and returns its host and port.
func (d *demonstration) start(cfg config, port int, logger *slog.Logger) (string, error) {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%w (-base-port moves the demo)", err)
	}
	var server stringsvc.Server
	app, err := build(cfg, server.Ready, logger)
	if err != nil {
		_ = listener.Close()
		return "", err
	}
	if app.front != nil {
		d.stats = app.front.Stats
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, stringsvc.RunParams{
			Addr: addr, Listener: listener, Handler: app.handler, Logger: logger,
			ProxyTo: cfg.proxy, CallTime: cfg.callTime(), Abort: d.abort,
		})
	}()
	d.stops = append(d.stops, func() error {
		cancel()
		defer app.close()
		return <-ended
	})
	return addr, nil
}

// close ends the servers, the front before its replicas.
func (d *demonstration) close() error {
	var errs []error
	for i := len(d.stops) - 1; i >= 0; i-- {
		errs = append(errs, d.stops[i]())
	}
	return errors.Join(errs...)
}
