package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: Linux shows 100 a second to user space on every architecture Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is the time the process has spent on processors so far, in user and system mode, all its threads, ended ones
// included.
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time (needs Linux, this is %s): %w", runtime.GOOS, err)
	}
	return parseStat(string(b))
}

// parseStat reads fields 14 and 15 of proc_pid_stat(5). The second field, the command's name, may hold blanks and brackets:
// what follows is counted from the last closing bracket.
func parseStat(stat string) (time.Duration, error) {
	f := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(f) < 13 {
		return 0, fmt.Errorf("CPU time: %d fields in %q, want at least 15", len(f)+2, stat)
	}
	var sum time.Duration
	for _, s := range f[11:13] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time in %q: %w", stat, err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// machine says where this was measured.
func machine() string {
	model := "unknown CPU"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m, err := find(string(b), `(?m)^model name\s*:\s*(.+)$`, asIs); err == nil {
			model = m
		}
	}
	return fmt.Sprintf("machine: %s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func asIs(s string) (string, error) { return s, nil }

// failedCalls adds up what the tutorial's metric request_count says of failed calls, in a page of metrics. Calls whose caller
// hung up are none: wrk ends a round in the middle of some, and a front that passes that on counts them as errors too.
func failedCalls(page string) (int, error) {
	const name = "my_group_string_service_request_count"
	sum := 0.0
	seen := false
	for line := range strings.Lines(page) {
		sign := 0.0
		switch {
		case strings.HasPrefix(line, name+"{"):
			seen = true
			if strings.Contains(line, `error="true"`) {
				sign = 1
			}
		case strings.HasPrefix(line, `rota_client_calls_total{result="ignored"`):
			sign = -1
		}
		if sign == 0 {
			continue
		}
		v, err := parseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]))
		if err != nil {
			return 0, fmt.Errorf("metrics: %s: %w", strings.TrimSpace(line), err)
		}
		sum += sign * v
	}
	if !seen {
		return 0, fmt.Errorf("metrics: no %s", name)
	}
	return int(max(sum, 0)), nil
}
