// Package wrk provides closed-loop load by wrk, the program: each connection has one request on its way at a time.
package wrk

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Params say what load there is to be.
type Params struct {
	URL         string
	Connections int
	Duration    time.Duration // whole seconds: wrk knows no others
	Script      string        // a file of Lua; empty = GET
}

// Args are what wrk is told, but for the URL.
func (p Params) Args() []string {
	args := []string{"-t1", fmt.Sprintf("-c%d", p.Connections), fmt.Sprintf("-d%ds", int(p.Duration/time.Second)), "--latency"}
	if p.Script != "" {
		args = append(args, "-s", p.Script)
	}
	return args
}

// A Result is what wrk says about one run.
type Result struct {
	Requests  int     // completed, whatever the status
	PerSecond float64 // as wrk counts them
	P50, P99  time.Duration
	Bad       int // answers that are neither 2xx nor 3xx
	Broken    int // connections that were not made, broke, or timed out
}

// Find returns an error that says what to install if wrk is missing.
func Find() error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is missing: install the Debian package wrk (apt-get install wrk)")
	}
	return nil
}

// Run puts a server under load.
func Run(ctx context.Context, p Params) (Result, error) {
	out, err := exec.CommandContext(ctx, "wrk", append(p.Args(), p.URL)...).CombinedOutput()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if err != nil {
		return Result{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	r, err := parse(string(out))
	if err != nil {
		return Result{}, fmt.Errorf("%w in what wrk said:\n%s", err, out)
	}
	return r, nil
}

// parse reads the text wrk prints at the end. A missing number is an error; the lines about errors are missing when there
// were none.
func parse(out string) (Result, error) {
	var r Result
	var errs [5]error
	r.Requests, errs[0] = find(out, `(?m)^\s*(\d+) requests in `, strconv.Atoi)
	r.PerSecond, errs[1] = find(out, `(?m)^Requests/sec:\s+(\S+)`, parseFloat)
	r.P50, errs[2] = find(out, `(?m)^\s*50%\s+(\S+)`, time.ParseDuration)
	r.P99, errs[3] = find(out, `(?m)^\s*99%\s+(\S+)`, time.ParseDuration)
	if strings.Contains(out, "Non-2xx") {
		r.Bad, errs[4] = find(out, `Non-2xx or 3xx responses: (\d+)`, strconv.Atoi)
	}
	if r.Requests == 0 {
		errs[0] = errors.Join(errs[0], errors.New("no request was answered"))
	}
	if m := regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`).FindStringSubmatch(out); m != nil {
		for _, s := range m[1:] {
			n, _ := strconv.Atoi(s)
			r.Broken += n
		}
	}
	return r, errors.Join(errs[:]...)
}

// find parses what the first group of pattern matches in text.
func find[T any](text, pattern string, parse func(string) (T, error)) (T, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		var zero T
		return zero, fmt.Errorf("no %s", pattern)
	}
	return parse(m[1])
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }
