package rotahttp

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestParseAddr(t *testing.T) {
	tests := []struct {
		name, addr, want, err string
	}{
		{"host and port", "10.0.0.1:8080", "http://10.0.0.1:8080", ""},
		{"host", "users", "http://users", ""},
		{"IPv6", "[::1]:8080", "http://[::1]:8080", ""},
		{"host with a path", "users:80/v2", "http://users:80/v2", ""},
		{"URL", "https://users.internal/v2", "https://users.internal/v2", ""},
		{"final slash", "http://users/", "http://users/", ""},
		{"final slash of a path", "http://users/v2/", "http://users/v2/", ""},
		{"escaped path", "http://users/a%2Fb/", "http://users/a%2Fb/", ""},
		{"what is no part of a replica's address", "http://ann:secret@users/v2?a=b#c", "http://users/v2", ""},
		{"empty", "", "", "want host:port or a URL"},
		{"no host", "http:///v2", "", "want host:port or a URL"},
		{"another scheme", "ftp://users", "", "want http or https"},
		{"bad port", "users:http", "", "invalid port"},
		{"control character", "users\n", "", "invalid control character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u, err := parseAddr(test.addr)
			if err != nil {
				if test.err == "" || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), fmt.Sprintf("%q", test.addr)) {
					t.Errorf("parseAddr(%q) = %v, want %q", test.addr, err, test.err)
				}
				return
			}
			if u.String() != test.want || test.err != "" {
				t.Errorf("parseAddr(%q) = %s, want %s %s", test.addr, u, test.want, test.err)
			}
		})
	}
}

func TestTargetsAreBounded(t *testing.T) {
	ts := targets{path: "/a b"}
	for i := range maxTargets + 10 {
		u, err := ts.of(fmt.Sprintf("http://users-%d/v2", i))
		if want := fmt.Sprintf("http://users-%d/v2/a%%20b", i); err != nil || u.String() != want {
			t.Fatalf("of() = %v, %v, want %s", u, err, want)
		}
	}
	n := 0
	ts.urls.Range(func(any, any) bool { n++; return true })
	if n > maxTargets {
		t.Errorf("%d targets are remembered, want %d at most", n, maxTargets)
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"", "users:80", "http://users", "https://users/v2/", "[::1]:80", "http://a%2fb/", "//", "http://u:p@h?q#f", "://", "a%2Fb/%2F"} {
		f.Add(s, "/upper")
	}
	f.Fuzz(func(t *testing.T, addr, path string) {
		base, err := parseAddr(addr)
		if err != nil {
			if base != nil {
				t.Fatalf("parseAddr(%q) = %v, %v", addr, base, err)
			}
			return
		}
		if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" {
			t.Fatalf("parseAddr(%q) = %#v", addr, base)
		}
		ts := targets{path: "/" + path}
		u, err := ts.of(addr)
		if err != nil {
			t.Fatalf("of(%q) = %v", addr, err)
		}
		if u.Host != base.Host || !strings.HasPrefix(u.EscapedPath(), base.EscapedPath()) || !strings.HasSuffix(u.Path, path) {
			t.Fatalf("of(%q) with %q = %#v", addr, path, u)
		}
		if _, err := url.ParseRequestURI(u.RequestURI()); err != nil {
			t.Fatalf("of(%q) with %q asks for %q: %v", addr, path, u.RequestURI(), err)
		}
	})
}

func TestSlashBetweenPaths(t *testing.T) {
	for _, test := range []struct{ addr, path, want string }{
		{"http://users", "", "http://users"},
		{"http://users/v2/", "", "http://users/v2/"}, // the path is all the replica's
		{"http://users/v2/", "/42", "http://users/v2/42"},
		{"http://users/v2", "/42", "http://users/v2/42"},
		{"http://users/", "/42", "http://users/42"},
		{"http://users/a%2Fb/", "/42", "http://users/a%2Fb/42"},
		{"http://users/a%2Fb/", "", "http://users/a%2Fb/"},
	} {
		ts := targets{path: test.path}
		if u, err := ts.of(test.addr); err != nil || u.String() != test.want {
			t.Errorf("%q with path %q is %v, %v; want %s", test.addr, test.path, u, err, test.want)
		}
	}
}
