package main_test

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// demoPort is where a demo has room.
func demoPort(t *testing.T) int { return freePort(t, 1, 2, 10) }

// rest returns the lines up to the end.
func rest(t *testing.T, lines <-chan string) (all []string) {
	t.Helper()
	for {
		line, ok := next(t, lines)
		if !ok {
			return all
		}
		all = append(all, line)
	}
}

// table returns who answered how many, by the table of a demo.
func table(port int, lines []string) string {
	var answered []string
	row := regexp.MustCompile(`^http://127\.0\.0\.1:([0-9]+)/uppercase +([0-9]+) +0 +[0-9.]+(µs|ms|s)$`)
	for _, line := range lines {
		if m := row.FindStringSubmatch(line); m != nil && m[1] == strconv.Itoa(port+len(answered)) {
			answered = append(answered, m[2])
		}
	}
	return strings.Join(answered, "/")
}

func TestDemoOnce(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"all processors": nil, "one": {"GOMAXPROCS=1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := demoPort(t)
			p := run(t, env, "demo", "-once", "-base-port="+strconv.Itoa(port))
			if status := p.exit(t); status != 0 {
				t.Errorf("exit status = %d, want 0", status)
			}
			out := rest(t, p.out)
			if got := table(port, out); got != "4/4/3" {
				t.Errorf("the table says %q, want 4/4/3:\n%s", got, strings.Join(out, "\n"))
			}
			for i, word := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"} {
				if want := fmt.Sprintf("%-7s %s", word, strings.ToUpper(word)); i >= len(out) || out[i] != want {
					t.Errorf("line %d is not %q:\n%s", i, want, strings.Join(out, "\n"))
				}
			}
			log := rest(t, p.log)
			if len(log) != 13 || !proxyTo.MatchString(log[0]) || !strings.HasSuffix(log[1], "msg=HTTP addr=127.0.0.1:"+strconv.Itoa(port+10)) {
				t.Errorf("log:\n%s\nwant proxy_to, addr, and a line for each call", strings.Join(log, "\n"))
			}
		})
	}
}

func TestDemoServesOn(t *testing.T) {
	t.Parallel()
	port := demoPort(t)
	p := run(t, nil, "demo", "--base-port", strconv.Itoa(port), "-rate=0", "-admin=")
	var said []string
	for len(said) == 0 || !strings.HasPrefix(said[len(said)-1], "Ctrl-C") {
		line, ok := next(t, p.out)
		if !ok {
			t.Fatalf("the demo ended:\n%s", strings.Join(append(said, rest(t, p.log)...), "\n"))
		}
		said = append(said, line)
	}
	if got := table(port, said); got != "4/4/3" {
		t.Errorf("the table says %q, want 4/4/3", got)
	}
	address := "127.0.0.1:" + strconv.Itoa(port+10)
	if want := `  curl -d '{"s":"hello"}' ` + address + `/uppercase`; !strings.Contains(strings.Join(said, "\n"), want+"\n") {
		t.Errorf("it does not say to try %q:\n%s", want, strings.Join(said, "\n"))
	}
	p.url = "http://" + address
	p.uppercase(t, "hello").want(t, 200, 0, ``)
	if resp, reply := p.do(t, "POST", "/count", `{"s":"hello"}`); reply != `{"v":5}`+"\n" {
		t.Errorf("count = %d %s, want 200", resp.StatusCode, reply)
	}
	if n := p.metric(t, `rota_client_calls_total{result="success",service="uppercase"}`); n != 12 {
		t.Errorf("%v calls, want 12", n)
	}
	for i := range 3 {
		replica := process{url: "http://127.0.0.1:" + strconv.Itoa(port+i)}
		if resp, reply := replica.do(t, "POST", "/uppercase", `{"s":"hello"}`); resp.StatusCode != 200 || reply != `{"v":"HELLO"}`+"\n" {
			t.Errorf("replica %d = %d %s, want 200", i, resp.StatusCode, reply)
		}
	}
	p.signal(t, os.Interrupt)
	if status := p.exit(t); status != 0 {
		t.Errorf("exit status = %d, want 0: %s", status, rest(t, p.log))
	}
}

func TestDemoWithAPortInUse(t *testing.T) {
	t.Parallel()
	for _, offset := range []int{0, 2, 10} {
		t.Run(strconv.Itoa(offset), func(t *testing.T) {
			t.Parallel()
			port := demoPort(t)
			address := "127.0.0.1:" + strconv.Itoa(port+offset)
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			p := run(t, nil, "demo", "-base-port", strconv.Itoa(port))
			if status := p.exit(t); status != 1 {
				t.Errorf("exit status = %d, want 1", status)
			}
			log, out := rest(t, p.log), rest(t, p.out)
			if len(out) != 0 || len(log) != 1 || !strings.HasPrefix(log[0], "stringsvc demo: listen tcp "+address+": ") || !strings.Contains(log[0], "-base-port") {
				t.Errorf("stdout %q, stderr %q, want one line that names %s and -base-port", out, log, address)
			}
		})
	}
}

func TestDemoUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   string
		status int
		stderr string
	}{
		{"-base-port=0", 2, `^stringsvc demo: -base-port=0: want 1 to 65525$`},
		{"-base-port=65526", 2, `^stringsvc demo: -base-port=65526: want 1 to 65525$`},
		{"-base-port=http", 2, `^stringsvc demo: invalid value "http" for flag -base-port: parse error$`},
		{"-rate=-1", 2, `^stringsvc demo: -rate=-1: want 0 to 1000$`},
		{"-rate=1001", 2, `^stringsvc demo: -rate=1001: want 0 to 1000$`},
		{"-admin=9901", 2, `^stringsvc demo: -admin="9901": want host:port or :port$`},
		{"-once now", 2, `^stringsvc demo: unexpected argument "now"$`},
		{"-twice", 2, `^stringsvc demo: flag provided but not defined: -twice$`},
		{"-h", 0, ``},
	} {
		p := run(t, nil, append([]string{"demo"}, strings.Fields(tt.args)...)...)
		if status := p.exit(t); status != tt.status {
			t.Errorf("demo %s: exit status = %d, want %d", tt.args, status, tt.status)
		}
		out, log := strings.Join(rest(t, p.out), "\n"), strings.Join(rest(t, p.log), "\n")
		if (out != "") != (tt.status == 0) || !regexp.MustCompile(tt.stderr).MatchString(log) {
			t.Errorf("demo %s: stdout %q, stderr %q, want %s", tt.args, out, log, tt.stderr)
		}
		for _, flag := range []string{"-base-port", "-once", "-rate", "-admin"} {
			if tt.status == 0 && !strings.Contains(out, flag) {
				t.Errorf("demo -h does not name %s: %s", flag, out)
			}
		}
	}
}
