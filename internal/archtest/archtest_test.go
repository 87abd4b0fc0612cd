package archtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rota-go/rota/internal/archtest"
)

// TestArchitecture checks this repository.
func TestArchitecture(t *testing.T) {
	tree, err := archtest.Load(os.DirFS(moduleRoot(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range archtest.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			found := rule.Check(tree)
			for _, v := range found {
				t.Error(v)
			}
			if len(found) > 0 {
				t.Log("reason:", rule.Reason)
			}
		})
	}
}

// moduleRoot returns the directory of the nearest go.mod above the test.
func moduleRoot(t *testing.T) string {
	t.Helper()
	start, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatalf("no go.mod above %s", start)
		}
	}
}
