// Package proxy passes HTTP requests on to replicas, by way of the routes and services of a setup. What it does for a request
// is decided by rota's core; this package moves bytes, and changes its setup under way without losing a request.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// Proxy is an http.Handler that does what a setup says. Its methods may be called concurrently.
type Proxy struct {
	params Params
	state  atomic.Pointer[state]

	mu       sync.Mutex // serialises Apply and Close
	services map[string]*service
	closed   bool
	retiring sync.WaitGroup // states that have not been released
}

// Params are what a Proxy is made of, beside its setup.
type Params struct {
	Log      *slog.Logger  // what goes wrong; not nil
	Out, Err io.Writer     // for an access log that goes there
	Observer rota.Observer // of all services
	Metrics  *Metrics      // nil = nothing is counted but what clients count
}

// Service is one of the services in use.
type Service struct {
	Name      string
	Client    *rota.Client
	Overrides *rota.Overrides
}

// New returns a Proxy that does what s says.
func New(s *setup.Setup, params Params) (*Proxy, error) {
	p := &Proxy{params: params, services: map[string]*service{}}
	if err := p.Apply(s); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// state is a setup at work. It never changes; Apply makes another.
type state struct {
	table     table
	forwarded *forwarding
	debug     networks
	spec      *setup.AccessLog
	access    *accessLog // nil = no line for each request

	users   atomic.Int64 // requests that it serves, and 1 for being in use
	uses    []func()     // gives back what it uses
	release func()       // once nobody uses it
}

// Apply does what s says from now on, or returns an error and changes nothing. Requests under way go on as they began. Of
// services that stay, connections and what is known of their replicas stay too.
func (p *Proxy) Apply(s *setup.Setup) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("the proxy is closed")
	}
	next := maps.Clone(p.services)
	var made []*service
	discard := func(err error) error {
		for _, sv := range made {
			sv.close()
		}
		return err
	}
	var commit []func()
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		spec := s.Services[name]
		sv, change, err := p.service(next[name], name, &spec)
		if err != nil {
			return discard(s.At("services."+name, err))
		}
		if sv != next[name] {
			made = append(made, sv)
		}
		next[name] = sv
		commit = append(commit, change)
	}
	maps.DeleteFunc(next, func(name string, _ *service) bool { _, stays := s.Services[name]; return !stays })
	st, err := p.newState(s, next)
	if err != nil {
		return discard(err)
	}
	for _, change := range commit {
		change()
	}
	p.replace(st, next)
	return nil
}

func (p *Proxy) newState(s *setup.Setup, services map[string]*service) (*state, error) {
	st := &state{forwarded: newForwarding(&s.Forwarded), debug: parseNetworks(s.Debug.Trust), spec: s.AccessLog}
	if old := p.state.Load(); old != nil && reflect.DeepEqual(old.spec, st.spec) {
		st.access = old.access
	} else if s.AccessLog != nil {
		var err error
		if st.access, err = newAccessLog(s.AccessLog, p.params.Out, p.params.Err); err != nil {
			return nil, s.At("access_log.to", err)
		}
	}
	for i := range s.Routes {
		name := s.Routes[i].Service
		policy := s.Services[name].Policy
		r, err := newRoute(&s.Routes[i], services[name], &policy, p)
		if err != nil {
			return nil, s.At(fmt.Sprintf("routes[%d]", i), err)
		}
		st.table.add(r)
	}
	st.table.sort()
	st.users.Store(1)
	return st, nil
}

// replace puts st and services in use. What is not used any more is closed when the last request that may use it has ended.
func (p *Proxy) replace(st *state, services map[string]*service) {
	for _, sv := range services {
		st.uses = append(st.uses, sv.uses.hold(sv.close))
	}
	if st.access != nil {
		st.uses = append(st.uses, st.access.uses.hold(st.access.close))
	}
	p.services = services
	p.retiring.Add(1)
	st.release = func() {
		defer p.retiring.Done()
		for _, give := range st.uses {
			give()
		}
	}
	if old := p.state.Swap(st); old != nil {
		old.leave()
	}
}

// uses counts the states that use something, which may be several: requests go on with the state that they entered with.
type uses struct{ n atomic.Int64 }

// hold counts one more. The func that it returns is called once it is one less, and calls last if there are none.
func (u *uses) hold(last func()) (give func()) {
	u.n.Add(1)
	return func() {
		if u.n.Add(-1) == 0 {
			last()
		}
	}
}

// enter returns the state in use, which is not released before leave.
func (p *Proxy) enter() *state {
	for {
		st := p.state.Load()
		if st.users.Add(1) > 1 {
			return st
		}
		st.users.Add(-1) // it was released meanwhile, and there is another
	}
}

func (st *state) leave() {
	if st.users.Add(-1) == 0 {
		st.release()
	}
}

// Services returns the services in use, by name.
func (p *Proxy) Services() []Service {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Service
	for _, name := range slices.Sorted(maps.Keys(p.services)) {
		list = append(list, Service{name, p.services[name].client, p.services[name].overrides})
	}
	return list
}

// Stale reports whether files that services were made of have changed since: applying the same setup makes them anew.
func (p *Proxy) Stale() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, sv := range p.services {
		if sv.ca != caOf(&sv.spec) {
			return true
		}
	}
	return false
}

// Ready waits until every service knows its replicas, or ctx ends.
func (p *Proxy) Ready(ctx context.Context) error {
	for _, s := range p.Services() {
		if err := s.Client.Ready(ctx); err != nil {
			return fmt.Errorf("service %s: %w", s.Name, err)
		}
	}
	return nil
}

// Close gives back what the proxy has. No request may be under way any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if st := p.state.Load(); st != nil {
		st.release() // it stays in use: who comes too late is told so by its services
	}
	p.retiring.Wait()
	return nil
}

// Reopen opens the file of the access log again, after it was moved away.
func (p *Proxy) Reopen() error {
	st := p.enter()
	defer st.leave()
	return st.access.reopen()
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st := p.enter()
	defer st.leave()
	x := exchange{w: w, r: r, state: st, proxy: p}
	x.serve()
}

// refuse answers a request that is not let in to ServeHTTP, as that answers others; it is logged and counted as they are.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	st := p.enter()
	defer st.leave()
	x := exchange{w: w, r: r, state: st, proxy: p}
	x.begin()
	defer x.tell(st.access)
	x.fail(status, why)
}
