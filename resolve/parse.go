// Package resolve provides resolvers by name: what a flag or an environment variable says, Parse makes a rota.Resolver of.
//
//	dns:///users.internal:8080                      A and AAAA records
//	dns://10.0.0.53/users.internal:8080             the same, of that server (host or host:port)
//	dns+srv:///_http._tcp.users.internal            SRV records, with priority and weight
//	file:///etc/rota/users.json                     a file that is watched
//	static:///10.0.0.1:8080,10.0.0.2:8080           these
//	10.0.0.1:8080,https://users.internal/v2         these, without parameters
//
// What is after a question mark says more:
//
//	scheme=https&path=/v2    an address becomes https://host:port/v2 (dns, dns+srv, static)
//	network=ip4              only addresses of that family, or of ip6 (dns, dns+srv)
//
// For all else there is to say, the packages below this one have fields.
package resolve

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/dns"
	"github.com/rota-go/rota/resolve/file"
	"github.com/rota-go/rota/resolve/internal/addr"
)

// Parse returns the Resolver that target describes, as the package's comment says. It looks at nothing but target: whether
// there is such a name or file, Resolve finds out.
func Parse(target string) (rota.Resolver, error) {
	r, err := parse(strings.TrimSpace(target))
	if err != nil {
		return nil, fmt.Errorf("resolve: target %q: %w", shortened(target), err)
	}
	return r, nil
}

// shortened keeps an error readable when target is a whole file by mistake.
func shortened(target string) string {
	const most = 200
	if len(target) <= most {
		return target
	}
	return target[:most] + "…"
}

func parse(target string) (rota.Resolver, error) {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || scheme == "http" || scheme == "https" || strings.ContainsAny(scheme, ",/") {
		return parseList(target, addr.Form{})
	}
	switch scheme {
	case "dns", "dns+srv", "file", "static":
	default:
		return nil, fmt.Errorf("unknown scheme %q, want dns, dns+srv, file, static or a list of addresses", scheme)
	}
	t, err := split(rest)
	if err != nil {
		return nil, err
	}
	switch scheme {
	case "file":
		return t.file()
	case "static":
		return t.static()
	}
	return t.dns(scheme)
}

// parsed is what stands behind the scheme.
type parsed struct {
	authority string // up to the first slash
	rest      string // after it, up to the question mark
	params    url.Values
}

func split(s string) (parsed, error) {
	s, query, _ := strings.Cut(s, "?")
	var p parsed
	if s == "" || strings.Contains(s+query, "#") {
		return p, errors.New("want scheme://[server]/what[?parameters], without a fragment")
	}
	p.authority, p.rest, _ = strings.Cut(s, "/")
	if p.rest == "" {
		return p, fmt.Errorf("nothing after the third slash; is ///%s meant?", p.authority)
	}
	var err error
	if p.params, err = url.ParseQuery(query); err != nil {
		return p, fmt.Errorf("parameters: %w", err)
	}
	return p, nil
}

// allow returns an error that names a parameter that is not one of names, or that is given twice.
func (p parsed) allow(names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(p.params)) {
		values := p.params[name]
		switch {
		case !slices.Contains(names, name) && len(names) == 0:
			return fmt.Errorf("parameter %q, want none", name)
		case !slices.Contains(names, name):
			return fmt.Errorf("unknown parameter %q, want %s", name, strings.Join(names, ", "))
		case len(values) > 1:
			return fmt.Errorf("parameter %q is given %d times, want once", name, len(values))
		}
	}
	return nil
}

func (p parsed) form() addr.Form {
	return addr.Form{Scheme: p.params.Get("scheme"), Path: p.params.Get("path")}
}

func (p parsed) dns(scheme string) (rota.Resolver, error) {
	if err := p.allow("network", "path", "scheme"); err != nil {
		return nil, err
	}
	name, err := url.PathUnescape(p.rest)
	if err != nil {
		return nil, err
	}
	f := p.form()
	r := &dns.Resolver{Server: p.authority, Network: p.params.Get("network"), Scheme: f.Scheme, Path: f.Path}
	if scheme == "dns" {
		r.Name = name
	} else {
		r.SRV = name
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

func (p parsed) file() (rota.Resolver, error) {
	if err := p.allow(); err != nil {
		return nil, fmt.Errorf("%w: the file says all", err)
	}
	if p.authority != "" {
		return nil, fmt.Errorf("%q is no file's host, want file:///and/its/whole/path", p.authority)
	}
	path, err := url.PathUnescape("/" + p.rest)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" && filepath.VolumeName(path[1:]) != "" {
		path = path[1:] // file:///C:/users.json
	}
	return &file.Resolver{Path: filepath.FromSlash(path)}, nil
}

func (p parsed) static() (rota.Resolver, error) {
	if err := p.allow("path", "scheme"); err != nil {
		return nil, err
	}
	if p.authority != "" {
		return nil, fmt.Errorf("%q after two slashes, want three and then the addresses", p.authority)
	}
	form := p.form()
	if err := form.Validate(); err != nil {
		return nil, err
	}
	return parseList(p.rest, form)
}

// parseList reads addresses with commas between. Those that are no URL get the form.
func parseList(list string, form addr.Form) (rota.Resolver, error) {
	if list == "" {
		return nil, errors.New("is empty, want addresses or one such as dns:///users.internal:8080")
	}
	var set rota.Static
	seen := make(map[string]bool)
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if err := addr.Check(item); err != nil {
			return nil, err
		}
		if !strings.Contains(item, "://") {
			item = form.Addr(item)
		}
		if seen[item] {
			return nil, fmt.Errorf("%s is listed twice", item)
		}
		seen[item] = true
		set = append(set, rota.Instance{Addr: item})
	}
	return set, nil
}
