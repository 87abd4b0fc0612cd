package rotadash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
)

// Params are what a Dash is made of. The zero Params are a page of no service, which is for loopback and reads only.
type Params struct {
	Title    string // of the page; "" = "rota"
	Version  string // of the program; "" = not shown
	Services []Service
	// Write allows to drain and eject replicas and to change their weights.
	Write bool
	// Actions are what the program offers beside, whatever Write says.
	Actions []Action
	// Token must be given to see anything, 16 characters or more; "" = nobody is asked.
	Token string
	// Hosts are the names by which the page may be called beside localhost, loopback addresses, and the address that the
	// request came in at. Others are refused, because a page of somebody else's may have pointed its name here.
	Hosts []string
	Pprof bool         // serve /debug/pprof/
	Log   *slog.Logger // has a line for everything that is done by hand; nil = slog.Default()
	// Recorder says how many decisions are kept, and how many a second are taken; zero fields are 1024 and 20.
	Recorder rota.RecorderParams
}

// Service is one that the page shows.
type Service struct {
	Name      string // the Config.Service of its Client: events are told apart by it
	Source    Source
	Ejector   Ejector         // nil = its replicas cannot be ejected by hand
	Overrides *rota.Overrides // nil = its replicas can be neither drained nor weighted by hand
}

// Source is what is read once a second: a *rota.Client.
type Source interface{ Stats() rota.Stats }

// Ejector takes a replica out of use until a trial finds it well, and reports whether it is out: a *rota.Client.
type Ejector interface{ Eject(addr string) bool }

// Action is something that the program lets be done to a replica.
type Action struct {
	Name    string // in requests and in the log
	Title   string // on its button; "" = Name
	Service string // whose replicas it is for; "" = all
	Confirm string // what is asked before; "" = nothing
	// Do does it. It is called concurrently; its ctx ends after 10 seconds at the latest.
	Do func(ctx context.Context, addr string) error
	// On says that it is in force, so that its button shows pressed; nil = it never is. It must neither block nor call the
	// Dash.
	On func(addr string) bool
}

// Dash is the live page. Its methods may be called concurrently. It shows what has happened since Run began.
type Dash struct {
	params   Params
	log      *slog.Logger
	boot     string // tells one run of the program from the next
	recorder *rota.Recorder
	hosts    []string
	secret   secret
	assets   map[string]asset
	mux      *http.ServeMux

	books   atomic.Pointer[books] // what calls write to
	running atomic.Bool
	done    chan struct{} // closed when Run has ended
	streams chan struct{} // holds one for each stream that is open

	feed feed

	mu        sync.Mutex
	tick      uint64 // of the last sample; the first is 1
	times     ring[float64]
	services  []*service
	events    events
	decisions decisions
	notice    string         // that stands until another does
	watching  map[string]int // how many streams have the replicas of a service; "" = of all
}

// New returns a Dash that knows its services, and nothing of them before Run.
func New(p Params) (*Dash, error) {
	if p.Title == "" {
		p.Title = "rota"
	}
	if p.Log == nil {
		p.Log = slog.Default()
	}
	if p.Recorder.Size <= 0 {
		p.Recorder.Size = 1024
	}
	if p.Token != "" && len(p.Token) < minToken {
		return nil, fmt.Errorf("rotadash: Params.Token has %d characters, want at least %d", len(p.Token), minToken)
	}
	for i, a := range p.Actions {
		if a.Name == "" || a.Do == nil {
			return nil, fmt.Errorf("rotadash: Params.Actions[%d]: want a Name and a Do", i)
		}
		if slices.Contains(builtIn, a.Name) || slices.ContainsFunc(p.Actions[:i], func(b Action) bool { return b.Name == a.Name && b.Service == a.Service }) {
			return nil, fmt.Errorf("rotadash: Params.Actions[%d]: there is another %q", i, a.Name)
		}
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	d := &Dash{
		params: p, log: p.Log, boot: strconv.FormatInt(time.Now().UnixMilli(), 36), recorder: rota.NewRecorder(p.Recorder),
		secret: newSecret(p.Token), assets: assets,
		done: make(chan struct{}), streams: make(chan struct{}, maxStreams), feed: feed{more: make(chan struct{})},
		watching: make(map[string]int), events: events{max: maxEvents}, decisions: decisions{max: p.Recorder.Size},
	}
	for _, h := range p.Hosts {
		d.hosts = append(d.hosts, bareHost(h))
	}
	d.books.Store(&books{})
	d.mux = d.routes()
	if err := d.Set(p.Services); err != nil {
		return nil, err
	}
	return d, nil
}

// Set replaces the services, after a change of the program's configuration, say. What is known of one stays if its name
// does.
func (d *Dash) Set(services []Service) error {
	for i, s := range services {
		switch {
		case s.Name == "":
			return fmt.Errorf("rotadash: service %d has no Name", i)
		case s.Source == nil:
			return fmt.Errorf("rotadash: service %s: Source is nil", s.Name)
		case slices.ContainsFunc(services[:i], func(o Service) bool { return o.Name == s.Name }):
			return fmt.Errorf("rotadash: there are two services %q", s.Name)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	next, index := make([]*service, len(services)), make(books, len(services))
	for i, s := range services {
		next[i] = d.serviceLocked(s.Name)
		if next[i] == nil {
			next[i] = newService(s.Name, d.tick+1)
		}
		next[i].Service = s
		index[s.Name] = next[i].book
	}
	d.services = next
	d.books.Store(&index)
	return nil
}

func (d *Dash) serviceLocked(name string) *service {
	for _, s := range d.services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Note shows an event of the program's own, such as a configuration that was applied.
func (d *Dash) Note(e Event) {
	d.note(e, time.Now())
}

// Notice stands above everything on the page until another does, such as that a configuration was refused; "" = nothing does.
func (d *Dash) Notice(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notice = short(text, 1000)
}

// Run watches the services until ctx ends; then it ends the streams of those who watch the page, and returns nil. It is
// for once.
func (d *Dash) Run(ctx context.Context) error {
	if !d.running.CompareAndSwap(false, true) {
		return errors.New("rotadash: Run was called before")
	}
	defer close(d.done)
	samples, batches := time.NewTicker(time.Second), time.NewTicker(batchEvery)
	defer samples.Stop()
	defer batches.Stop()
	d.sample(time.Now())
	var seen uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-samples.C:
			d.sample(now)
		case <-batches.C:
			seen = d.takeDecisions(seen)
		}
	}
}

// Serve runs the Dash and serves it on l, until ctx ends or the server fails. It closes l. A page that may change things is
// served on another address than loopback only with a token.
func (d *Dash) Serve(ctx context.Context, l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !d.readsOnly() && !d.secret.needed && !a.IP.IsLoopback() {
		_ = l.Close()
		return fmt.Errorf("rotadash: a page that may change things on %v, want a Token or a loopback address", a)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := d.Server(d)
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	go func() { served <- server.Serve(l) }()
	var failed error
	select {
	case failed = <-served:
		stop()
		<-ran
	case err := <-ran: // the streams end with it
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(late) != nil {
			_ = server.Close()
		}
		<-served
		failed = err
	}
	return failed
}

// Server returns a server with the bounds that Serve has, on time and size, for a handler that has the Dash in it. Run is for
// the caller to call.
func (d *Dash) Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
	}
}

func (d *Dash) readsOnly() bool { return !d.params.Write && len(d.params.Actions) == 0 }

// bareHost returns a host's name as hosts are compared: without port and last dot, in lower case.
func bareHost(h string) string {
	if name, _, err := net.SplitHostPort(h); err == nil {
		h = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(h, "[]"), "."))
}
