package rotahttp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// targets remembers what addresses mean as URLs, with path after their own. It grows with the number of addresses ever
// seen, and is emptied when that gets out of hand.
type targets struct {
	path string

	urls sync.Map // address -> *url.URL
	n    atomic.Int32
}

const maxTargets = 10_000

// of returns the URL of an instance's address. It must not be changed.
func (t *targets) of(addr string) (*url.URL, error) {
	if u, ok := t.urls.Load(addr); ok {
		return u.(*url.URL), nil
	}
	base, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	u := new(url.URL)
	under(u, base, &url.URL{Path: t.path})
	if t.n.Add(1) > maxTargets {
		t.urls.Clear()
		t.n.Store(1)
	}
	t.urls.Store(addr, u)
	return u, nil
}

// under sets out to u at the scheme and host of base, with base's path before its own.
func under(out, base, u *url.URL) {
	*out = *u
	out.Scheme, out.Host = base.Scheme, base.Host
	if u.Path == "" { // then a slash at the end of base's path stays
		out.Path, out.RawPath = base.Path, base.RawPath
		return
	}
	if base.Path != "" {
		out.Path = strings.TrimSuffix(base.Path, "/") + u.Path
	}
	if base.RawPath != "" || u.RawPath != "" {
		out.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + u.EscapedPath()
	}
}

// addrError says that an address means nothing, so that no attempt could be sent there.
type addrError struct {
	addr string
	err  error
}

func (e *addrError) Error() string { return fmt.Sprintf("rotahttp: instance %q: %s", e.addr, e.err) }
func (e *addrError) Unwrap() error { return e.err }

func parseAddr(addr string) (*url.URL, error) {
	s := addr
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
	case u.Scheme != "http" && u.Scheme != "https":
		err = errScheme
	case u.Host == "":
		err = errHost
	}
	if err != nil {
		return nil, &addrError{addr, err}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}, nil
}

var (
	errScheme = errors.New("want http or https")
	errHost   = errors.New("want host:port or a URL")
)
