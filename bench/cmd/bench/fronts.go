package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/wrk"
)

//go:embed post.lua
var postLua []byte

// A front is one thing to measure.
type front struct {
	name  string
	pkg   string
	flags []string // next to -proxy
}

// fronts are the rows of the table. Ours runs on its defaults. go-kit's limiter is opened, for as the tutorial has it the
// front answers one call a second; otherwise B is the tutorial, and C spares it its client and its log.
var fronts = []front{
	{name: "A rota stringsvc", pkg: proc.Stringsvc},
	{name: "B go-kit, limiter opened", pkg: proc.Gokitsvc, flags: []string{"-open-limiter"}},
	{name: "C go-kit, tuned, no log", pkg: proc.Gokitsvc, flags: []string{"-open-limiter", "-tuned"}},
}

// bench is what the measurements share.
type bench struct {
	params
	dir      string
	bins     map[string]string // by import path
	replicas *replicas
	null     *os.File
}

func newBench(ctx context.Context, dir string, p params) (*bench, error) {
	b := &bench{params: p, dir: dir, bins: make(map[string]string)}
	for _, pkg := range []string{proc.Stringsvc, proc.Gokitsvc} {
		bin, err := proc.Build(ctx, dir, pkg)
		if err != nil {
			return nil, err
		}
		b.bins[pkg] = bin
	}
	if err := os.WriteFile(b.lua(), postLua, 0o600); err != nil {
		return nil, err
	}
	var err error
	// The fronts log to the null device itself, all of them: a pipe would put the reader's cost on the table.
	if b.null, err = proc.Null(); err != nil {
		return nil, err
	}
	if b.replicas, err = startReplicas(3); err != nil {
		_ = b.null.Close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() {
	b.replicas.close()
	_ = b.null.Close()
}

func (b *bench) lua() string { return filepath.Join(b.dir, "post.lua") }

func (b *bench) args(f front) []string {
	return append([]string{"-proxy=" + strings.Join(b.replicas.addrs, ",")}, f.flags...)
}

// command says exactly what is run, with the parts that change from run to run by name.
func (b *bench) command() string {
	var s strings.Builder
	fmt.Fprintf(&s, "command: go run ./cmd/bench -rounds=%d -duration=%v -warmup=%v -connections=%d\n", b.rounds, b.duration, b.warmup, b.connections)
	fmt.Fprintf(&s, "load:    wrk %s URL\n", strings.Join(wrk.Params{Connections: b.connections, Duration: b.duration, Script: "post.lua"}.Args(), " "))
	for _, f := range fronts {
		fmt.Fprintf(&s, "%s: %s\n", f.name, strings.Join(append([]string{filepath.Base(f.pkg), "-listen=ADDR", "-proxy=R1,R2,R3"}, f.flags...), " "))
	}
	return strings.TrimRight(s.String(), "\n")
}

// measure runs one front for one round, in a process of its own.
func (b *bench) measure(ctx context.Context, f front) (measurement, error) {
	var m measurement
	p, err := proc.Start(ctx, proc.Params{Bin: b.bins[f.pkg], Args: b.args(f), Stderr: b.null})
	if err != nil {
		return m, err
	}
	defer p.Kill()
	if err := check(ctx, p.Addr); err != nil {
		return m, err
	}
	load := wrk.Params{URL: "http://" + p.Addr + "/uppercase", Connections: b.connections, Duration: b.warmup, Script: b.lua()}
	if _, err := wrk.Run(ctx, load); err != nil {
		return m, err
	}

	failedBefore, err := failed(ctx, p.Addr)
	if err != nil {
		return m, err
	}
	servedBefore := b.replicas.served.Load()
	cpuBefore, err := proc.CPUTime(p.PID())
	if err != nil {
		return m, err
	}
	load.Duration = b.duration
	result, err := wrk.Run(ctx, load)
	if err != nil {
		return m, err
	}
	cpuAfter, err := proc.CPUTime(p.PID())
	if err != nil {
		return m, err
	}
	served := b.replicas.served.Load() - servedBefore
	failedAfter, err := failed(ctx, p.Addr)
	if err != nil {
		return m, err
	}
	n := float64(result.Requests)
	return measurement{
		Result:   result,
		cpu:      float64((cpuAfter - cpuBefore).Microseconds()) / n,
		attempts: float64(served) / n,
		failed:   failedAfter - failedBefore,
	}, nil
}

// check makes sure that the front does what it is measured for.
func check(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, status, err := exchange(ctx, "POST", "http://"+addr+"/uppercase", `{"s":"hello"}`)
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(body)); status != http.StatusOK || got != `{"v":"HELLO"}` {
		return fmt.Errorf("answered %d %s, want 200 {\"v\":\"HELLO\"}", status, got)
	}
	return nil
}

// failed is how many calls the front itself has counted as failed since it started. wrk cannot tell: go-kit's front answers
// 200 to a call that failed. Both fronts export the tutorial's metric.
func failed(ctx context.Context, addr string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, _, err := exchange(ctx, "GET", "http://"+addr+"/metrics", "")
	if err != nil {
		return 0, err
	}
	return failedCalls(string(body))
}

func exchange(ctx context.Context, method, url, body string) (reply []byte, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, 0, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(resp.Body)
	return reply, resp.StatusCode, err
}
