package stringsvc_test

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rota-go/rota/stringsvc"
)

func ExampleParseReplicas() {
	fmt.Println(stringsvc.ParseReplicas("localhost:8080, https://b.example/v1/upper"))
	fmt.Println(stringsvc.ParseReplicas("a:8080,http://A:8080/"))
	// Output:
	// [http://localhost:8080/uppercase https://b.example/v1/upper] <nil>
	// [] entry 2, "http://A:8080/": the same as entry 1, http://a:8080/uppercase
}

func TestParseReplicas(t *testing.T) {
	tests := []struct {
		name, list string
		want       []string
		err        string
	}{
		{name: "empty list"},
		{name: "host and port", list: "127.0.0.1:8080", want: []string{"http://127.0.0.1:8080/uppercase"}},
		{name: "the scheme's letters in a host", list: "httpd:8080,https:81,http:82", want: []string{"http://httpd:8080/uppercase", "http://https:81/uppercase", "http://http:82/uppercase"}},
		{name: "spaces and order", list: " b:1 ,\ta:2\n", want: []string{"http://b:1/uppercase", "http://a:2/uppercase"}},
		{name: "schemes", list: "http://a:1,https://a:1", want: []string{"http://a:1/uppercase", "https://a:1/uppercase"}},
		{name: "port of the scheme", list: "http://a,https://a,a:443,https://a:80", want: []string{"http://a/uppercase", "https://a/uppercase", "http://a:443/uppercase", "https://a:80/uppercase"}},
		{name: "paths", list: "a:1/x,http://a:1/y/,a:1/Z%2Cz", want: []string{"http://a:1/x", "http://a:1/y/", "http://a:1/Z%2Cz"}},
		{name: "comma in a path", list: `a:1/%2C"`, want: []string{"http://a:1/%2C%22"}},
		{name: "the path / is none", list: "a:1/,https://a/", want: []string{"http://a:1/uppercase", "https://a/uppercase"}},
		{name: "case", list: "HTTP://EXAMPLE.com:8080/Path", want: []string{"http://example.com:8080/Path"}},
		{name: "IPv6", list: "[::1]:80,[0:0::FF]:81,https://[::1]/x", want: []string{"http://[::1]/uppercase", "http://[::ff]:81/uppercase", "https://[::1]/x"}},
		{name: "zone", list: "http://[fe80::A%25Eth0]:81", want: []string{"http://[fe80::a%25Eth0]:81/uppercase"}},
		{name: "port with zeros", list: "a:0080,b:08080", want: []string{"http://a/uppercase", "http://b:8080/uppercase"}},
		{name: "bounds of a port", list: "a:1,a:65535", want: []string{"http://a:1/uppercase", "http://a:65535/uppercase"}},
		{name: "odd names", list: "my_host-1.:8080,1a:80", want: []string{"http://my_host-1.:8080/uppercase", "http://1a/uppercase"}},

		{name: "blank list", list: " ", err: `entry 1 is empty`},
		{name: "empty entry", list: "a:1,,b:1", err: `entry 2 is empty`},
		{name: "trailing comma", list: "a:1, ", err: `entry 2 is empty`},
		{name: "duplicate", list: "a:1,b:1,a:1", err: `entry 3, "a:1": the same as entry 1, http://a:1/uppercase`},
		{name: "duplicate by case and path", list: "http://A:1/uppercase,a:1", err: `entry 2, "a:1": the same as entry 1, http://a:1/uppercase`},
		{name: "duplicate by port", list: "https://a,https://a:443/", err: `entry 2, "https://a:443/": the same as entry 1, https://a/uppercase`},
		{name: "duplicate by IPv6", list: "[::1]:80,http://[0:0:0:0:0:0:0:1]", err: `entry 2, "http://[0:0:0:0:0:0:0:1]": the same as entry 1, http://[::1]/uppercase`},
		{name: "no port", list: "a:1,localhost", err: `entry 2, "localhost": no port, want host:port`},
		{name: "no port but a path", list: "localhost/x", err: `entry 1, "localhost/x": no port, want host:port`},
		{name: "a port alone", list: "8080", err: `entry 1, "8080": no port, want host:port`},
		{name: "empty port", list: "localhost:", err: `entry 1, "localhost:": no port, want host:port`},
		{name: "empty port and a scheme", list: "http://a:", err: `entry 1, "http://a:": no port, want host:port`},
		{name: "empty host", list: ":8080", err: `entry 1, ":8080": no host, want host:port`},
		{name: "nothing but a scheme", list: "http://", err: `entry 1, "http://": no host, want host:port`},
		{name: "other scheme", list: "ftp://a:1", err: `entry 1, "ftp://a:1": scheme "ftp", want http or https`},
		{name: "no scheme", list: "://a:1", err: `entry 1, "://a:1": scheme "", want http or https`},
		{name: "port 0", list: "a:0", err: `entry 1, "a:0": port 0, want 1..65535`},
		{name: "port 65536", list: "a:65536", err: `entry 1, "a:65536": port 65536, want 1..65535`},
		{name: "port of many digits", list: "a:99999999999999999999", err: `entry 1, "a:99999999999999999999": port 99999999999999999999, want 1..65535`},
		{name: "port in words", list: "a:http", err: `entry 1, "a:http": invalid port ":http" after host`},
		{name: "negative port", list: "a:-1", err: `entry 1, "a:-1": invalid port ":-1" after host`},
		{name: "user", list: "http://u:p@a:1", err: `entry 1, "http://u:p@a:1": holds a user, want none`},
		{name: "user without a scheme", list: "u@a:1", err: `entry 1, "u@a:1": holds a user, want none`},
		{name: "query", list: "http://a:1/x?y", err: `entry 1, "http://a:1/x?y": holds a query or fragment, want none`},
		{name: "empty query", list: "a:1/x?", err: `entry 1, "a:1/x?": holds a query or fragment, want none`},
		{name: "fragment", list: "a:1#", err: `entry 1, "a:1#": holds a query or fragment, want none`},
		{name: "space for a comma", list: "a:1 b:1", err: `entry 1, "a:1 b:1": holds a space, want commas between entries`},
		{name: "space in a path", list: "http://a:1/x http://b:1/", err: `entry 1, "http://a:1/x http://b:1/": holds a space, want commas between entries`},
		{name: "IPv4 with a mistake", list: "10.0.0.256:80", err: `entry 1, "10.0.0.256:80": invalid host "10.0.0.256"`},
		{name: "IPv6 without brackets", list: "::1:80", err: `entry 1, "::1:80": invalid`},
		{name: "IPv4 in brackets", list: "[127.0.0.1]:80", err: `entry 1, "[127.0.0.1]:80": invalid`},
		{name: "name in brackets", list: "[a]:80", err: `entry 1, "[a]:80": invalid`},
		{name: "empty label", list: "a..b:80", err: `entry 1, "a..b:80": invalid host "a..b"`},
		{name: "no ASCII", list: "exämple:80", err: `entry 1, "exämple:80": invalid host "exämple"`},
		{name: "bad escape", list: "a:1/%zz", err: `entry 1, "a:1/%zz": invalid URL escape "%zz"`},
		{name: "control", list: "a:1/\x01", err: `entry 1, "a:1/\x01": net/url: invalid control character in URL`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := stringsvc.ParseReplicas(tt.list)
			switch {
			case tt.err == "" && (err != nil || !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil)):
				t.Errorf("ParseReplicas(%q) = %q, %v, want %q, nil", tt.list, got, err, tt.want)
			case tt.err != "" && (err == nil || got != nil || !strings.HasPrefix(err.Error(), tt.err)):
				t.Errorf("ParseReplicas(%q) = %q, %v, want nil, %s", tt.list, got, err, tt.err)
			}
		})
	}
}

