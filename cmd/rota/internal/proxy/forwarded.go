package proxy

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// networks are sets of addresses.
type networks []netip.Prefix

// parseNetworks reads what was checked already.
func parseNetworks(list []string) (n networks) {
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			n = append(n, p.Masked())
		}
	}
	return n
}

func (n networks) has(a netip.Addr) bool {
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forwarding tells replicas of the client.
type forwarding struct {
	trust  networks
	hops   int
	x, rfc bool // which headers are sent
}

func newForwarding(spec *setup.Forwarded) *forwarding {
	return &forwarding{
		trust: parseNetworks(spec.Trust), hops: spec.Hops,
		x: spec.Send == "x-forwarded" || spec.Send == "both", rfc: spec.Send == "forwarded" || spec.Send == "both",
	}
}

// apply replaces what h says of the client by what we know, and what those say whom we trust.
func (f *forwarding) apply(h http.Header, in *http.Request, peer netip.Addr) {
	trusted := len(f.trust) > 0 && f.trust.has(peer)
	var chain, elements []string
	proto, host := "", ""
	if trusted {
		chain = last(split(h["X-Forwarded-For"]), f.hops)
		elements = last(split(h["Forwarded"]), f.hops)
		proto, host = one(h["X-Forwarded-Proto"]), one(h["X-Forwarded-Host"])
	}
	for k := range h {
		if k == "Forwarded" || strings.HasPrefix(k, "X-Forwarded-") {
			delete(h, k)
		}
	}
	delete(h, "X-Real-Ip")
	if proto == "" {
		if proto = "http"; in.TLS != nil {
			proto = "https"
		}
	}
	if host == "" {
		host = in.Host
	}
	from := "unknown"
	if peer.IsValid() {
		from = peer.String()
	}
	if f.x {
		line := from
		if len(chain) > 0 {
			line = strings.Join(chain, ", ") + ", " + from
		}
		three := [3]string{line, proto, host} // one allocation
		h["X-Forwarded-For"], h["X-Forwarded-Proto"] = three[0:1:1], three[1:2:2]
		if host != "" {
			h["X-Forwarded-Host"] = three[2:3:3]
		}
	}
	if f.rfc {
		h["Forwarded"] = []string{strings.Join(append(elements, element(peer, proto, host)), ", ")}
	}
}

// element is what we say by RFC 7239.
func element(peer netip.Addr, proto, host string) string {
	from := "unknown"
	switch {
	case peer.Is6():
		from = `"[` + peer.WithZone("").String() + `]"`
	case peer.IsValid():
		from = peer.String()
	}
	e := "for=" + from + ";proto=" + proto
	if host != "" {
		e += `;host="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(host) + `"`
	}
	return e
}

// split takes a list apart at commas that are not quoted.
func split(lines []string) (parts []string) {
	for _, line := range lines {
		quoted, from := false, 0
		for i := 0; i <= len(line); i++ {
			switch {
			case i < len(line) && line[i] == '\\' && quoted:
				i++
			case i < len(line) && line[i] == '"':
				quoted = !quoted
			case i >= len(line) || line[i] == ',' && !quoted:
				if p := strings.TrimSpace(line[from:min(i, len(line))]); p != "" {
					parts = append(parts, p)
				}
				from = i + 1
			}
		}
	}
	return parts
}

func last(parts []string, n int) []string {
	if len(parts) > n {
		return parts[len(parts)-n:]
	}
	return parts
}

// one is the last of several values: that of the hop that is nearest.
func one(lines []string) string {
	if p := split(lines); len(p) > 0 {
		return p[len(p)-1]
	}
	return ""
}

// client is the address of the client: what the farthest of those whom we trust says, or else the peer. It is worked out
// before the request's headers are those for the replica.
func (x *exchange) client() string {
	if x.from != "" {
		return x.from
	}
	f := x.state.forwarded
	x.from = x.peer.String()
	if len(f.trust) > 0 && f.trust.has(x.peer) {
		if chain := last(split(x.r.Header["X-Forwarded-For"]), f.hops); len(chain) > 0 {
			x.from = chain[0]
		}
	}
	return x.from
}

// asks reports whether the request comes from one of those. Who came through another proxy is whom a proxy that we trust says,
// and otherwise nobody knows who it is.
func (x *exchange) asks(those networks) bool {
	h := x.r.Header
	if h["X-Forwarded-For"] == nil && h["Forwarded"] == nil && h["X-Real-Ip"] == nil && h["Via"] == nil {
		return those.has(x.peer)
	}
	if h["X-Forwarded-For"] == nil || !x.state.forwarded.trust.has(x.peer) {
		return false
	}
	from, err := netip.ParseAddr(x.client())
	return err == nil && those.has(from.Unmap())
}
