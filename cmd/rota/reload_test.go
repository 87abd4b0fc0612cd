//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A listener whose settings or name change keeps its socket, and nobody who calls meanwhile notices.
func TestListenersChangeUnderWay(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	text := fmt.Sprintf(file, backend(t, "a"))
	writeFileT(t, name, text)
	p := launch(t, nil, nil, "proxy", "-config="+name)
	addr := p.await(1, listening)
	url := "http://" + addr
	writeFileT(t, name, strings.Replace(text, "127.0.0.1:0", addr, 1)) // a port of its own
	p.await(1, `msg="config (applied|refused)`)
	if !strings.Contains(p.text(), "address already in use") {
		t.Errorf("an address that is in use under another spelling was not refused")
	}
	said := func() bool {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header.Get("Rota-Load") != ""
	}
	if !said() {
		t.Error("the replies do not tell the load, before the listener is at the edge")
	}
	stop := hammer(t, url)
	writeFileT(t, name, strings.Replace(text, `"127.0.0.1:0"`, `"127.0.0.1:0", edge: true`, 1))
	p.await(1, `msg="config applied"`)
	if said() {
		t.Error("the replies tell the load, after the listener is at the edge")
	}
	p.signal(syscall.SIGHUP)
	p.await(2, `msg="config applied"`)
	if n := stop(); n < 10 {
		t.Errorf("%d requests meanwhile, want more", n)
	}
	p.signal(syscall.SIGTERM)
	p.leaves()
}

// How a proxy drains is what the file says by then, for listeners too that were there before.
func TestDrainChangesUnderWay(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	text := fmt.Sprintf(file, backend(t, "a"))
	writeFileT(t, name, strings.Replace(text, "wait: 100ms", "wait: 1h", 1))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	p.await(1, listening)
	writeFileT(t, name, text)
	p.await(1, `msg="config applied"`)
	p.signal(syscall.SIGTERM)
	p.await(1, `msg=leaving wait=100ms`)
	p.leaves()
}

// What cannot be applied changes nothing, is said once, and is applied as soon as it can be.
func TestConfigIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "rota.yaml")
	text := fmt.Sprintf(file, backend(t, "a"))
	writeFileT(t, name, text)
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	next := fmt.Sprintf(file, backend(t, "b")) + "access_log: {to: " + dir + "/logs/access}\n"
	next = strings.Replace(next, `{name: main, listen: "127.0.0.1:0"}`, `{name: main, listen: "127.0.0.1:0"}, {name: more, listen: "`+busy.Addr().String()+`"}`, 1)
	writeFileT(t, name, next)
	p.await(1, `msg="config refused.*rota.yaml:7: access_log.to: `)
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.await(1, `msg="config refused.*rota.yaml:2: listeners\[1\].listen: .*in use`)
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q while the file is refused, want a", body)
	}
	busy.Close()
	p.await(1, `msg="config applied"`)
	if _, body := get(t, url); body != "b" {
		t.Errorf("%q, want b", body)
	}
	if n := strings.Count(p.text(), "config refused"); n != 2 {
		t.Errorf("it was refused %d times, want 2", n)
	}
}

// A file that is gone is said to be, and one that comes back is in force; a file may be a link to one of another directory,
// which is how Kubernetes changes it.
func TestConfigsThatAreReplaced(t *testing.T) {
	dir := t.TempDir()
	for i, body := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFileT(t, filepath.Join(dir, fmt.Sprint(i), "rota.yaml"), fmt.Sprintf(file, backend(t, body)))
	}
	name, data := filepath.Join(dir, "rota.yaml"), filepath.Join(dir, "..data")
	link := func(to, at string) {
		if err := os.Symlink(to, at+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at+".new", at); err != nil {
			t.Fatal(err)
		}
	}
	link("0", data)
	link("..data/rota.yaml", name)
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	link("1", data)
	p.await(1, `msg="config applied"`)
	if _, body := get(t, url); body != "b" {
		t.Errorf("%q, want b", body)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	p.await(1, `msg="config refused.*no such file`)
	if _, body := get(t, url); body != "b" {
		t.Errorf("%q without a file, want b", body)
	}
	link("0", data)
	p.await(2, `msg="config applied"`)
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q, want a", body)
	}
}

