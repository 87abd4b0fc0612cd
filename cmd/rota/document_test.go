package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/sim"
)

// TestTutorial runs what docs/SIMULATOR.md says: its pieces are one file, and a mistake in it is told as it says there.
func TestTutorial(t *testing.T) {
	text, err := os.ReadFile("../../docs/SIMULATOR.md")
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for _, m := range regexp.MustCompile("(?s)   ```yaml\n(.*?)   ```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(m[1]) {
			file.WriteString(strings.TrimPrefix(line, "   "))
		}
	}
	quick := strings.Replace(file.String(), "measure: 5m", "measure: 61s", 1)
	quick = strings.Replace(quick, "rate: 9000", "rate: 90", 1)
	if status, out, errs := runRota(t, map[string]string{"users-hang.yaml": quick}, "sim", "users-hang.yaml"); status != 0 || !strings.Contains(out, "\nhedged ") {
		t.Errorf("rota sim = %d, %q, %q", status, out, errs)
	}
	bad := strings.Replace(file.String(), "retry: off", "retyr: off", 1)
	status, _, errs := runRota(t, map[string]string{"users-hang.yaml": bad}, "sim", "users-hang.yaml")
	if status != 1 || errs == "" || !strings.Contains(string(text), "\n"+errs) {
		t.Errorf("rota sim = %d, %q, want 1 and what the document says", status, errs)
	}
}

func TestExperimentsThatShipAreRight(t *testing.T) {
	files, err := filepath.Glob("../../sim/experiments/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		doc, _, err := document.Read(name)
		if err != nil {
			t.Error(err)
			continue
		}
		e, err := sim.FromTree(doc)
		if err != nil {
			t.Error(document.Errors(name, err))
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(name), ".yaml"); e.Name != want {
			t.Errorf("%s: the name is %s, want %s", name, e.Name, want)
		}
	}
}
