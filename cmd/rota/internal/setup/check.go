package setup

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/rotahttp"
	"golang.org/x/net/http/httpguts"
)

// checker gathers what is wrong.
type checker struct {
	setup *Setup
	doc   *tree.Node
	wrong []*tree.Error
}

func (c *checker) say(path, format string, args ...any) {
	c.wrong = append(c.wrong, c.doc.Errorf(path, format, args...))
}

// check looks for what cannot be meant, whatever the machine is like. doc is where lines come from; nil = there are none.
func (s *Setup) check(doc *tree.Node) error {
	c := &checker{setup: s, doc: doc}
	c.listeners()
	c.routes()
	c.services()
	c.rest()
	return tree.Join(c.wrong)
}

func (c *checker) listeners() {
	if len(c.setup.Listeners) == 0 {
		c.say("listeners", "there is none, want at least one")
	}
	names, addrs := map[string]bool{pageSocket: true}, map[string]bool{}
	if a := c.setup.Admin; a != nil && !strings.HasSuffix(a.Listen, ":0") {
		addrs[a.Listen] = true
	}
	for i, l := range c.setup.Listeners {
		at := func(key string) string { return fmt.Sprintf("listeners[%d].%s", i, key) }
		switch {
		case l.Listen == "":
			c.say(at("listen"), "want an address such as :8090, or fd:NAME")
		case l.Listen == "fd:":
			c.say(at("listen"), "want the name of a socket after fd:")
		case !strings.HasPrefix(l.Listen, "fd:") && !address(l.Listen):
			c.say(at("listen"), "%q, want an address such as :8090, 127.0.0.1:8090 or fd:NAME", l.Listen)
		case l.Name == pageSocket:
			c.say(at("name"), "the socket of the live page is called %s, want another name", l.Name)
		case addrs[l.Listen]:
			c.say(at("listen"), "%s is taken by another listener, or the live page", l.Listen)
		case names[l.Name]:
			c.say(at("name"), "there are two listeners called %s", l.Name)
		}
		names[l.Name] = true
		if !strings.HasSuffix(l.Listen, ":0") { // a port that nobody has
			addrs[l.Listen] = true
		}
		for j, p := range l.Protocols {
			c.oneOf(fmt.Sprintf("listeners[%d].protocols[%d]", i, j), p, "http1", "http2")
		}
		if len(l.Protocols) == 0 {
			c.say(at("protocols"), "want http1, http2 or both")
		}
		if t := l.TLS; t != nil {
			c.want(at("tls.cert"), t.Cert, "a file with a certificate")
			c.want(at("tls.key"), t.Key, "a file with its key")
			c.oneOf(at("tls.min"), t.Min, "1.2", "1.3")
			if t.Optional && t.ClientCA == "" {
				c.say(at("tls.optional"), "no certificate is asked for: client_ca is missing")
			}
		}
		c.times(at, times{"read_header_timeout": l.ReadHeaderTimeout, "read_timeout": l.ReadTimeout, "idle_timeout": l.IdleTimeout})
		if l.Limit != nil {
			if err := l.Limit.Validate(); err != nil {
				c.say(at("limit"), "%v", err)
			}
		}
	}
}

// address reports whether s is host:port, the host perhaps empty.
func address(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

func (c *checker) want(path, value, what string) {
	if value == "" {
		c.say(path, "want %s", what)
	}
}

// oneOf wants one of those that are known; "" is what is left out.
func (c *checker) oneOf(path, value string, known ...string) {
	if !slices.Contains(known, value) {
		c.say(path, "%q, want one of %s", value, strings.TrimPrefix(strings.Join(known, ", "), ", "))
	}
}

type times map[string]time.Duration

func (c *checker) times(at func(string) string, all times) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] < 0 {
			c.say(at(key), "%v, want >= 0", all[key])
		}
	}
}

func (c *checker) routes() {
	if len(c.setup.Routes) == 0 {
		c.say("routes", "there is none, want at least one")
	}
	for i := range c.setup.Routes {
		for j := range i {
			if a, b := &c.setup.Routes[i], &c.setup.Routes[j]; a.shadowed(b) {
				c.say(fmt.Sprintf("routes[%d]", i), "nothing gets here: routes[%d] fits the same requests", j)
				break
			}
		}
		c.route(&c.setup.Routes[i], func(key string) string { return fmt.Sprintf("routes[%d].%s", i, key) })
	}
}

