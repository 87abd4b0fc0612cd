//go:build integration

package bench_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/bench/load"
	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/rotahttp"
)

// drain is shorter than the default, so that the third replica ends soon after the first: while whoever was told that
// the first would go may still believe it.
var drain = []string{"-drain=500ms"}

// TestRollingRestartLosesNothing restarts every replica gracefully, in turn, while calls go on: those of a front, which may
// be repeated, and POSTs by a client of its own that nobody may send twice.
func TestRollingRestartLosesNothing(t *testing.T) {
	bin, err := proc.Build(t.Context(), t.TempDir(), proc.Stringsvc)
	if err != nil {
		t.Fatal(err)
	}
	var addrs []string
	var fleet []*proc.Process
	for range 3 {
		p, err := proc.Start(t.Context(), proc.Params{Bin: bin, Args: drain})
		if err != nil {
			t.Fatal(err)
		}
		fleet, addrs = append(fleet, p), append(addrs, p.Addr)
	}
	t.Cleanup(func() {
		for _, p := range fleet {
			p.Kill()
		}
	})
	front, err := proc.Start(t.Context(), proc.Params{Bin: bin, Args: []string{"-proxy=" + addrs[0] + "," + addrs[1] + "," + addrs[2]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Kill)
	client, err := rota.New(rota.Config{Service: "uppercase", Resolver: rota.StaticAddrs(addrs...), Policy: rota.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	transport := &rotahttp.Transport{Client: client}
	defer transport.CloseIdleConnections()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	loads := map[string]*load.Run{}
	var mu sync.Mutex
	var generators sync.WaitGroup
	for name, p := range map[string]load.Params{
		"through the front":            {URL: "http://" + front.Addr + "/uppercase"},
		"POSTs that may not be resent": {URL: "http://uppercase/uppercase", Client: &http.Client{Transport: transport}},
	} {
		p.Rate, p.Timeout, p.Limit = 200, 5*time.Second, 1000
		generators.Go(func() {
			run := load.Generate(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			loads[name] = run
		})
	}
	for i, p := range fleet {
		fleet[i] = restart(t, bin, p)
	}
	cancel()
	generators.Wait()
	for name, run := range loads {
		lost := load.Count(run.Samples, load.Failed) + load.Count(run.Samples, load.Wrong)
		if lost > 0 || run.Dropped > 0 || len(run.Samples) < 300 {
			t.Errorf("%s: %d of %d calls lost, %d never sent; want none of at least 300", name, lost, len(run.Samples), run.Dropped)
		}
		for _, s := range run.Samples {
			if s.Result != load.Right {
				t.Logf("%s, first at %v, after %v: %d %.300s", name, s.Due, s.Took, s.Status, s.Body)
				break
			}
		}
	}
}

// restart ends a replica as an operator does, waits until it has ended well, and starts it again on the same port.
func restart(t *testing.T, bin string, p *proc.Process) *proc.Process {
	t.Helper()
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(patient(t)); err != nil {
		t.Errorf("a replica ended with %v, want status 0", err)
	}
	again, err := proc.Start(t.Context(), proc.Params{Bin: bin, Args: drain, Addr: p.Addr})
	if err != nil {
		t.Fatal(err)
	}
	return again
}
