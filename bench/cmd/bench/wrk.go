package main

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

// A load is what wrk says about one run.
type load struct {
	requests  int     // completed, whatever the status
	perSecond float64 // as wrk counts them
	p50, p99  time.Duration
	bad       int // answers that are neither 2xx nor 3xx
	broken    int // connections that were not made, broke, or timed out
}

func wrkArgs(d time.Duration, connections int, lua string) []string {
	return []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(d/time.Second)), "--latency", "-s", lua}
}

// wrk puts the front at addr under load for d.
func wrk(ctx context.Context, d time.Duration, connections int, lua, addr string) (load, error) {
	args := append(wrkArgs(d, connections, lua), "http://"+addr+"/uppercase")
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput()
	if ctx.Err() != nil {
		return load{}, ctx.Err()
	}
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	l, err := parseWrk(string(out))
	if err != nil {
		return load{}, fmt.Errorf("%w in what wrk said:\n%s", err, out)
	}
	return l, nil
}

// parseWrk reads the text wrk prints at the end. A missing number is an error; the lines about errors are missing when there
// were none.
func parseWrk(out string) (load, error) {
	var l load
	var errs [5]error
	l.requests, errs[0] = find(out, `(?m)^\s*(\d+) requests in `, strconv.Atoi)
	l.perSecond, errs[1] = find(out, `(?m)^Requests/sec:\s+(\S+)`, parseFloat)
	l.p50, errs[2] = find(out, `(?m)^\s*50%\s+(\S+)`, time.ParseDuration)
	l.p99, errs[3] = find(out, `(?m)^\s*99%\s+(\S+)`, time.ParseDuration)
	if strings.Contains(out, "Non-2xx") {
		l.bad, errs[4] = find(out, `Non-2xx or 3xx responses: (\d+)`, strconv.Atoi)
	}
	if l.requests == 0 {
		errs[0] = errors.Join(errs[0], errors.New("no request was answered"))
	}
	if m := regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`).FindStringSubmatch(out); m != nil {
		for _, s := range m[1:] {
			n, _ := strconv.Atoi(s)
			l.broken += n
		}
	}
	return l, errors.Join(errs[:]...)
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
