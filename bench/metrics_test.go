//go:build integration

package bench_test

import (
	"io"
	"strconv"
	"strings"
	"testing"
)

// total reads a front's /metrics and adds up the samples with this name that have all these labels; none = 0.
func total(t *testing.T, f *front, name string, labels ...string) (sum float64) {
	t.Helper()
	resp, err := f.client.Get("http://" + f.Addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, name+"{") || !namesAll(line, labels) {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}
