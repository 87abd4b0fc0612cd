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
	rate := flags.Int("rate", 50, "")
	admin := flags.String("admin", "127.0.0.1:9901", "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, demoUsage)
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && (*base < 1 || *base > 65535-demoFrontPort):
		err = fmt.Errorf("-base-port=%d: want 1 to %d", *base, 65535-demoFrontPort)
	case err == nil && (*rate < 0 || *rate > maxDemoRate):
		err = fmt.Errorf("-rate=%d: want 0 to %d", *rate, maxDemoRate)
	case err == nil && *admin != "":
		if bad := checkAddr(*admin); bad != nil {
			err = fmt.Errorf("-admin=%q: %w", *admin, bad)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "stringsvc demo:", err)
		return exitUsage
	}
	p := demoParams{base: *base, once: *once, rate: *rate, admin: *admin}
	if p.once {
		p.admin, p.rate = "", 0 // nobody has time to look
	}
	if err := runDemo(p, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "stringsvc demo:", err)
		return exitFailed
	}
	return exitOK
}

const demoUsage = `stringsvc demo runs three replicas and a front that balances over them, in one
process on 127.0.0.1. It sends 11 uppercase calls through the front, shows who
answered how many, and serves on until Ctrl-C, with a live page on which the
replicas can be hurt and healed.

  -base-port port   replicas on port, port+1 and port+2, front on port+10
                    (default 8080)
  -admin addr       where the live page is; a free port if that one is taken,
                    empty: nowhere (default 127.0.0.1:9901)
  -rate n           calls a second that are sent all the time, so that the page
                    has something to show (default 50)
  -once             end after the table, with status 0 if every answer was
                    right; no page
`

// demoParams are what the demo's flags say.
type demoParams struct {
	base, rate int
	once       bool
	admin      string
}

func runDemo(p demoParams, stdout, stderr io.Writer) (err error) {
	ctx, abort, release := untilSignals()
	defer release()
	log := logfmt.NewWriter(stderr)
	defer func() { _ = log.Close() }()
	logger := slog.New(logfmt.NewHandler(log))

	d := &demonstration{abort: abort}
	defer func() { err = errors.Join(err, d.close()) }()
	for i := range demoReplicas {
		r := &patient{port: p.base + i, healed: make(chan struct{})}
		if err := r.start(); err != nil {
			return fmt.Errorf("%w (-base-port moves the demo)", err)
		}
		d.replicas = append(d.replicas, r)
	}
	front, err := d.startFront(p, logger)
	if err != nil {
		return err
	}
	wrong := callDemo(ctx, front, stdout)
	d.table(stdout)
	if wrong > 0 {
		err = fmt.Errorf("%d of %d answers were wrong", wrong, demoCalls)
	}
	if p.once || ctx.Err() != nil {
		return err
	}
	_ = log.Flush()
	fmt.Fprintf(stdout, demoHints, front, front, front, front)
	if d.page != "" {
		fmt.Fprintf(stdout, pageHints, d.page)
	}
	fmt.Fprintln(stdout, "Ctrl-C ends it.")
	d.load(ctx, p.rate)
	return err
}

const demoHints = `
The front serves on. Try, in another terminal:
  curl -d '{"s":"hello"}' %s/uppercase
  curl -d '{"s":""}' %s/uppercase
  curl -d '{"s":"hello"}' %s/count
  curl -s %s/metrics | grep rota_client
`

const pageHints = `
And in a browser, the live page: hurt a replica there, and see what happens.
  %s
`

// demonstration is the servers of one demo.
type demonstration struct {
	abort    <-chan struct{}
	front    *app
	page     string // its URL; "" = none
	replicas []*patient
	stops    []func() error // of the front
}

// startFront starts the front and the live page, and returns the front's host and port.
func (d *demonstration) startFront(p demoParams, logger *slog.Logger) (string, error) {
	var addrs []string
	for _, r := range d.replicas {
		addrs = append(addrs, r.addr())
	}
	// A time that a machine busy with something else keeps too.
	cfg, err := parseFlags([]string{"-max-time=5s", "-proxy=" + strings.Join(addrs, ",")})
	if err != nil {
		return "", err
	}
	addr := loopback(p.base + demoFrontPort)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%w (-base-port moves the demo)", err)
	}
	page := d.listenPage(p.admin, logger)
	if page != nil {
		cfg.admin, cfg.adminWrite, cfg.actions = p.admin, true, d.actions()
	}
	var server stringsvc.Server
	if d.front, err = build(cfg, server.Ready, logger); err != nil {
		_ = listener.Close()
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, stringsvc.RunParams{
			Addr: addr, Listener: listener, Handler: d.front.handler, Probes: d.front.probes, Logger: logger,
			ProxyTo: cfg.proxy, CallTime: cfg.callTime(), Abort: d.abort,
		})
	}()
	d.stops = append(d.stops, func() error {
		cancel()
		defer d.front.close()
		return <-ended
	})
	if page != nil {
		end := servePage(d.front.page, page, logger)
		d.stops = append(d.stops, func() error { end(); return nil })
	}
	return addr, nil
}

// listenPage returns what the live page is served on: the demo can do without.
func (d *demonstration) listenPage(addr string, logger *slog.Logger) net.Listener {
	if addr == "" {
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		logger.Warn("live page on another port", "err", err)
		if l, err = net.Listen("tcp", loopback(0)); err != nil {
			logger.Warn("no live page", "err", err)
			return nil
		}
	}
	d.page = "http://" + l.Addr().String() + "/"
	return l
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// close ends the servers: the front, and then its replicas.
func (d *demonstration) close() error {
	var errs []error
	for i := len(d.stops) - 1; i >= 0; i-- {
		errs = append(errs, d.stops[i]())
	}
	for _, r := range d.replicas {
		errs = append(errs, r.stop())
	}
	return errors.Join(errs...)
}
