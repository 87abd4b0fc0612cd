package proc

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: Linux shows 100 a second to user space on every architecture Go runs on.
const tick = 10 * time.Millisecond

// CPUTime is the time the process has spent on processors so far, in user and system mode, all its threads, ended ones
// included.
func CPUTime(pid int) (time.Duration, error) {
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

// Family returns pid and the processes that it has started, and those that they have. A process that ends meanwhile is left
// out.
func Family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", all[i]))
		if err != nil {
			continue
		}
		for child := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(child); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// PeakMemory is the most memory that the process has had resident so far, in bytes.
func PeakMemory(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("peak memory (needs Linux, this is %s): %w", runtime.GOOS, err)
	}
	return parsePeak(string(b))
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// parsePeak reads proc_pid_status(5).
func parsePeak(status string) (int64, error) {
	m := peakLine.FindStringSubmatch(status)
	if m == nil {
		return 0, errors.New("peak memory: no VmHWM")
	}
	kb, err := strconv.ParseInt(m[1], 10, 64)
	return kb << 10, err
}

// Machine says where this runs.
func Machine() string {
	model := "unknown CPU"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`).FindStringSubmatch(string(b)); m != nil {
			model = m[1]
		}
	}
	return fmt.Sprintf("machine: %s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