func (c *checker) route(r *Route, at func(string) string) {
	service, ok := c.setup.Services[r.Service]
	switch {
	case r.Service == "":
		c.say(at("service"), "want the name of a service")
	case !ok:
		c.say(at("service"), "%s", tree.Unknown("service", r.Service, slices.Sorted(maps.Keys(c.setup.Services))))
	default:
		if _, _, err := service.Policy.For(r); err != nil {
			for _, e := range tree.All(err) {
				c.wrong = append(c.wrong, &tree.Error{Line: e.Line, Path: at(e.Path), Err: e.Err})
			}
		}
	}
	c.path(at("path"), r.Path)
	if !hostPattern(r.Host) {
		c.say(at("host"), "%q, want a name without a port, or *.name; leave it out for any", r.Host)
	}
	for j, m := range r.Method {
		if !httpguts.ValidHeaderFieldName(m) || m != strings.ToUpper(m) {
			c.say(at(fmt.Sprintf("method[%d]", j)), "%q, want a method such as GET", m)
		}
	}
	c.headers(at("header"), r.Header, "host: of the route")
	for what, h := range map[string]Headers{"request": r.Rewrite.Request, "response": r.Rewrite.Response} {
		c.headers(at("rewrite."+what+".set"), h.Set, "rewrite.host")
		c.headers(at("rewrite."+what+".add"), h.Add, "rewrite.host")
		for j, name := range h.Remove {
			if !httpguts.ValidHeaderFieldName(name) {
				c.say(at(fmt.Sprintf("rewrite.%s.remove[%d]", what, j)), "%q is no name of a header", name)
			}
		}
	}
	for key, p := range map[string]string{"strip_prefix": r.Rewrite.StripPrefix, "add_prefix": r.Rewrite.AddPrefix} {
		if p != "" {
			c.path(at("rewrite."+key), p)
		}
	}
	if r.Key != "" && !httpguts.ValidHeaderFieldName(r.Key) {
		c.say(at("key"), "%q is no name of a header", r.Key)
	}
	if r.Rate != nil {
		if !(r.Rate.PerSecond > 0) {
			c.say(at("rate.per_second"), "%v, want more than 0", r.Rate.PerSecond)
		}
		if r.Rate.Burst < 0 {
			c.say(at("rate.burst"), "%d, want >= 1, or 0 for the default", r.Rate.Burst)
		}
		c.oneOf(at("rate.by"), r.Rate.By, "route", "client")
	}
}

// path checks the beginning of a path. Requests are compared with it as what their escapes stand for.
func (c *checker) path(at, path string) {
	switch {
	case !strings.HasPrefix(path, "/"):
		c.say(at, "%q, want it to begin with /", path)
	case strings.Contains(path, "*"):
		c.say(at, "%q, want the beginning of a path without *: what is below fits, too", path)
	case strings.ContainsAny(path, "?#%"):
		c.say(at, "%q, want a path without query and escapes", path)
	case strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../"):
		c.say(at, "%q has . or .. in it: no such request is taken", path)
	}
}

// hostPattern reports whether s is empty, a name, or *.name.
func hostPattern(s string) bool {
	rest, wild := strings.CutPrefix(s, "*.")
	if wild && rest == "" {
		return false
	}
	if strings.HasPrefix(rest, "[") && !wild { // an address of IPv6
		a, err := netip.ParseAddr(strings.Trim(rest, "[]"))
		return err == nil && a.Is6()
	}
	return !strings.ContainsAny(rest, ":/*?#@[] \t\\%")
}

// shadowed reports whether b, which is before r, takes all requests that r fits.
func (r *Route) shadowed(b *Route) bool {
	if !strings.EqualFold(strings.TrimSuffix(r.Host, "."), strings.TrimSuffix(b.Host, ".")) || strings.TrimSuffix(r.Path, "/") != strings.TrimSuffix(b.Path, "/") {
		return false
	}
	if r.Path != b.Path && b.Path != "/" && strings.HasSuffix(b.Path, "/") {
		return false // /a fits what /a/ does not
	}
	return slices.Equal(slices.Sorted(slices.Values(r.Method)), slices.Sorted(slices.Values(b.Method))) && maps.Equal(r.Header, b.Header)
}

// headers checks names and values. host is what Host is changed or compared by.
func (c *checker) headers(path string, all map[string]string, host string) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			c.say(path, "%q is no name of a header", name)
		case !httpguts.ValidHeaderFieldValue(all[name]):
			c.say(path+"."+name, "the value has a character that a header cannot have")
		case http.CanonicalHeaderKey(name) == "Host":
			c.say(path, "Host is no header here, want %s", host)
		case hopByHop[http.CanonicalHeaderKey(name)]:
			c.say(path, "%s is between two hops: it is the proxy's own business", name)
		}
	}
}

