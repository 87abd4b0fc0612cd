package proc

import (
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const stat = "5976 (a (b) c) R 5963 5963 4689 0 -1 4194304 102 0 0 0 120 34 7 8 20 0 1 0 119142 2998272"
	if got, err := parseStat(stat); got != 1540*time.Millisecond || err != nil {
		t.Errorf("parseStat() = %v, %v; want user 1.2s and system 340ms", got, err)
	}
	for _, bad := range []string{"", "1 (x) R 1", strings.Replace(stat, "120", "many", 1)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) succeeded", bad)
		}
	}
}

func TestParsePeak(t *testing.T) {
	if got, err := parsePeak("Name:\tx\nVmPeak:\t  99 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 7 kB\n"); got != 1234<<10 || err != nil {
		t.Errorf("parsePeak() = %d, %v; want 1234 KiB", got, err)
	}
	for _, bad := range []string{"", "VmHWM:\t12 MB\n", "VmHWM: 99999999999999999999 kB\n"} {
		if _, err := parsePeak(bad); err == nil {
			t.Errorf("parsePeak(%q) succeeded", bad)
		}
	}
}
