package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/rota-go/rota"
)

// maxLookups is how many targets of SRV records are looked up at a time.
const maxLookups = 8

// look asks once.
func (s settings) look(ctx context.Context) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	look, what := s.lookHost, s.host
	if s.srv != "" {
		look, what = s.lookSRV, s.srv
	}
	a, err := look(ctx)
	if err == nil {
		switch n := len(a.instances); {
		case n == 0:
			err = fmt.Errorf("%s has no addresses", what)
			if a.flaw != nil {
				err = fmt.Errorf("%s has no addresses: %w", what, a.flaw)
			}
		case n > maxInstances:
			err = fmt.Errorf("%s has %d addresses, want at most %d", what, n, maxInstances)
		}
	}
	if err != nil {
		return answer{ttl: a.ttl}, fmt.Errorf("dns: %w", err)
	}
	if a.flaw != nil {
		a.flaw = fmt.Errorf("dns: %w", a.flaw)
	}
	return a, nil
}

// tap returns a new one: each overhears one lookup.
func (s settings) tap() *tap { return &tap{server: s.server, try: s.timeout * 2 / 5} }

// lookHost finds the addresses of Name.
func (s settings) lookHost(ctx context.Context) (answer, error) {
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", s.port)
	if err != nil {
		return answer{ttl: noTTL}, fmt.Errorf("port %q of %s is no number, and no service that this system knows", s.port, s.host)
	}
	h := s.lookAddrs(ctx, s.host)
	a := answer{ttl: h.ttl, partial: h.partial, flaw: h.flaw}
	if h.err != nil {
		return a, h.err
	}
	for _, addr := range h.addrs(uint16(port), s.form.Addr) {
		a.instances = append(a.instances, rota.Instance{Addr: addr})
	}
	return a, nil
}

// host is what became of a host's name.
type host struct {
	ips []netip.Addr
	answer
	err error
}

// addrs returns its addresses with a port, without duplicates.
func (h host) addrs(port uint16, form func(string) string) []string {
	seen := make(map[netip.Addr]bool, len(h.ips))
	out := make([]string, 0, len(h.ips))
	for _, ip := range h.ips {
		if ip = ip.Unmap(); !seen[ip] {
			seen[ip] = true
			out = append(out, form(netip.AddrPortFrom(ip, port).String()))
		}
	}
	return out
}

func (s settings) lookAddrs(ctx context.Context, name string) host {
	t := s.tap()
	ips, err := t.resolver().LookupNetIP(ctx, s.network, name)
	h := host{ips: ips, answer: answer{ttl: t.ttl()}, err: s.told(err)}
	if err == nil {
		if kind := t.unsettled(s.kinds()); kind != 0 {
			h.partial = true
			h.flaw = fmt.Errorf("no answer about the %s records of %s, so those known before stay", kindName(kind), name)
		}
	}
	return h
}

// kinds are the types that a lookup of the network asks for.
func (s settings) kinds() []uint16 {
	switch s.network {
	case "ip4":
		return []uint16{kindA}
	case "ip6":
		return []uint16{kindAAAA}
	}
	return []uint16{kindA, kindAAAA}
}

func kindName(kind uint16) string {
	if kind == kindA {
		return "A"
	}
	return "AAAA"
}

// told corrects an error of net, which names the server of the system even if another was asked.
func (s settings) told(err error) error {
	if e := (*net.DNSError)(nil); s.server != "" && errors.As(err, &e) && e.Server != "" {
		e.Server = s.server
	}
	return err
}

// lookSRV finds the addresses of the targets of SRV.
func (s settings) lookSRV(ctx context.Context) (answer, error) {
	t := s.tap()
	_, records, err := t.resolver().LookupSRV(ctx, "", "", s.srv)
	a := answer{ttl: t.ttl()}
	if len(records) == 0 {
		return a, s.told(err)
	}
	a.flaw = s.told(err) // some had names that are none, and were left out
	if len(records) == 1 && records[0].Target == "." {
		return a, fmt.Errorf("the SRV record of %s says that there is no such service", s.srv)
	}
	hosts := s.lookTargets(ctx, records)
	endpoints := make([]endpoint, 0, len(records))
	for _, r := range records {
		e := endpoint{priority: r.Priority, weight: r.Weight}
		if h := hosts[r.Target]; h != nil {
			e.addrs = h.addrs(r.Port, s.form.Addr)
		} else if name := strings.TrimSuffix(r.Target, "."); name != "" {
			e.addrs = []string{s.form.Addr(net.JoinHostPort(name, strconv.Itoa(int(r.Port))))}
		}
		endpoints = append(endpoints, e)
	}
	for _, h := range hosts {
		a.add(h)
	}
	a.instances = instances(endpoints)
	return a, nil
}

// add takes over what holds for the whole answer if it does for one host. A host that certainly does not exist takes its
// addresses with it; one that could not be looked up does not.
func (a *answer) add(h *host) {
	if h.err == nil {
		a.ttl = shorter(a.ttl, h.ttl)
	}
	var e *net.DNSError
	gone := errors.As(h.err, &e) && e.IsNotFound
	a.partial = a.partial || h.partial || h.err != nil && !gone
	for _, flaw := range []error{h.flaw, h.err} {
		if a.flaw == nil { // one is enough: where a server fails, they are all the same
			a.flaw = flaw
		}
	}
}

// lookTargets looks up each target once, several at a time; none if they are to be kept.
func (s settings) lookTargets(ctx context.Context, records []*net.SRV) map[string]*host {
	hosts := make(map[string]*host, len(records))
	if s.keepTargets {
		return hosts
	}
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, maxLookups)
	for _, r := range records {
		if hosts[r.Target] != nil || r.Target == "." {
			continue
		}
		h := new(host)
		hosts[r.Target] = h
		slots <- struct{}{}
		running.Go(func() {
			*h = s.lookAddrs(ctx, r.Target)
			<-slots
		})
	}
	return hosts
}
