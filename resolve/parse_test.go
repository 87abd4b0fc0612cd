package resolve_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/resolve/dns"
	"github.com/rota-go/rota/resolve/file"
)

func TestParse(t *testing.T) {
	tests := []struct {
		target string
		want   rota.Resolver
	}{
		{"dns:///users.internal:8080", &dns.Resolver{Name: "users.internal:8080"}},
		{" dns:///users.internal.:http\n", &dns.Resolver{Name: "users.internal.:http"}},
		{"dns:///[fd00::1]:8080", &dns.Resolver{Name: "[fd00::1]:8080"}},
		{"dns://127.0.0.1:5353/users.internal:8080", &dns.Resolver{Name: "users.internal:8080", Server: "127.0.0.1:5353"}},
		{"dns://[::1]/users.internal:8080", &dns.Resolver{Name: "users.internal:8080", Server: "[::1]"}},
		{"dns:///users.internal:443?scheme=https&path=/uppercase&network=ip4",
			&dns.Resolver{Name: "users.internal:443", Scheme: "https", Path: "/uppercase", Network: "ip4"}},
		{"dns+srv:///_http._tcp.users.internal", &dns.Resolver{SRV: "_http._tcp.users.internal"}},
		{"dns+srv://10.0.0.53/_http._tcp.users.internal?scheme=https",
			&dns.Resolver{SRV: "_http._tcp.users.internal", Server: "10.0.0.53", Scheme: "https"}},
		{"file:///etc/rota/users.json", &file.Resolver{Path: filepath.FromSlash("/etc/rota/users.json")}},
		{"file:///etc/a%20b", &file.Resolver{Path: filepath.FromSlash("/etc/a b")}},
		{"static:///a:1,b:2", rota.StaticAddrs("a:1", "b:2")},
		{"static:///a:1,https://b/v2?path=/v1", rota.StaticAddrs("http://a:1/v1", "https://b/v2")},
		{"static:///a:1?scheme=https", rota.StaticAddrs("https://a:1")},
		{"a:1", rota.StaticAddrs("a:1")},
		{"a:1, b:2", rota.StaticAddrs("a:1", "b:2")},
		{"http://a:1,b:2", rota.StaticAddrs("http://a:1", "b:2")},
		{"https://a/v2?x=y,a:1", rota.StaticAddrs("https://a/v2?x=y", "a:1")},
		{"a:1,http://b", rota.StaticAddrs("a:1", "http://b")},
	}
	for _, test := range tests {
		if got, err := resolve.Parse(test.target); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", test.target, got, err, test.want)
		}
	}
}

func TestParseSaysWhatItWants(t *testing.T) {
	tests := []struct {
		target, want string // what is after the target
	}{
		{"", "is empty, want addresses or one such as dns:///users.internal:8080"},
		{" ", "is empty"},
		{"users", `address "users", want host:port or a URL`},
		{"a:1,,b:2", "an address is empty, want host:port"},
		{"a:1,", "an address is empty"},
		{"a:1,b:2,a:1", "a:1 is listed twice"},
		{"a:1,b:2?scheme=https", `address "b:2?scheme=https" has port`},
		{"consul:///users", `unknown scheme "consul", want dns, dns+srv, file, static or a list`},
		{"://users", `unknown scheme ""`},
		{"dns://", "want scheme://[server]/what[?parameters]"},
		{"dns:///", "nothing after the third slash"},
		{"dns://users.internal:8080", "nothing after the third slash; is ///users.internal:8080 meant?"},
		{"dns:users.internal:8080", `address "dns:users.internal:8080", want`},
		{"dns:///users.internal", `dns: Name = "users.internal", want host:port`},
		{"dns:///users.internal:8080/v2", `dns: Name = "users.internal:8080/v2", want`},
		{"dns:///users%zz:80", "invalid URL escape"},
		{"dns:///users:80#x", "want scheme://[server]/what[?parameters], without a fragment"},
		{"dns://me@10.0.0.53/users:80", `dns: Server = "me@10.0.0.53", want host:port or host`},
		{"dns:///users:80?ttl=5", `unknown parameter "ttl", want network, path, scheme`},
		{"dns:///users:80?scheme=http&scheme=https", `parameter "scheme" is given 2 times, want once`},
		{"dns:///users:80?scheme=%zz", "parameters: invalid URL escape"},
		{"dns:///users:80?network=udp", `dns: Network = "udp", want`},
		{"dns:///users:80?path=v2", `dns: the Path is "v2", want`},
		{"dns+srv:///users.internal:8080", `dns: SRV = "users.internal:8080", want a name without a port`},
		{"file://etc/users.json", `"etc" is no file's host, want file:///and/its/whole/path`},
		{"file:///etc/users.json?scheme=https", `parameter "scheme", want none: the file says all`},
		{"file:///%zz", "invalid URL escape"},
		{"static://a:1,b:2", "nothing after the third slash; is ///a:1,b:2 meant?"},
		{"static://a:1/b:2", `"a:1" after two slashes, want three`},
		{"static:///a:1?network=ip4", `unknown parameter "network", want path, scheme`},
		{"static:///a:1?scheme=1", `the Scheme is "1", want`},
	}
	for _, test := range tests {
		got, err := resolve.Parse(test.target)
		if err == nil || got != nil {
			t.Errorf("Parse(%q) = %v, %v, want an error", test.target, got, err)
			continue
		}
		if _, text, _ := strings.Cut(err.Error(), `": `); !strings.HasPrefix(err.Error(), "resolve: target ") || !strings.HasPrefix(text, test.want) {
			t.Errorf("Parse(%q) = %v\nwant … %s", test.target, err, test.want)
		}
	}
	if _, err := resolve.Parse(strings.Repeat("a", 1<<20)); err == nil || len(err.Error()) > 500 {
		t.Errorf("Parse(1 MiB) = %.600v, want a short error", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"dns:///users.internal:8080?scheme=https&path=/v2", "dns+srv://10.0.0.53/_http._tcp.users.internal", "file:///etc/users.json",
		"static:///a:1,b:2?path=/v1", "a:1,https://b/v2", "dns://[::1]:53/[::1]:80", "", "://", "static:///[::1%25eth0]:80?scheme=http",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got, err := resolve.Parse(target)
		switch r := got.(type) {
		case nil:
			if err == nil || !strings.HasPrefix(err.Error(), "resolve: target ") {
				t.Errorf("Parse(%q) = nil, %v", target, err)
			}
		case *dns.Resolver:
			if err := r.Validate(); err != nil {
				t.Errorf("Parse(%q) = %+v: %v", target, r, err)
			}
		case *file.Resolver:
			if err := r.Validate(); err != nil {
				t.Errorf("Parse(%q) = %+v: %v", target, r, err)
			}
		case rota.Static:
			addrs := make([]string, len(r))
			for i, inst := range r {
				addrs[i] = inst.Addr
			}
			// What a list says, said again, is the same.
			if again, err := resolve.Parse(strings.Join(addrs, ",")); !strings.Contains(target, "://") && (err != nil || !reflect.DeepEqual(again, got)) {
				t.Errorf("Parse(%q) = %v, and that again %v, %v", target, r, again, err)
			}
		}
		if err != nil && got != nil {
			t.Errorf("Parse(%q) = %v beside %v", target, got, err)
		}
	})
}
