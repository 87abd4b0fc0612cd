package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rota-go/rota/rotadash"
	"github.com/rota-go/rota/stringsvc"
)

// What the page can do to a replica of the demo.
const (
	slow     = "slow"
	hang     = "hang"
	failing  = "errors"
	kill     = "kill"
	heal     = "heal"
	slowness = 300 * time.Millisecond
)

// patient is a replica of the demo, which can be hurt and healed.
type patient struct {
	port int

	mu     sync.Mutex
	fault  string        // "" = it is well
	healed chan struct{} // closed when the fault is another

	life sync.Mutex   // held while it starts or stops, which takes time
	end  func() error // nil = it does not run
}

func (p *patient) addr() string { return loopback(p.port) }

// start has it listen and serve.
func (p *patient) start() error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.end != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.addr())
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	var server stringsvc.Server
	app, err := build(config{maxBody: stringsvc.DefaultMaxBody}, server.Ready, quiet)
	if err != nil {
		_ = listener.Close()
		return err
	}
	abort, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- server.Run(context.Background(), stringsvc.RunParams{
			Listener: listener, Handler: p.ill(app.handler), Logger: quiet, Abort: abort,
		})
	}()
	p.end = func() error { // as when a process is killed; its callers are gone, or are to notice
		close(abort)
		<-ended
		app.close()
		return nil
	}
	return nil
}

// stop ends it.
func (p *patient) stop() error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.end == nil {
		return nil
	}
	err := p.end()
	p.end = nil
	return err
}

// hurt gives it a fault, in place of the one it has; heal takes that away.
func (p *patient) hurt(fault string) error {
	p.turn(fault)
	if fault == kill {
		return p.stop()
	}
	return p.start()
}

func (p *patient) turn(fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault = fault; fault == heal {
		p.fault = ""
	}
	close(p.healed)
	p.healed = make(chan struct{})
}

// state returns its fault, and what is closed when that is over.
func (p *patient) state() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.healed
}

// ill is a handler with the fault before it.
func (p *patient) ill(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, healed := p.state()
		wait := time.Duration(0)
		switch fault {
		case slow:
			wait = slowness
		case hang:
			wait = time.Hour
		case failing:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "{}\n")
			return
		}
		if wait > 0 {
			// Read first: the server sees a caller leave only when the body is out of the way.
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, stringsvc.DefaultMaxBody))
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			timer := time.NewTimer(wait)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-healed:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// actions are the buttons that hurt and heal.
func (d *demonstration) actions() []rotadash.Action {
	var all []rotadash.Action
	for _, a := range []struct{ name, title string }{
		{slow, "+300 ms"}, {hang, "Hang"}, {failing, "Errors"}, {kill, "Kill"}, {heal, "Heal"},
	} {
		action := rotadash.Action{Name: a.name, Title: a.title, Do: func(_ context.Context, addr string) error {
			p := d.patient(addr)
			if p == nil {
				return fmt.Errorf("%s is no replica of the demo", addr)
			}
			return p.hurt(a.name)
		}}
		if a.name != heal {
			action.On = func(addr string) bool {
				p := d.patient(addr)
				if p == nil {
					return false
				}
				fault, _ := p.state()
				return fault == a.name
			}
		}
		all = append(all, action)
	}
	return all
}

// patient returns the replica at an address as the front has it; nil = there is none.
func (d *demonstration) patient(addr string) *patient {
	for _, p := range d.replicas {
		if addr == "http://"+p.addr()+"/uppercase" {
			return p
		}
	}
	return nil
}
