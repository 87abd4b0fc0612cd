package proxy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lines returns what the access log says, once every request has ended.
func (w *world) lines(t *testing.T) (list []map[string]any) {
	t.Helper()
	w.front.Close()
	for line := range strings.Lines(w.out.String()) {
		one := map[string]any{}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		list = append(list, one)
	}
	return list
}

func TestAccessLog(t *testing.T) {
	w := start(t, 2, echo, "access_log: {to: stdout, format: json}\nforwarded: {trust: [127.0.0.0/8]}\nroutes: [{path: /a, service: users}]")
	w.replicas[0].set(status(500))
	w.do(t, "GET", "/a?token=secret", "", "X-Forwarded-For", "6.6.6.6, 1.2.3.4")
	w.do(t, "GET", "/a", "")
	w.do(t, "GET", "/b%0Aforged", "")
	list := w.lines(t)
	if len(list) != 3 {
		t.Fatalf("%d lines, want 3: %v", len(list), list)
	}
	attempts := 0.0
	for i, one := range list {
		if strings.Contains(w.out.String(), "secret") {
			t.Error("the query is in the log")
		}
		want := map[string]any{"method": "GET", "path": "/a", "status": 200.0, "client": "127.0.0.1", "service": "users", "route": "/a", "replica": w.replicas[1].addr()}
		switch i {
		case 0:
			want["client"] = "1.2.3.4"
		case 2:
			want = map[string]any{"path": "/b\nforged", "status": 404.0, "error": "no route"}
		}
		for k, v := range want {
			if one[k] != v {
				t.Errorf("line %d: %s = %v, want %v", i, k, one[k], v)
			}
		}
		if n, ok := one["attempts"].(float64); ok {
			attempts += n
		}
	}
	if attempts != 3 {
		t.Errorf("%v attempts in all, want 3: one was tried elsewhere", attempts)
	}
}

// Failures are logged whatever the sample.
func TestAccessLogSamples(t *testing.T) {
	w := start(t, 1, echo, "access_log: {to: stdout, format: json, sample: 0.0001}")
	for range 50 {
		w.do(t, "GET", "/", "")
	}
	w.replicas[0].set(status(500))
	w.do(t, "GET", "/", "")
	list := w.lines(t)
	if len(list) == 0 || len(list) > 5 || list[len(list)-1]["status"] != 500.0 {
		t.Errorf("%d lines of 51, want the failure and hardly more: %v", len(list), list)
	}
}

// A file that was moved away is opened again.
func TestAccessLogIsOpenedAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	w := start(t, 1, echo, "access_log: {to: "+name+"}")
	w.do(t, "GET", "/first", "")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.do(t, "GET", "/second", "")
	w.front.Close()
	for file, want := range map[string]string{name + ".1": "path=/first", name: "path=/second"} {
		text, err := os.ReadFile(file)
		if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %q, %v, want %s", file, text, err, want)
		}
	}
}

// A line is lost neither when the log goes elsewhere from now on nor when its file is opened again.
func TestAccessLogMoves(t *testing.T) {
	dir := t.TempDir()
	to := func(i int) string { return fmt.Sprintf("access_log: {to: %s/%d}", dir, i%3) }
	w := start(t, 1, echo, to(0))
	var requests sync.WaitGroup
	const workers, each = 4, 150
	for range workers {
		requests.Go(func() {
			for range each {
				if _, _, err := w.try(t, "GET", "/", ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		requests.Wait()
	}()
	for i := 1; ; i++ {
		if err := w.Apply(w.parse(t, to(i))); err != nil {
			t.Fatal(err)
		}
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-over:
		default:
			continue
		}
		break
	}
	w.front.Close()
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v, want several files", files, err)
	}
	lines := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "msg=request ")
	}
	if lines != workers*each {
		t.Errorf("%d lines for %d requests", lines, workers*each)
	}
}