// A successor takes no connection before it knows where to send its requests.
func TestSuccessorKnowsItsReplicas(t *testing.T) {
	dir := t.TempDir()
	name, replicas, a := filepath.Join(dir, "rota.yaml"), filepath.Join(dir, "replicas"), backend(t, "a")
	writeFileT(t, replicas, a)
	writeFileT(t, name, fmt.Sprintf(file, "file://"+replicas))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	p.await(1, `msg=replicas service=users known=1`)
	if err := os.Remove(replicas); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR2)
	p.await(1, `msg="replicas are not known"`)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%d while the successor learns", resp.StatusCode)
		}
	}
	if strings.Contains(p.text(), "the successor serves") {
		t.Error("the successor serves before it knows any replica")
	}
	writeFileT(t, replicas, a)
	var pid int
	if _, err := fmt.Sscan(p.await(1, `msg="the successor serves" pid=(\d+)`), &pid); err != nil {
		t.Fatal(err)
	}
	p.leaves()
	if _, body := get(t, url); body != "a" {
		t.Errorf("%q from the successor, want a", body)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	p.await(2, `msg=leaving`)
}

// A file that somebody is writing is not taken for the whole.
func TestHalfAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rota.yaml")
	text := fmt.Sprintf(file, backend(t, "a"))
	writeFileT(t, name, text)
	args := []string{"-config=" + name}
	f, err := parseProxyFlags(args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.setup()
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGateway(f, s, stdio{strings.NewReader(""), t.Output(), t.Output(), false}, args)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.servers.Leave(nil); err != nil {
			t.Error(err)
		}
		if err := g.proxy.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i, step := range []struct {
		text    string
		refused bool
	}{{"", false}, {text[:40], false}, {text + "# new\n", false}, {text + "# new\n", false}, {"half", false}, {"half", true}, {text, true}, {text, false}} {
		if err := os.WriteFile(name, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if g.reload(false); (g.refused != "") != step.refused {
			t.Errorf("look %d: refused %q, want %t", i, g.refused, step.refused)
		}
	}
}

// What is wrong at the start is named as rota check does.
func TestMistakesAtTheStart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	name := filepath.Join(t.TempDir(), "rota.yaml")
	for text, want := range map[string]string{
		strings.Replace(file, `"127.0.0.1:0"`, `"127.0.0.1:0", tls: {cert: /none, key: /none}`, 1):    ":2: listeners[0].tls.cert: open /none: ",
		strings.Replace(file, `127.0.0.1:0`, busy.Addr().String(), 1):                                 ":2: listeners[0].listen: listen tcp ",
		strings.Replace(file, "admin: off", "admin: {listen: '"+busy.Addr().String()+"'}", 1):         ":5: admin.listen: listen tcp ",
		strings.Replace(file, "admin: off", "admin: {token_file: /none}\naccess_log: {to: /no/x}", 1): ":5: admin.token_file: open /none: ",
	} {
		writeFileT(t, name, fmt.Sprintf(text, "127.0.0.1:1"))
		status, _, errs := again(t.Context(), false, "proxy", "-config="+name)
		if status != exitFailed || !strings.Contains(errs, name+want) {
			t.Errorf("status %d and %q, want 1 and %s", status, errs, want)
		}
	}
	for args, want := range map[string]string{
		"-listen=" + busy.Addr().String(): "-listen: listen tcp ", "-trust=10.0.0.1": `-trust: "10.0.0.1", want a network`, "-access-log=/no/x": "-access-log: stat /no",
		"-admin-token-file=/none": "-admin-token-file: open /none", "-admin=" + busy.Addr().String(): "-admin: listen tcp", "-drain-wait=-1s": "-drain-wait and -drain-time: want >= 0",
	} {
		if status, _, errs := again(t.Context(), false, "proxy", "-listen=127.0.0.1:0", "-to=127.0.0.1:1", args); status == exitOK || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d and %q, want %s", args, status, errs, want)
		}
	}
}
