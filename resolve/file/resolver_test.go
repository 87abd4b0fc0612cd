package file_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/file"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replace writes beside the file, and renames.
func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// watched is a Resolver under way, in virtual time, and what it told: sets as "a:1 b:2", errors as "error: …".
type watched struct {
	mu  sync.Mutex
	log []string
}

func (w *watched) tell(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, what)
}

func watch(t *testing.T, r *file.Resolver) *watched {
	t.Helper()
	w := new(watched)
	r.OnError = func(err error) { w.tell("error: " + err.Error()) }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- r.Resolve(ctx, func(set []rota.Instance) {
			var addrs []string
			for _, inst := range set {
				addrs = append(addrs, inst.Addr)
			}
			w.tell(strings.Join(addrs, " "))
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Resolve() = %v before its context ended", err)
		}
	})
	return w
}

// expect lets the time pass, and wants that to be told.
func (w *watched) expect(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.log
	w.log = nil
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

// look is enough for one look, new content included, and not for two.
const look = time.Second + 60*time.Millisecond

func TestFollowsContent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users")
	write(t, path, "a:1")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, &file.Resolver{Path: path})
		w.expect(t, 0, "a:1")
		w.expect(t, look, "a:1") // unchanged is good news too
		write(t, path, "b:1")
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil { // same time, same size
			t.Fatal(err)
		}
		w.expect(t, look, "b:1")
		replace(t, path, "c:1")
		w.expect(t, look, "c:1")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.expect(t, look, "error: file: stat "+path)
		w.expect(t, 3*look) // once is enough
		write(t, path, "d:1")
		w.expect(t, look, "d:1")
	})
}

func TestBadFileKeepsSet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users")
	write(t, path, "a:1")
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, &file.Resolver{Path: path})
		w.expect(t, 0, "a:1")
		for _, bad := range []struct{ content, err string }{
			{"", "error: file: " + path + " lists no instance"},
			{"a:1\nb", "error: file: " + path + ":2: address \"b\", want host:port"},
			{`["a:1", `, "error: file: " + path + ":1: the JSON ends too early"},
			{strings.Repeat("a", 8<<20+1), "error: file: " + path + " has more than 8 MiB"},
		} {
			write(t, path, bad.content)
			w.expect(t, look, bad.err)
			w.expect(t, 2*look) // it stays wrong, and is not told again
		}
		write(t, path, "a:1")
		w.expect(t, look, "a:1")
		write(t, path, "") // told again after it was right
		w.expect(t, look, "error: file: "+path+" lists no instance")
	})
}

// TestConfigMap turns links as the kubelet does: users -> ..data/users, and ..data -> a new directory by rename.
func TestConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, content string) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "users"), content)
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..2026_01", "a:1")
	path := filepath.Join(dir, "users")
	if err := os.Symlink(filepath.Join("..data", "users"), path); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, &file.Resolver{Path: path})
		w.expect(t, 0, "a:1")
		version("..2026_02", "b:1")
		if err := os.RemoveAll(filepath.Join(dir, "..2026_01")); err != nil {
			t.Fatal(err)
		}
		w.expect(t, look, "b:1")
	})
}

// TestHalfWritten: the middle of a file that is written in place looks like a file, and is not taken for it.
func TestHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "a:1")
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, &file.Resolver{Path: path})
		w.expect(t, 990*time.Millisecond, "a:1")
		write(t, path, "10.0.0.1:80\n10.0.0.2:8")
		w.expect(t, 20*time.Millisecond) // the look at 1 s saw it
		write(t, path, "10.0.0.1:80\n10.0.0.2:8080\n")
		w.expect(t, 50*time.Millisecond, "error: file: "+path+" is being written")
		w.expect(t, look, "10.0.0.1:80 10.0.0.2:8080")
	})
}

func TestInterval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "a:1")
	synctest.Test(t, func(t *testing.T) {
		r := &file.Resolver{Path: path, Interval: time.Hour}
		r.Refresh() // nobody is there yet
		w := watch(t, r)
		w.expect(t, 59*time.Minute, "a:1")
		w.expect(t, time.Minute, "a:1")
		for range 10 {
			r.Refresh()
		}
		w.expect(t, 90*time.Millisecond)
		w.expect(t, 10*time.Millisecond, "a:1") // 100 ms after the last look
		w.expect(t, time.Minute)
		r.Refresh()
		w.expect(t, 0, "a:1")
		write(t, path, "b:1")
		r.Refresh()
		w.expect(t, 160*time.Millisecond, "b:1")
	})
}

func TestFirstLookFails(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	write(t, bad, "users\n")
	secret := filepath.Join(dir, "secret")
	write(t, secret, "a:1")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	tests := []struct {
		name string
		r    *file.Resolver
		want string
		is   error
	}{
		{"no path", &file.Resolver{}, "file: Path is empty, want", nil},
		{"negative interval", &file.Resolver{Path: bad, Interval: -1}, "file: Interval = -1ns, want", nil},
		{"missing", &file.Resolver{Path: none}, "file: ", fs.ErrNotExist},
		{"wrong", &file.Resolver{Path: bad}, "file: " + bad + ":1: address \"users\", want host:port or a URL", nil},
		{"directory", &file.Resolver{Path: dir}, "file: " + dir + " is no regular file (d", nil},
		{"not allowed", &file.Resolver{Path: secret}, "file: open ", fs.ErrPermission},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "not allowed" && (os.Geteuid() == 0 || runtime.GOOS == "windows") {
				t.Skip("everything may be read here")
			}
			err := test.r.Resolve(t.Context(), func([]rota.Instance) { t.Error("told a set") })
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("Resolve() = %v, want %s… that is %v", err, test.want, test.is)
			}
		})
	}
}
