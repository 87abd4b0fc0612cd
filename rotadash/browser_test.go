//go:build integration

package rotadash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotadash"
	"github.com/rota-go/rota/rotahttp"
)

// TestBrowser runs browser/test.mjs: Chromium looks at a program that it can hurt, stop and start.
func TestBrowser(t *testing.T) {
	if _, err := os.Stat("browser/node_modules/playwright-core"); err != nil {
		t.Fatalf("%v: make browser-deps installs what is needed", err)
	}
	p := newProgram(t)
	defer p.stop()
	control := httptest.NewServer(p)
	defer control.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "browser/test.mjs")
	node.Env = append(os.Environ(), "PAGE="+p.url(), "CONTROL="+control.URL)
	out, err := node.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// program is one with a page that can be stopped and started on the same port.
type program struct {
	t        *testing.T
	addr     string
	replicas []*httptest.Server
	broken   [3]atomic.Bool
	log      safeBuffer

	mu   sync.Mutex
	dash *rotadash.Dash
	ends []func()
}

func newProgram(t *testing.T) *program {
	p := &program{t: t}
	for i := range p.broken {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if p.broken[i].Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(w, "1")
		}))
		t.Cleanup(s.Close)
		p.replicas = append(p.replicas, s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	if err := p.start(l, false, ""); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) url() string { return "http://" + p.addr + "/" }

// hostile is a name as somebody might choose it who wants to run something on the page.
const hostile = `<img src="/x" onerror="window.hacked=1">`

func (p *program) start(l net.Listener, write bool, token string) error {
	dash, err := rotadash.New(rotadash.Params{Title: "test", Write: write, Token: token, Recorder: rota.RecorderParams{PerSecond: 1e6}, Log: slog.New(slog.NewTextHandler(&p.log, nil))})
	if err != nil {
		return err
	}
	p.dash = dash
	set := make(rota.Static, len(p.replicas))
	for i, s := range p.replicas {
		set[i] = rota.Instance{Addr: s.URL, Zone: fmt.Sprint("zone-", i)}
	}
	overrides := rota.NewOverrides(set)
	users, err := rota.New(rota.Config{Service: "users", Resolver: overrides, Policy: rota.DefaultPolicy(), Balancer: rota.RoundRobin(), Observer: dash.Observer()})
	if err != nil {
		return err
	}
	bad, err := rota.New(rota.Config{Service: hostile, Resolver: rota.Static{{Addr: hostile, Zone: hostile}}, Policy: rota.DefaultPolicy(), Observer: dash.Observer()})
	if err != nil {
		return err
	}
	crowd := make(rota.Static, 60)
	for i := range crowd {
		crowd[i].Addr = fmt.Sprintf("10.0.0.%d:80", i)
	}
	last := crowd[len(crowd)-1].Addr
	fleet, err := rota.New(rota.Config{Service: "fleet", Resolver: crowd, Policy: rota.DefaultPolicy(), Balancer: rota.RoundRobin(), Observer: dash.Observer()})
	if err != nil {
		return err
	}
	err = dash.Set([]rotadash.Service{
		{Name: "users", Source: users, Ejector: users, Overrides: overrides}, {Name: hostile, Source: bad}, {Name: "fleet", Source: fleet},
	})
	if err != nil {
		return err
	}
	ask := rotahttp.JSON[int, int](users, http.MethodPost, "/")
	ask.Idempotent = true
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	every := func(pause time.Duration, f func()) {
		work.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					f()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	every(10*time.Millisecond, func() { _, _ = ask.Call(ctx, 1) })
	every(200*time.Millisecond, func() {
		_, _ = rota.Do(ctx, bad, rota.Call{}, rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 0, errors.New(hostile) }})
	})
	every(5*time.Millisecond, func() {
		_, _ = rota.Do(ctx, fleet, rota.Call{Idempotent: true}, rota.Op[int]{Send: func(_ context.Context, a *rota.Attempt) (int, error) {
			if a.Instance().Addr == last {
				return 0, errors.New("out of order")
			}
			return 1, nil
		}})
	})
	work.Go(func() {
		if err := dash.Serve(ctx, l); err != nil {
			p.t.Error(err)
		}
	})
	p.ends = append(p.ends, func() {
		cancel()
		work.Wait()
		_ = users.Close()
		_ = bad.Close()
		_ = fleet.Close()
	})
	return nil
}

func (p *program) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopLocked()
}

func (p *program) stopLocked() {
	for _, end := range p.ends {
		end()
	}
	p.ends = nil
}

// ServeHTTP is what the script does to the program: /break?replica=0, /mend?replica=0, /stop, /start?write=1&token=…, /notice?text=…, /log.
func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var i int
	_, _ = fmt.Sscan(r.FormValue("replica"), &i)
	switch r.URL.Path {
	case "/break":
		p.broken[i].Store(true)
	case "/mend":
		p.broken[i].Store(false)
	case "/stop":
		p.stopLocked()
	case "/start":
		l, err := net.Listen("tcp", p.addr)
		if err == nil {
			err = p.start(l, r.FormValue("write") != "", r.FormValue("token"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	case "/notice":
		p.dash.Notice(r.FormValue("text"))
	case "/log":
		_, _ = io.WriteString(w, p.log.String())
		return
	}
	var addrs []string
	for _, s := range p.replicas {
		addrs = append(addrs, s.URL)
	}
	_ = json.NewEncoder(w).Encode(addrs)
}
