package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/proc"
	"github.com/rota-go/rota/bench/wrk"
)

// A scenario is one table: so many connections, each with one request at a time.
type scenario struct {
	name        string
	connections int
	path        string // quickreplica answers a number with so many bytes
	size        int
	body        int // of the request, a POST; 0 = GET
}

var loads = []scenario{
	{name: "32 connections, 13 bytes", connections: 32, path: "/", size: 13},
	{name: "512 connections, 13 bytes", connections: 512, path: "/", size: 13},
	{name: "32 connections, 10,000 bytes", connections: 32, path: "/10000", size: 10_000},
	{name: "32 connections, POST of 200 bytes", connections: 32, path: "/", size: 13, body: 200},
}

// bench is what the measurements share.
type bench struct {
	params
	dir      string
	systems  []*system
	bins     map[*system]string
	replicas []string
	process  *proc.Process // all of the replicas
	null     *os.File
}

// newBench builds what is to be measured, and starts the replicas. What is missing is said on progress, and left out.
func newBench(ctx context.Context, dir string, p params, progress io.Writer) (*bench, error) {
	b := &bench{params: p, dir: dir, bins: make(map[*system]string)}
	for i := range systems {
		s := &systems[i]
		if s.name != baseName && !p.run.MatchString(s.name) {
			continue
		}
		bin, err := s.find(ctx, b)
		if errors.Is(err, errMissing) && ctx.Err() == nil {
			fmt.Fprintf(progress, "%s is %v\n", s.name, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		b.bins[s] = bin
		b.systems = append(b.systems, s)
	}
	if err := b.writeLua(); err != nil {
		return nil, err
	}
	bin, err := proc.Build(ctx, dir, proc.Quickreplica)
	if err != nil {
		return nil, err
	}
	for range 3 {
		addr, err := proc.FreeAddr()
		if err != nil {
			return nil, err
		}
		b.replicas = append(b.replicas, addr)
	}
	// All of them log to the null device itself: a pipe would put the reader's cost on the table.
	if b.null, err = proc.Null(); err != nil {
		return nil, err
	}
	b.process, err = proc.Start(ctx, proc.Params{Bin: bin, Bare: true, Addr: b.replicas[2], Args: []string{"-listen=" + strings.Join(b.replicas, ",")}})
	if err != nil {
		_ = b.null.Close()
	}
	return b, err
}

func (b *bench) close() {
	b.process.Kill()
	_ = b.null.Close()
}

// describe says exactly what is run, with the parts that change from run to run by name.
func (b *bench) describe() string {
	var s strings.Builder
	fmt.Fprintf(&s, "command: go run ./cmd/proxies -rounds=%d -duration=%v -warmup=%v\n", b.rounds, b.duration, b.warmup)
	hide := strings.NewReplacer(b.dir, "DIR", strings.Join(b.replicas, ","), "R1,R2,R3")
	for _, l := range loads {
		fmt.Fprintf(&s, "load:    wrk %s http://ADDR%s\n", hide.Replace(strings.Join(b.load(l, "").Args(), " ")), l.path)
	}
	for _, sys := range b.systems {
		p, err := sys.params(b, "ADDR")
		if err != nil {
			continue
		}
		args := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(hide.Replace(strings.Join(p.Args, " ")), "ADDR")
		fmt.Fprintf(&s, "%s: %s %s%s\n", sys.name, filepath.Base(b.bins[sys]), args, b.version(sys))
	}
	return s.String()
}

var versionNumber = regexp.MustCompile(`\d+\.\d+\.\d+\S*`)

// version is what a system says of itself; empty = nothing.
func (b *bench) version(s *system) string {
	if s.version == nil {
		return ""
	}
	out, _ := exec.Command(b.bins[s], s.version...).CombinedOutput()
	text := string(out)
	if _, main, ok := strings.Cut(text, "mod\tgithub.com/caddyserver/caddy/v2"); ok {
		text = main
	}
	return " (version " + versionNumber.FindString(text) + ")"
}

func (b *bench) load(l scenario, addr string) wrk.Params {
	p := wrk.Params{URL: "http://" + addr + l.path, Connections: l.connections, Duration: b.duration}
	if l.body > 0 {
		p.Script = b.lua(l)
	}
	return p
}

// lua is the file that makes wrk send the scenario's body.
func (b *bench) lua(l scenario) string {
	return filepath.Join(b.dir, fmt.Sprintf("post-%d.lua", l.body))
}

func (b *bench) writeLua() error {
	for _, l := range loads {
		if l.body == 0 {
			continue
		}
		text := fmt.Sprintf("wrk.method = %q\nwrk.body = string.rep(\"x\", %d)\nwrk.headers[\"Content-Type\"] = \"text/plain\"\n", "POST", l.body)
		if err := os.WriteFile(b.lua(l), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// measure runs one system under one load, in a process of its own.
func (b *bench) measure(ctx context.Context, s *system, l scenario) (measurement, error) {
	var m measurement
	addr, err := proc.FreeAddr()
	if err != nil {
		return m, err
	}
	params, err := s.params(b, addr)
	if err != nil {
		return m, err
	}
	params.Bin, params.Addr, params.Stderr = b.bins[s], addr, b.null
	p, err := proc.Start(ctx, params)
	if err != nil {
		return m, err
	}
	defer p.Kill()
	if err := check(ctx, "http://"+addr+l.path, l.size); err != nil {
		return m, err
	}
	warm := b.load(l, addr)
	warm.Duration = b.warmup
	if _, err := wrk.Run(ctx, warm); err != nil {
		return m, err
	}
	family := proc.Family(p.PID())
	before, err := cpuTime(family)
	if err != nil {
		return m, err
	}
	if m.Result, err = wrk.Run(ctx, b.load(l, addr)); err != nil {
		return m, err
	}
	after, err := cpuTime(family)
	if err != nil {
		return m, err
	}
	m.cpu = float64((after - before).Microseconds()) / float64(m.Requests)
	m.memory, err = memory(family)
	return m, err
}

func cpuTime(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		t, err := proc.CPUTime(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// memory adds up peaks, in megabytes. What processes share counts for each.
func memory(pids []int) (sum float64, err error) {
	for _, pid := range pids {
		n, err := proc.PeakMemory(pid)
		if err != nil {
			return 0, err
		}
		sum += float64(n) / 1e6
	}
	return sum, nil
}

// check makes sure that the proxy passes on what the replicas answer.
func check(ctx context.Context, url string, size int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || len(body) != size) {
		err = fmt.Errorf("answered %s and %d bytes, want 200 and %d", resp.Status, len(body), size)
	}
	return err
}