// FuzzParseReplicas checks that a list is refused in one line, or becomes URLs
// that are all different and parse to themselves.
func FuzzParseReplicas(f *testing.F) {
	for _, s := range []string{
		"", ",", "a:1,b:2", "http://a", "https://[::1]:443/x", "[fe80::1%25eth0]:80", "http://[::ffff:1.2.3.4]:80", "a:1/%2C%2f/../;x=1",
		"a:1/\"<>\\^`{|}", "HTTP://A:080/", "httpd:8080", "x://y", "a:1/é", "http://%41:1", "a:1/[x]", "a:1//b", "a:1/*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, err := stringsvc.ParseReplicas(list)
		if err != nil {
			if got != nil || !strings.HasPrefix(err.Error(), "entry ") || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("ParseReplicas(%q) = %q, %q", list, got, err)
			}
			return
		}
		seen := map[string]bool{}
		for _, s := range got {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !strings.HasPrefix(u.Path, "/") || seen[s] {
				t.Fatalf("ParseReplicas(%q) = %q: %q is no URL or not the first", list, got, s)
			}
			if port := u.Port(); port != "" {
				if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || net.JoinHostPort(u.Hostname(), port) != u.Host {
					t.Errorf("ParseReplicas(%q) = %q: port of %q", list, got, s)
				}
			}
			seen[s] = true
		}
		again, err := stringsvc.ParseReplicas(strings.Join(got, ","))
		if err != nil || !slices.Equal(again, got) {
			t.Errorf("ParseReplicas(%q) = %q, %v, want itself: %q", strings.Join(got, ","), again, err, got)
		}
	})
}
