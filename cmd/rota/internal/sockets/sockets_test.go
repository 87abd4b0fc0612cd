package sockets

import (
	"net"
	"testing"
)

func TestHanded(t *testing.T) {
	for _, c := range []struct {
		name, fds, pid string
		want           int
		fails          bool
	}{
		{"nothing", "", "", 0, false},
		{"by systemd", "2", "7", 2, false},
		{"to somebody else", "2", "8", 0, false},
		{"by a predecessor", "1", "", 1, false},
		{"no number", "x", "", 0, true},
		{"less than nothing", "-1", "", 0, true},
		{"far too many", "100000", "", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := handed(c.fds, c.pid, 7)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("handed() = %d, %v, want %d, an error: %t", got, err, c.want, c.fails)
			}
		})
	}
}

func TestNamesSurviveTheEnvironment(t *testing.T) {
	for _, name := range []string{"web", ":8090", "[::1]:80", "100%", "%3A", ""} {
		if got := unescape(escape(name)); got != name {
			t.Errorf("unescape(escape(%q)) = %q", name, got)
		}
	}
}

// A socket that was closed is not handed on.
func TestListen(t *testing.T) {
	s, err := Inherit()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen("x", "fd:web"); err == nil {
		t.Error("a socket that nobody handed over was found")
	}
	l, err := s.Listen("main", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	files, names, err := s.files()
	if err != nil || len(files) != 1 || names[0] != "main" {
		t.Errorf("handed on: %v, %v", names, err)
	}
	for _, f := range files {
		f.Close()
	}
	again, err := s.Share("main", l)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if files, _, _ := s.files(); len(files) != 1 {
		t.Errorf("%d sockets of two listeners are handed on, want 1", len(files))
	}
	if c, err := net.Dial("tcp", again.Addr().String()); err != nil {
		t.Errorf("the socket went with the first of two listeners: %v", err)
	} else {
		c.Close()
	}
	again.Close()
	if files, _, _ := s.files(); len(files) != 0 {
		t.Errorf("%d sockets are handed on, want none", len(files))
	}
	if err := s.Serving(); err != nil {
		t.Error(err)
	}
}

// A socket that was handed on by a name is for another port when the address has changed.
func TestSamePort(t *testing.T) {
	has := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8090}
	for addr, want := range map[string]bool{":8090": true, "127.0.0.1:8090": true, ":0": true, ":9090": false, ":http": false, "fd:web": true} {
		if got := samePort(has, addr); got != want {
			t.Errorf("samePort(%v, %q) = %t, want %t", has, addr, got, want)
		}
	}
}
