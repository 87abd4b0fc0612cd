// Command stringsvc serves the string service over HTTP, or forwards to
// replicas that do: see stringsvc -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/rota-go/rota/stringsvc"
	"github.com/rota-go/rota/stringsvc/logfmt"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with what it needs, and its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "demo" {
		return demo(args[1:], stdout, stderr)
	}
	cfg, err := parseFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "stringsvc:", err)
		return exitUsage
	case cfg.version:
		fmt.Fprintln(stdout, version())
		return exitOK
	}
	if err := serve(cfg, stderr); err != nil {
		fmt.Fprintln(stderr, "stringsvc:", err)
		return exitFailed
	}
	return exitOK
}

// serve runs the service until it is told to stop. When it returns, everything
// logged is written.
func serve(cfg config, stderr io.Writer) error {
	ctx, abort, release := untilSignals()
	defer release()
	log := logfmt.NewWriter(stderr)
	// Nobody is left to tell if the log cannot be written.
	defer func() { _ = log.Close() }()
	logger := slog.New(logfmt.NewHandler(log))

	var server stringsvc.Server
	app, err := build(cfg, server.Ready, logger)
	if err != nil {
		return err
	}
	defer app.close()
	if app.page != nil {
		l, err := net.Listen("tcp", cfg.admin)
		if err != nil {
			return fmt.Errorf("-admin: %w", err)
		}
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && cfg.adminWrite && cfg.adminToken == "" && !tcp.IP.IsLoopback() {
			_ = l.Close()
			return fmt.Errorf("-admin-write: anybody could, want -admin-token-file or a loopback address in -admin=%s", cfg.admin)
		}
		defer servePage(app.page, l, logger)()
	}
	return server.Run(ctx, stringsvc.RunParams{
		Addr:     cfg.listen,
		Handler:  app.handler,
		Probes:   app.probes,
		Logger:   logger,
		ProxyTo:  cfg.proxy,
		CallTime: cfg.callTime(),
		Drain:    cfg.drain,
		Abort:    abort,
	})
}

// untilSignals returns a context that ends at the first SIGINT or SIGTERM, and
// a channel that is closed at the second. release stops watching for them.
func untilSignals() (ctx context.Context, second <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	abort, released, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for _, act := range []func(){cancel, func() { close(abort) }} {
			select {
			case <-signals:
				act()
			case <-released:
				return
			}
		}
	}()
	return ctx, abort, func() {
		signal.Stop(signals)
		close(released)
		<-ended
		cancel()
	}
}

// version says what was built, and with what.
func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("stringsvc %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
