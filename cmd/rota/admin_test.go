//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What the page asks a token for, metrics do too; who looks after the process has none. A token file with nothing in it is no
// page for everybody.
func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	admin := []string{"proxy", "-listen=127.0.0.1:0", "-to=" + backend(t, "a"), "-admin=127.0.0.1:0", "-admin-token-file=" + file}
	for _, text := range []string{"", "\n", "too short", "0123456789abcdef\nand another"} {
		writeFileT(t, file, text)
		if status, _, errs := again(t.Context(), false, admin...); status != exitUsage || !strings.Contains(errs, "-admin-token-file") {
			t.Errorf("a token of %q: status %d, %q", text, status, errs)
		}
	}
	writeFileT(t, file, "0123456789abcdef\n")
	p := launch(t, nil, nil, admin...)
	page := p.await(1, `url=(http://\S+/)`)
	for path, want := range map[string][2]int{"": {401, 200}, "api/state": {401, 200}, "metrics": {401, 200}, "readyz": {200, 200}, "healthz": {200, 200}} {
		for i, token := range []string{"", "Bearer 0123456789abcdef"} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, page+path, nil)
			req.Header.Set("Authorization", token)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want[i] {
				t.Errorf("/%s with %q = %d, want %d", path, token, resp.StatusCode, want[i])
			}
		}
	}
	if strings.Contains(p.text(), "0123456789abcdef") {
		t.Error("the token is in the log")
	}
	p.signal(syscall.SIGTERM)
	p.leaves()
}

// Who has no page has the log: what happens to replicas, and at debug level why calls went where they did.
func TestLogSaysWhatThePageDoes(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	p := launch(t, nil, nil, "proxy", "-listen=127.0.0.1:0", "-to="+backend(t, "a")+","+strings.TrimPrefix(gone.URL, "http://"),
		"-admin=", "-balancer=rr", "-log-level=debug")
	addr := p.await(1, listening)
	p.await(1, `msg=replicas service=backend known=(2)`)
	for range 40 {
		if status, _ := get(t, "http://"+addr); status != 200 {
			t.Errorf("%d", status)
		}
	}
	if got := p.await(1, `msg="replica ejected" service=backend replica=(\S+) why="failures in a row"`); !strings.HasSuffix(gone.URL, got) {
		t.Errorf("%s is ejected, want %s", got, gone.URL)
	}
	p.await(1, `msg=decision call.service=backend .*try2="?(\S+) retry`)
	p.signal(syscall.SIGTERM)
	p.leaves()
}

// While the file is not what is in force, all of it, the page says so above everything.
func TestPageSaysThatTheFileIsNotInForce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	good := strings.Replace(fmt.Sprintf(file, backend(t, "a")), "admin: off", `admin: {listen: "127.0.0.1:0"}`, 1)
	writeFileT(t, name, good)
	p := launch(t, nil, nil, "proxy", "-config="+name)
	page := p.await(1, `url=(http://\S+/)`)
	notice := func() string {
		var s struct{ Notice string }
		if _, body := get(t, page+"api/state"); json.Unmarshal([]byte(body), &s) != nil {
			t.Fatalf("state: %s", body)
		}
		return s.Notice
	}
	if n := notice(); n != "" {
		t.Errorf("the page says %q of a good file", n)
	}
	writeFileT(t, name, good+"bogus: 1\n")
	p.await(1, `config (refused)`)
	if n := notice(); !strings.Contains(n, "rota.yaml:7: bogus") {
		t.Errorf("the page says %q, want where the mistake is", n)
	}
	writeFileT(t, name, good)
	p.await(1, `config (applied)`)
	if n := notice(); n != "" {
		t.Errorf("the page says %q of a good file", n)
	}
	writeFileT(t, name, strings.Replace(good, "admin: {", "admin: {write: true, ", 1))
	p.await(2, `config (applied)`)
	if n := notice(); !strings.Contains(n, "of admin is in force after SIGUSR2") {
		t.Errorf("the page says %q of a file that changes the page", n)
	}
	p.signal(syscall.SIGTERM)
	p.leaves()
}
