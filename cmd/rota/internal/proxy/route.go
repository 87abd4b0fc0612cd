package proxy

import (
	"cmp"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/rotahttp"
)

// route is where requests go, and what is done to them on the way.
type route struct {
	spec     *setup.Route
	service  *service
	options  rotahttp.Options // of every request; never changed
	limiter  *limiter         // nil = as many as come
	patience time.Duration    // until the first replicas are known
	key      string           // a header, canonical
	headers  []header         // that a request has to have
	request  *rewriting
	response *rewriting
	upgrades *httputil.ReverseProxy // for what forward does not do
	counts   *routeCounts           // nil = none
}

type header struct{ name, value string }

func newRoute(spec *setup.Route, sv *service, policy *setup.Policy, p *Proxy) (*route, error) {
	r := &route{
		spec: spec, service: sv, key: http.CanonicalHeaderKey(spec.Key),
		request: newRewriting(&spec.Rewrite.Request), response: newRewriting(&spec.Rewrite.Response),
	}
	r.options = rotahttp.Options{Repeat: spec.Idempotent, HoldReply: int64(spec.BufferResponse), Route: sv.client.Route(spec.Name)}
	over, own, err := policy.For(spec)
	if err != nil {
		return nil, err
	}
	if own {
		if r.options.Terms, err = rota.NewTerms(over.Policy); err != nil {
			return nil, err
		}
	}
	if r.patience = learnTime; over.Timeout > 0 {
		r.patience = min(r.patience, over.Timeout)
	}
	for name, value := range spec.Header {
		r.headers = append(r.headers, header{http.CanonicalHeaderKey(name), value})
	}
	if spec.Rate != nil {
		r.limiter = newLimiter(spec.Rate)
	}
	if p.params.Metrics != nil {
		r.counts = p.params.Metrics.route(spec.Name)
	}
	r.upgrades = r.newUpgrades(p.params.Log)
	return r, nil
}

// table is all routes, the most specific first.
type table struct{ routes []*route }

func (t *table) add(r *route) { t.routes = append(t.routes, r) }

func (t *table) sort() {
	slices.SortStableFunc(t.routes, func(a, b *route) int {
		return cmp.Or(
			-cmp.Compare(rank(a.spec.Host), rank(b.spec.Host)),
			-cmp.Compare(len(strings.TrimSuffix(a.spec.Path, "/")), len(strings.TrimSuffix(b.spec.Path, "/"))),
			-cmp.Compare(len(a.headers)+min(len(a.spec.Method), 1), len(b.headers)+min(len(b.spec.Method), 1)),
		)
	})
}

// rank is how specific a host is: a name more than all below one, and of those the longer.
func rank(host string) int {
	switch {
	case host == "":
		return 0
	case strings.HasPrefix(host, "*."):
		return len(host)
	}
	return 1 << 16
}

// find returns the first route that fits; nil if there is none. other says that one would but for its method.
func (t *table) find(r *http.Request) (found *route, other bool) {
	host := ""
	for _, rt := range t.routes {
		if rt.spec.Host != "" {
			if host == "" {
				host = hostOf(r.Host)
			}
			if !fitsHost(rt.spec.Host, host) {
				continue
			}
		}
		switch {
		case !fitsPath(rt.spec.Path, r.URL.Path) || !rt.fitsHeaders(r.Header):
		case len(rt.spec.Method) > 0 && !slices.Contains(rt.spec.Method, r.Method):
			other = true
		default:
			return rt, false
		}
	}
	return nil, other
}

// methods are those that a request might have had instead, for the header Allow.
func (t *table) methods(r *http.Request) string {
	var list []string
	as := *r
	for _, rt := range t.routes {
		for _, m := range rt.spec.Method {
			as.Method = m
			if found, _ := t.find(&as); found == rt && !slices.Contains(list, m) {
				list = append(list, m)
			}
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// hostOf is a Host header without its port, in lower case, without the dot of the root.
func hostOf(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		s = h
	}
	return strings.ToLower(bare(s))
}

// bare is a host without the dot of the root, or the brackets of an address.
func bare(host string) string {
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

func fitsHost(pattern, host string) bool {
	pattern = bare(pattern)
	if below, ok := strings.CutPrefix(pattern, "*"); ok {
		return len(host) > len(below) && strings.HasSuffix(host, strings.ToLower(below))
	}
	return strings.EqualFold(pattern, host)
}

// fitsPath reports whether path is prefix, or below it.
func fitsPath(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}

func (rt *route) fitsHeaders(h http.Header) bool {
	for _, want := range rt.headers {
		values, ok := h[want.name]
		if !ok || want.value != "*" && !slices.Contains(values, want.value) {
			return false
		}
	}
	return true
}

// rewriting changes headers; nil changes nothing.
type rewriting struct {
	remove   []string
	set, add []header
}

func newRewriting(spec *setup.Headers) *rewriting {
	if len(spec.Remove)+len(spec.Set)+len(spec.Add) == 0 {
		return nil
	}
	w := new(rewriting)
	for _, name := range spec.Remove {
		w.remove = append(w.remove, http.CanonicalHeaderKey(name))
	}
	for name, value := range spec.Set {
		w.set = append(w.set, header{http.CanonicalHeaderKey(name), value})
	}
	for name, value := range spec.Add {
		w.add = append(w.add, header{http.CanonicalHeaderKey(name), value})
	}
	return w
}

func (w *rewriting) apply(h http.Header) {
	if w == nil {
		return
	}
	for _, name := range w.remove {
		delete(h, name)
	}
	for _, s := range w.set {
		h[s.name] = []string{s.value}
	}
	for _, a := range w.add {
		h[a.name] = append(slices.Clip(h[a.name]), a.value)
	}
}
