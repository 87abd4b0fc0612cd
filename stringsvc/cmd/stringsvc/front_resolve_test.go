package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFrontFindsReplicas gives a front a file instead of a list, and changes it.
func TestFrontFindsReplicas(t *testing.T) {
	t.Parallel()
	list, _ := newReplicas(t, well, well)
	path := filepath.Join(t.TempDir(), "replicas")
	say := func(lines ...string) {
		t.Helper()
		next := path + ".next"
		if err := os.WriteFile(next, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	say(list[0].addr())
	p := front(t, []string{"file://" + filepath.ToSlash(path)})
	p.all(t, 6)
	if n := len(list[0].requests()); n != 6 {
		t.Errorf("the replica in the file got %d of 6 calls", n)
	}
	say(list[1].addr())
	p.until(t, "the other replica is found", func(answer) bool { return len(list[1].requests()) > 0 })
	say("what is this")
	p.all(t, 6)
}
