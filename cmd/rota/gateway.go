package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/proxy"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/cmd/rota/internal/sockets"
	"github.com/rota-go/rota/rotadash"
)

// gateway is a proxy that runs: its servers, its page, and what changes them.
type gateway struct {
	flags   *proxyFlags
	args    []string // of the command, for a successor
	log     *slog.Logger
	sockets *sockets.Set
	proxy   *proxy.Proxy
	servers *proxy.Servers
	metrics *proxy.Metrics
	dash    *rotadash.Dash // nil = no page
	admin   *http.Server   // the same

	signals chan os.Signal // beside those to leave
	leaving atomic.Bool

	// Only the goroutine of run changes these.
	begun   *setup.Setup // what was in force at the start
	current *setup.Setup // what is in force
	text    []byte       // of the file, as it was read last
	seen    []byte       // the same, when it was not believed yet
	refused string       // why the file is not in force; "" = it is
	unread  int          // how often in a row it could not be read
}

// newGateway starts all that s says.
func newGateway(f *proxyFlags, s *setup.Setup, io stdio, args []string) (g *gateway, err error) {
	g = &gateway{flags: f, args: args, log: f.logger(io.err), begun: s, current: s, signals: make(chan os.Signal, 4)}
	signal.Notify(g.signals, controlSignals()...) // before anybody can see that it serves, and believe that it heeds them
	if g.sockets, err = sockets.Inherit(); err != nil {
		return nil, err
	}
	if f.config != "" {
		if g.text, err = os.ReadFile(f.config); err != nil {
			return nil, err
		}
		g.seen = g.text
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.metrics = proxy.NewMetrics(registry)
	var listener net.Listener
	observer := told(g.log, f.level)
	if s.Admin != nil {
		if listener, err = g.listenAdmin(s.Admin); err != nil {
			return nil, err
		}
	}
	if listener != nil {
		if err := g.newPage(s.Admin); err != nil {
			_ = listener.Close()
			return nil, err
		}
		observer = rota.Observers(observer, g.dash.Observer())
	}
	g.proxy, err = proxy.New(s, proxy.Params{Log: g.log, Out: io.out, Err: io.err, Observer: observer, Metrics: g.metrics})
	if err != nil {
		return nil, err
	}
	g.metrics.Of(g.proxy)
	g.servers = proxy.NewServers(g.proxy, g.log, g.sockets)
	change, err := g.servers.Prepare(s)
	if err != nil {
		return nil, errors.Join(err, g.proxy.Close())
	}
	if g.sockets.Awaited() {
		g.learn()
	}
	change.Commit()
	g.metrics.Applied(time.Now(), nil)
	if g.dash != nil {
		if err := g.showServices(); err != nil {
			return nil, err
		}
		g.serveAdmin(listener, registry)
	}
	return g, nil
}

// learnTime is how long a successor may take to know its replicas.
const learnTime = 10 * time.Second

// learn waits until the replicas of all services are known, before connections are taken from a process that knows them.
func (g *gateway) learn() {
	ctx, cancel := context.WithTimeout(context.Background(), learnTime)
	defer cancel()
	if err := g.proxy.Ready(ctx); err != nil {
		g.log.Warn("serving without all replicas known", "error", err)
	}
}

// listenAdmin returns the page's socket. The default one may be busy: another proxy's page is there, and this one goes
// without.
func (g *gateway) listenAdmin(a *setup.Admin) (net.Listener, error) {
	l, err := g.sockets.Listen("admin", a.Listen)
	if err == nil {
		return l, nil
	}
	if !a.Implied() || g.flags.given["admin"] || !inUse(err) {
		return nil, g.current.At("admin.listen", err)
	}
	g.log.Warn("no live page: its default address is in use; -admin=ADDRESS puts it elsewhere, -admin= turns it off", "error", err)
	return nil, nil
}

func (g *gateway) newPage(a *setup.Admin) error {
	token := ""
	if a.TokenFile != "" {
		var err error
		if token, err = setup.ReadToken(a.TokenFile); err != nil {
			return g.current.At("admin.token_file", err)
		}
	}
	dash, err := rotadash.New(rotadash.Params{
		Title: "rota proxy", Version: version(), Write: a.Write, Token: token, Hosts: a.Hosts, Pprof: a.Pprof, Log: g.log,
	})
	g.dash = dash
	return err
}

// showServices tells the page which services there are.
func (g *gateway) showServices() error {
	if g.dash == nil {
		return nil
	}
	var list []rotadash.Service
	for _, s := range g.proxy.Services() {
		list = append(list, rotadash.Service{Name: s.Name, Source: s.Client, Ejector: s.Client, Overrides: s.Overrides})
	}
	return g.dash.Set(list)
}

func (g *gateway) note(level rotadash.Level, text string) {
	if g.dash != nil {
		g.dash.Note(rotadash.Event{Kind: "config", Level: level, Text: text})
	}
}

func (g *gateway) notice(text string) {
	if g.dash != nil {
		g.dash.Notice(text)
	}
}

// serveAdmin serves the page, metrics and health checks, until the gateway ends.
func (g *gateway) serveAdmin(l net.Listener, registry *prometheus.Registry) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", g.dash.Guard(promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})))
	mux.HandleFunc("GET /readyz", g.readyz) // for everybody: whoever looks after the process has no token, and it says little
	mux.Handle("/", g.dash)
	g.admin = g.dash.Server(mux)
	g.log.Info("live page", "url", "http://"+l.Addr().String()+"/")
	go func() { // ends when the server is closed
		if err := g.admin.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("live page ended", "error", err)
		}
	}()
}