// hopByHop are headers that are for one connection (RFC 9110, 7.6.1), or that frame a message.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true,
	"Upgrade": true, "Content-Length": true,
}

func (c *checker) services() {
	for _, name := range slices.Sorted(maps.Keys(c.setup.Services)) {
		s := c.setup.Services[name]
		at := func(key string) string { return "services." + name + "." + key }
		if !serviceName(name) {
			c.say("services."+name, "want a name of letters, digits, -, _ and dots")
		}
		if s.Target == "" {
			c.say(at("target"), "want addresses, or dns:///name:port, dns+srv:///name or file:///path")
		} else if _, err := resolve.Parse(s.Target); err != nil {
			c.say(at("target"), "%v", err)
		}
		c.oneOf(at("protocol"), s.Protocol, "", "http1", "http2", "h2c", "auto")
		if t := s.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
			c.say(at("tls"), "want both of cert and key, or neither")
		}
		if s.TLS != nil && s.Protocol == "h2c" {
			c.say(at("protocol"), "h2c is HTTP/2 without TLS: want http2 or auto, or no tls")
		}
		c.times(at, times{"dial": s.Dial, "ttl": s.TTL, "p99": s.P99})
		if ch := s.Check; ch != nil {
			c.check(ch, func(key string) string { return at("check." + key) })
		}
		for key, v := range map[string]float64{"calls_per_second": s.CallsPerSecond, "replicas": float64(s.Replicas)} {
			if !(v >= 0) {
				c.say(at(key), "%v, want >= 0", v)
			}
		}
		for i, other := range s.Calls {
			if _, ok := c.setup.Services[other]; !ok {
				c.say(at(fmt.Sprintf("calls[%d]", i)), "%s", tree.Unknown("service", other, slices.Sorted(maps.Keys(c.setup.Services))))
			}
		}
	}
}

// serviceName reports whether name can be a host in a URL, and a label of metrics.
func serviceName(name string) bool {
	for _, b := range []byte(name) {
		if b != '-' && b != '_' && b != '.' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return false
		}
	}
	return name != ""
}

func (c *checker) check(ch *rotahttp.Check, at func(string) string) {
	if !strings.HasPrefix(ch.Path, "/") {
		c.say(at("path"), "%q, want a path such as /readyz", ch.Path)
	}
	c.oneOf(at("scheme"), ch.Scheme, "", "http", "https")
	c.times(at, times{"interval": ch.Interval, "timeout": ch.Timeout})
	if ch.Failures < 0 {
		c.say(at("failures"), "%d, want >= 0", ch.Failures)
	}
	if ch.Successes < 0 {
		c.say(at("successes"), "%d, want >= 0", ch.Successes)
	}
}

func (c *checker) rest() {
	s := c.setup
	if a := s.AccessLog; a != nil {
		c.oneOf("access_log.format", a.Format, "logfmt", "json")
		if !(a.Sample >= 0 && a.Sample <= 1) {
			c.say("access_log.sample", "%v, want 0 to 1", a.Sample)
		}
	}
	c.networks("forwarded.trust", s.Forwarded.Trust)
	c.networks("debug.trust", s.Debug.Trust)
	c.oneOf("forwarded.send", s.Forwarded.Send, "x-forwarded", "forwarded", "both", "none")
	if s.Forwarded.Hops < 0 || s.Forwarded.Hops > 100 {
		c.say("forwarded.hops", "%d, want 1 to 100", s.Forwarded.Hops)
	}
	if a := s.Admin; a != nil {
		c.admin(a)
	}
	c.times(func(key string) string { return "drain." + key }, times{"wait": s.Drain.Wait, "shutdown": s.Drain.Shutdown})
}

func (c *checker) admin(a *Admin) {
	switch {
	case !address(a.Listen):
		c.say("admin.listen", "%q, want an address such as %s, or admin: off", a.Listen, DefaultAdmin)
	case a.Open():
		c.say("admin.write", "%s is not loopback: whoever reaches it may change things; want a token_file too", a.Listen)
	}
}

// Open reports whether the page may change things for whoever reaches it, from other machines too.
func (a *Admin) Open() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil || !a.Write || a.TokenFile != "" || host == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.IsLoopback()
}

func (c *checker) networks(path string, all []string) {
	for i, s := range all {
		if _, err := netip.ParsePrefix(s); err != nil {
			c.say(fmt.Sprintf("%s[%d]", path, i), "%q, want a network such as 10.0.0.0/8", s)
		}
	}
}
