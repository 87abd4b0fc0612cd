package rotahttp

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
)

// targets remembers what addresses mean as URLs. It grows with the number of addresses ever seen, and is emptied when
// that gets out of hand.
type targets struct {
	mu   sync.RWMutex
	urls map[string]*url.URL
}

const maxTargets = 10_000

// of returns the URL of an instance's address. It must not be changed.
func (t *targets) of(addr string) (*url.URL, error) {
	t.mu.RLock()
	u := t.urls[addr]
	t.mu.RUnlock()
	if u != nil {
		return u, nil
	}
	u, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.urls == nil || len(t.urls) >= maxTargets {
		t.urls = map[string]*url.URL{}
	}
	t.urls[addr] = u
	return u, nil
}

func parseAddr(addr string) (*url.URL, error) {
	s := addr
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("rotahttp: instance %q: %w", addr, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("rotahttp: instance %q: want http or https", addr)
	case u.Host == "":
		return nil, fmt.Errorf("rotahttp: instance %q: want host:port or a URL", addr)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath, u.RawQuery, u.Fragment, u.User = "", "", "", nil
	return u, nil
}