// readyz answers 200 once every service knows its replicas, and 503 before, and when the proxy leaves.
func (g *gateway) readyz(w http.ResponseWriter, _ *http.Request) {
	if g.leaving.Load() {
		http.Error(w, "leaving", http.StatusServiceUnavailable)
		return
	}
	for _, s := range g.proxy.Services() {
		if stats := s.Client.Stats(); stats.Used() == 0 {
			http.Error(w, "service "+s.Name+" has no replicas", http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

// run serves until ctx ends, or a successor has taken over.
func (g *gateway) run(ctx context.Context) error {
	background, stop := context.WithCancel(context.Background())
	defer stop()
	defer signal.Stop(g.signals) // not before: they would end the process while it leaves
	if g.dash != nil {
		go func() { _ = g.dash.Run(background) }() // it ends with the process's page
	}
	if names := g.sockets.DropUnused(); len(names) > 0 {
		g.log.Warn("sockets that were handed over are not used", "names", strings.Join(names, ", "))
	}
	if err := g.sockets.Serving(); err != nil {
		g.log.Warn("whoever handed over the sockets was not told", "error", err)
	}
	g.notify("READY=1\nMAINPID=" + strconv.Itoa(os.Getpid()))
	succeeded := g.await(ctx)
	g.leaving.Store(true)
	if succeeded {
		g.closeAdmin() // or it would answer for a process that does not leave
	} else {
		g.notify("STOPPING=1")
	}
	abort := make(chan struct{})
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	g.log.Info("leaving", "wait", g.current.Drain.Wait, "time", g.current.Drain.Shutdown)
	go func() { // ends with the process at the latest
		select {
		case <-again:
			close(abort)
		case <-background.Done():
		}
	}()
	err := g.servers.Leave(abort)
	g.closeAdmin()
	return errors.Join(err, g.proxy.Close())
}

func (g *gateway) closeAdmin() {
	if g.admin != nil {
		_ = g.admin.Close() // streams of the page never end by themselves
	}
}

func (g *gateway) notify(state string) {
	if err := sockets.Notify(state); err != nil {
		g.log.Warn("the service manager was not told", "error", err)
	}
}

// watchEvery is how often the file is looked at. A change is in force at the second look.
const watchEvery = 500 * time.Millisecond

// await returns when it is time to leave, and whether that is because a successor serves. Until then it does what signals and
// changes of the file ask for.
func (g *gateway) await(ctx context.Context) (succeeded bool) {
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case s := <-g.signals:
			if s == upgradeSignal() {
				if g.succeed(ctx) {
					return true
				}
				continue
			}
			g.reload(true)
		case <-ticks.C:
			g.reload(false)
		}
	}
}

// reload puts the file in force if it or what it names has changed, or if asked. One that cannot be meant changes nothing, and is tried again: what
// was wrong may be in a file that it names, or with an address.
func (g *gateway) reload(asked bool) {
	if asked {
		if err := g.proxy.Reopen(); err != nil {
			g.log.Error("access log not opened again", "error", err)
		}
	}
	if g.flags.config == "" {
		return
	}
	text, err := os.ReadFile(g.flags.config)
	if err != nil {
		if g.unread++; g.unread == 1 && !asked {
			return // it is being replaced
		}
	} else {
		g.unread = 0
		if fresh := !bytes.Equal(text, g.text); !asked && (fresh && !bytes.Equal(text, g.seen) || !fresh && g.refused == "" && !g.proxy.Stale()) {
			g.seen = text // which may be half of what somebody is writing: it counts when it is the same the next time
			return
		}
		g.text = text
		err = g.apply()
	}
	if err != nil && err.Error() == g.refused && !asked {
		return // which was said
	}
	g.metrics.Applied(time.Now(), err)
	if err != nil {
		g.refused = err.Error()
		g.note(rotadash.Bad, "refused, what was in force stays: "+err.Error())
		g.notice("The configuration in force is not what " + g.flags.config + " says, because that was refused: " + err.Error())
		g.log.Error("config refused: what was in force stays", "file", g.flags.config, "error", err)
		return
	}
	g.refused = ""
	g.note(rotadash.Good, "applied")
	later := ""
	if !reflect.DeepEqual(g.begun.Admin, g.current.Admin) {
		later = "what " + g.flags.config + " says of admin is in force after SIGUSR2 or a restart"
		g.log.Warn(later)
	}
	g.notice(later)
	g.log.Info("config applied", "file", g.flags.config)
}

// apply puts the file in force, all of it or nothing.
func (g *gateway) apply() error {
	next, err := g.flags.setup()
	if err != nil {
		return err
	}
	change, err := g.servers.Prepare(next)
	if err != nil {
		return err
	}
	if err := g.proxy.Apply(next); err != nil {
		change.Discard()
		return err
	}
	change.Commit()
	g.current = next
	return g.showServices()
}

// successorTime is how long a successor may take to serve.
const successorTime = 30 * time.Second

// succeed starts the program anew on the same sockets, and reports whether it serves.
func (g *gateway) succeed(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, successorTime)
	defer cancel()
	g.log.Info("starting a successor")
	s, err := g.sockets.Succeed(ctx, append([]string{"proxy"}, g.args...))
	if err != nil {
		g.log.Error("no successor: this process goes on", "error", err)
		return false
	}
	g.log.Info("the successor serves", "pid", s.Process.Pid)
	return true
}
