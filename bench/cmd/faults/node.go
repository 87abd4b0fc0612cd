package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rota-go/rota/bench/proc"
)

// node is a replica: an address, and mostly a process there.
type node struct {
	addr   string
	bin    string
	args   []string
	speaks bool // faultyreplica: it takes commands and reports what arrives

	proc     *proc.Process // nil while there is none
	hole     *blackHole    // in its place, or nil
	commands *os.File
	set      chan struct{} // a command holds

	mu    sync.Mutex
	rest  []byte  // of a line that is not whole yet
	times []int64 // when calls arrived, microseconds since 1970
}

// start starts the process and waits until it listens.
func (n *node) start(ctx context.Context) error {
	p := proc.Params{Bin: n.bin, Args: n.args, Addr: n.addr}
	if n.speaks {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer r.Close() // the child has its own
		p.Stdin, p.Stdout, n.commands = r, n, w
	}
	var err error
	n.proc, err = proc.Start(ctx, p)
	return err
}

// kill ends the process at once, or what is in its place; without either it does nothing.
func (n *node) kill() {
	if n.hole != nil {
		n.hole.close()
		n.hole = nil
	}
	if n.proc != nil {
		n.proc.Kill()
		n.proc = nil
	}
	if n.commands != nil {
		_ = n.commands.Close()
		n.commands = nil
	}
}

// restart is the graceful way: SIGTERM, wait for the end, start again.
func (n *node) restart(ctx context.Context) error {
	if err := n.proc.Terminate(); err != nil {
		return err
	}
	if err := n.proc.Wait(ctx); err != nil {
		return fmt.Errorf("replica %s: %w", n.addr, err)
	}
	return n.start(ctx)
}

// tell sets the replica's fault, and returns when it holds.
func (n *node) tell(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := io.WriteString(n.commands, command+"\n"); err != nil {
		return err
	}
	select {
	case <-n.set:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("replica %s: %q: %w", n.addr, command, ctx.Err())
	}
}

// Write takes what the process says: lines, in pieces of any size.
func (n *node) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rest = append(n.rest, p...)
	for {
		line, rest, whole := bytes.Cut(n.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		n.rest = rest
		if at, err := strconv.ParseInt(string(line), 10, 64); err == nil {
			n.times = append(n.times, at)
		} else {
			n.set <- struct{}{}
		}
	}
}

// arrivals returns when calls arrived, in order, since the time zero.
func (n *node) arrivals(zero time.Time) []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := make([]time.Duration, len(n.times))
	for i, t := range n.times {
		at[i] = time.UnixMicro(t).Sub(zero)
	}
	slices.Sort(at)
	return at
}

// watch reads the counter of a replica that does not speak, every 100 ms until ctx ends, and spreads what it grew by over the
// time since the reading before. Calls of a process's last moments are lost with it.
func (n *node) watch(ctx context.Context) {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: every}
	before, began := 0.0, time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		page, err := scrape(ctx, client, n.addr)
		if err != nil {
			continue // being restarted
		}
		count := page.sum("my_group_string_service_request_count")
		if count < before {
			before = 0 // another process
		}
		n.credit(int(count-before), began, now)
		before, began = count, now
	}
}

func (n *node) credit(calls int, from, to time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	step := to.Sub(from) / time.Duration(max(calls, 1))
	for i := range calls {
		n.times = append(n.times, from.Add(time.Duration(i)*step).UnixMicro())
	}
}
