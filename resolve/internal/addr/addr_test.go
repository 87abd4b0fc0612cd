package addr_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/rota-go/rota/resolve/internal/addr"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		addr string
		want string // part of the error; "" = none
	}{
		{"10.0.0.1:8080", ""},
		{"users-1.internal:80", ""},
		{"[::1]:8080", ""},
		{"[fe80::1%eth0]:8080", ""},
		{"https://users-1.internal/v2", ""},
		{"unix:///run/users.sock", ""},
		{"", "an address is empty"},
		{"users", "want host:port"},
		{"users:", "want host:port"},
		{":8080", "want host:port"},
		{"::1:8080", "want host:port"},
		{"a/b:80", "want host:port"},
		{"users:http", `port "http", want 1 to 65535`},
		{"users:0", `port "0"`},
		{"users:65536", `port "65536"`},
		{"users: 80", "a space or control character"},
		{"a:80\x00", "a space or control character"},
		{"https://", "is no URL"},
		{"https:///v2", "has no host"},
		{"https://:8443", "has no host"},
		{"://users", "is no URL"},
		{"http://[::1", "is no URL"},
		{strings.Repeat("a", 3000) + ":80", "has 3003 bytes"},
	}
	for _, test := range tests {
		err := addr.Check(test.addr)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("Check(%.40q) = %v, want %q", test.addr, err, test.want)
		}
	}
}

func TestForm(t *testing.T) {
	tests := []struct {
		form     addr.Form
		hostport string
		want     string
		err      string
	}{
		{addr.Form{}, "10.0.0.1:80", "10.0.0.1:80", ""},
		{addr.Form{Scheme: "https"}, "10.0.0.1:443", "https://10.0.0.1:443", ""},
		{addr.Form{Path: "/v2"}, "[::1]:80", "http://[::1]:80/v2", ""},
		{addr.Form{Scheme: "https", Path: "/a%2Fb"}, "a:1", "https://a:1/a%2Fb", ""},
		{addr.Form{Scheme: "https"}, "[fe80::1%eth0]:80", "https://[fe80::1%25eth0]:80", ""},
		{form: addr.Form{Scheme: "ht tp"}, err: `the Scheme is "ht tp", want`},
		{form: addr.Form{Scheme: "http://x"}, err: `the Scheme is "http://x", want`},
		{form: addr.Form{Path: "v2"}, err: `the Path is "v2", want`},
		{form: addr.Form{Path: "/v2?a=b"}, err: `the Path is "/v2?a=b", want`},
		{form: addr.Form{Path: "/v2#a"}, err: `the Path is "/v2#a", want`},
		{form: addr.Form{Path: "/%zz"}, err: `the Path is "/%zz", want`},
	}
	for _, test := range tests {
		if err := test.form.Validate(); (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%+v.Validate() = %v, want %q", test.form, err, test.err)
		} else if err != nil {
			continue
		}
		got := test.form.Addr(test.hostport)
		if got != test.want {
			t.Errorf("%+v.Addr(%q) = %q, want %q", test.form, test.hostport, got, test.want)
		}
		if _, err := url.Parse("x://" + strings.TrimPrefix(got, "https://")); test.form.Scheme == "https" && err != nil {
			t.Errorf("%+v.Addr(%q): %v", test.form, test.hostport, err)
		}
	}
}
