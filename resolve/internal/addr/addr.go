// Package addr provides the form of an instance's address: host:port, or a URL.
package addr

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// maxLen is far above what a URL may have, and far below what a file of the wrong kind has in its first line.
const maxLen = 2048

// Check returns nil if s may be the address of an instance: host:port, or a URL of any scheme. A host without a port is
// refused: it is more often forgotten than meant.
func Check(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("an address is empty, want host:port or a URL")
	case len(s) > maxLen:
		return fmt.Errorf("address %q… has %d bytes, want at most %d", s[:40], len(s), maxLen)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("address %q has a space or control character, want host:port or a URL", s)
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if u, err := url.Parse(s); err != nil || u.Scheme == "" || rest == "" {
			return fmt.Errorf("address %q is no URL, want host:port or one such as \"https://10.0.0.1:8443\"", s)
		} else if (scheme == "http" || scheme == "https") && u.Hostname() == "" {
			return fmt.Errorf("address %q has no host, want one such as %q", s, scheme+"://10.0.0.1:8443")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || port == "" || strings.ContainsAny(host, "/?#@,") {
		return fmt.Errorf("address %q, want host:port or a URL", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %q has port %q, want 1 to 65535", s, port)
	}
	return nil
}

// Form says what becomes of a host:port. The zero Form leaves it as it is.
type Form struct {
	Scheme string // "" = "http" if there is a Path
	Path   string // "" or "/…", escaped as in a URL
}

// Validate names the field that is wrong.
func (f Form) Validate() error {
	if u, err := url.Parse(f.Scheme + "://host"); f.Scheme != "" && (err != nil || u.Scheme != strings.ToLower(f.Scheme)) {
		return fmt.Errorf("the Scheme is %q, want one such as \"https\"", f.Scheme)
	}
	if f.Path == "" {
		return nil
	}
	u, err := url.Parse("http://host" + f.Path)
	if err != nil || f.Path[0] != '/' || u.RawQuery != "" || u.ForceQuery || strings.Contains(f.Path, "#") {
		return fmt.Errorf("the Path is %q, want one such as \"/v2\", without a query", f.Path)
	}
	return nil
}

// Addr returns the instance's address.
func (f Form) Addr(hostport string) string {
	if f == (Form{}) {
		return hostport
	}
	scheme := f.Scheme
	if scheme == "" {
		scheme = "http"
	}
	return scheme + "://" + strings.Replace(hostport, "%", "%25", 1) + f.Path // an IPv6 zone is escaped in a URL
}
