package dns_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/dnstest"
	"github.com/rota-go/rota/resolve/dns"
)

// serve starts a server with a zone; see dnstest.Server.SetZone.
func serve(t *testing.T, zone string) *dnstest.Server {
	t.Helper()
	s, err := dnstest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	setZone(t, s, zone)
	return s
}

func setZone(t *testing.T, s *dnstest.Server, zone string) {
	t.Helper()
	if err := s.SetZone(zone); err != nil {
		t.Fatal(err)
	}
}

// said writes a set: "addr", "addr/priority*weight" where they are set, "?" behind a vanished one.
func said(set []rota.Instance) string {
	words := make([]string, len(set))
	for i, inst := range set {
		words[i] = inst.Addr
		if inst.Weight != 0 {
			words[i] += "/" + itoa(inst.Priority) + "*" + itoa(inst.Weight)
		}
		if inst.Vanished {
			words[i] += "?"
		}
	}
	return strings.Join(words, " ")
}

// first returns the first set that a Resolver tells, or why there is none.
func first(t *testing.T, r *dns.Resolver) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got string
	err := r.Resolve(ctx, func(set []rota.Instance) { got = said(set); cancel() })
	if got != "" && errors.Is(err, context.Canceled) {
		err = nil
	}
	return got, err
}

func TestResolve(t *testing.T) {
	server := serve(t, `
		test            3600 SOA   60
		users.test      30   A     10.0.0.2
		users.test      20   A     10.0.0.1
		users.test      20   A     10.0.0.1
		users.test      20   AAAA  fd00::1
		mapped.test     20   AAAA  ::ffff:10.0.0.7
		www.test        20   CNAME alias.test
		alias.test      20   CNAME users.test
		lost.test       20   CNAME nobody.test
		round.test      20   CNAME round.test
		a.test          20   A     10.0.1.1
		b.test          20   A     10.0.1.2
		b.test          20   AAAA  fd00::2
		_http._tcp.test 20   SRV   1 10 8080 a.test
		_http._tcp.test 20   SRV   2 0  8081 b.test
		_http._tcp.test 20   SRV   2 5  8082 a.test
		_http._tcp.test 20   SRV   2 5  8083 nobody.test
		_same._tcp.test 20   SRV   0 0  8080 a.test
		_same._tcp.test 20   SRV   0 0  8081 a.test
		_none._tcp.test 20   SRV   0 0  0    .
		_lost._tcp.test 20   SRV   0 0  80   nobody.test`)
	tests := []struct {
		name     string
		resolver *dns.Resolver
		want     string
		err      string
	}{
		{"both families", &dns.Resolver{Name: "users.test.:80"}, "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80", ""},
		{"IPv4", &dns.Resolver{Name: "users.test.:80", Network: "ip4"}, "10.0.0.1:80 10.0.0.2:80", ""},
		{"IPv6", &dns.Resolver{Name: "users.test.:80", Network: "ip6"}, "[fd00::1]:80", ""},
		{"name in capitals, without the dot", &dns.Resolver{Name: "USERS.test:80", Network: "ip6"}, "[fd00::1]:80", ""},
		{"IPv4 in IPv6", &dns.Resolver{Name: "mapped.test.:80"}, "10.0.0.7:80", ""},
		{"port by name", &dns.Resolver{Name: "a.test.:http"}, "10.0.1.1:80", ""},
		{"aliases", &dns.Resolver{Name: "www.test.:80", Network: "ip6"}, "[fd00::1]:80", ""},
		{"URLs", &dns.Resolver{Name: "b.test.:443", Scheme: "https", Path: "/v2"}, "https://10.0.1.2:443/v2 https://[fd00::2]:443/v2", ""},
		{"address", &dns.Resolver{Name: "192.0.2.1:80"}, "192.0.2.1:80", ""},
		{"SRV", &dns.Resolver{SRV: "_http._tcp.test."}, "10.0.1.1:8080/1*1000 10.0.1.1:8082/2*500 10.0.1.2:8081/2*1 [fd00::2]:8081/2*1", ""},
		{"SRV, IPv4", &dns.Resolver{SRV: "_http._tcp.test.", Network: "ip4"}, "10.0.1.1:8080/1*1000 10.0.1.1:8082/2*500 10.0.1.2:8081/2*1", ""},
		{"SRV, several ports", &dns.Resolver{SRV: "_same._tcp.test.", Scheme: "https"}, "https://10.0.1.1:8080/0*100 https://10.0.1.1:8081/0*100", ""},
		{"SRV, names", &dns.Resolver{SRV: "_http._tcp.test.", KeepTargets: true, Scheme: "https"},
			"https://a.test:8080/1*1000 https://a.test:8082/2*500 https://b.test:8081/2*1 https://nobody.test:8083/2*500", ""},
		{"no name", &dns.Resolver{Name: "nobody.test.:80"}, "", "dns: lookup nobody.test. on SERVER: no such host"},
		{"no addresses", &dns.Resolver{Name: "_http._tcp.test.:80"}, "", "dns: lookup _http._tcp.test. on SERVER: no such host"},
		{"no address of that family", &dns.Resolver{Name: "a.test.:80", Network: "ip6"}, "", "dns: lookup a.test. on SERVER: no such host"},
		{"alias to nobody", &dns.Resolver{Name: "lost.test.:80"}, "", "dns: lookup lost.test. on SERVER: no such host"},
		{"aliases in a circle", &dns.Resolver{Name: "round.test.:80"}, "", "dns: lookup round.test. on SERVER: no such host"},
		{"no such port", &dns.Resolver{Name: "a.test.:nonsense"}, "", `dns: port "nonsense" of a.test. is no number, and no service`},
		{"no SRV records", &dns.Resolver{SRV: "a.test."}, "", "dns: lookup a.test. on SERVER: no such host"},
		{"no such service", &dns.Resolver{SRV: "_none._tcp.test."}, "", "dns: the SRV record of _none._tcp.test. says that there is no such service"},
		{"no target exists", &dns.Resolver{SRV: "_lost._tcp.test."}, "", "dns: _lost._tcp.test. has no addresses: lookup nobody.test. on SERVER: no such host"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.resolver.Server = server.Addr()
			got, err := first(t, test.resolver)
			wantErr := strings.ReplaceAll(test.err, "SERVER", server.Addr())
			if got != test.want || (err == nil) != (wantErr == "") || err != nil && !strings.HasPrefix(err.Error(), wantErr) {
				t.Errorf("Resolve() told %q, %v\nwant %q, %q", got, err, test.want, wantErr)
			}
		})
	}
}

// TestResolveHostsFile: without DNS there is no TTL, and it works.
func TestResolveHostsFile(t *testing.T) {
	hosts, err := net.DefaultResolver.LookupHost(t.Context(), "localhost")
	if err != nil {
		t.Skip("this system does not know localhost:", err)
	}
	got, err := first(t, &dns.Resolver{Name: "localhost:80", Server: serve(t, "").Addr()})
	if err != nil || !strings.Contains(got, net.JoinHostPort(hosts[0], "80")) {
		t.Errorf("Resolve() told %q, %v, want %q in it", got, err, hosts)
	}
}

func TestResolveFaults(t *testing.T) {
	const zone = "users.test 30 A 10.0.0.1\nusers.test 30 AAAA fd00::1"
	tests := []struct {
		name    string
		fault   func(dnstest.Question) dnstest.Fault
		timeout time.Duration
		want    string
		err     string
		flaw    string // what OnError hears beside a good answer
	}{
		{"truncated", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{Truncated: true} }, 0, "10.0.0.1:80 [fd00::1]:80", "", ""},
		{"forged before the answer", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{WrongID: true} }, 0, "10.0.0.1:80 [fd00::1]:80", "", ""},
		{"fails", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{RCode: 2} }, 0, "", "dns: lookup users.test. on SERVER: server misbehaving", ""},
		{"refuses", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{RCode: 5} }, 0, "", "dns: lookup users.test. on SERVER: server misbehaving", ""},
		{"extended code", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{RCode: 16} }, 0, "", "dns: lookup users.test. on SERVER: server misbehaving", ""},
		{"silent", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{Drop: true} }, 50 * time.Millisecond, "", "dns: lookup users.test.", ""},
		{"garbage", func(dnstest.Question) dnstest.Fault { return dnstest.Fault{Raw: []byte("\x81\x80 nonsense")} }, 50 * time.Millisecond, "", "dns: lookup users.test.", ""},
		{"garbage over TCP", func(q dnstest.Question) dnstest.Fault {
			if q.Net == "udp" {
				return dnstest.Fault{Truncated: true}
			}
			return dnstest.Fault{Raw: []byte("\x81\x80")}
		}, 0, "", "dns: lookup users.test.", ""},
		{"one family fails", func(q dnstest.Question) dnstest.Fault {
			if q.Type == "AAAA" {
				return dnstest.Fault{RCode: 2}
			}
			return dnstest.Fault{}
		}, 0, "10.0.0.1:80", "", "dns: no answer about the AAAA records of users.test., so those known before stay"},
		{"one family is silent", func(q dnstest.Question) dnstest.Fault { return dnstest.Fault{Drop: q.Type == "A"} }, time.Second,
			"[fd00::1]:80", "", "dns: no answer about the A records of users.test., so those known before stay"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // for those who wait
			server := serve(t, zone)
			server.SetFault(test.fault)
			flaw := make(chan string, 1)
			r := &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), Timeout: test.timeout, OnError: func(err error) { flaw <- err.Error() }}
			got, err := first(t, r)
			wantErr := strings.ReplaceAll(test.err, "SERVER", server.Addr())
			if got != test.want || (err == nil) != (wantErr == "") || err != nil && !strings.HasPrefix(err.Error(), wantErr) {
				t.Errorf("Resolve() told %q, %v\nwant %q, %q", got, err, test.want, wantErr)
			}
			close(flaw)
			if heard := <-flaw; heard != test.flaw {
				t.Errorf("OnError(%q), want %q", heard, test.flaw)
			}
		})
	}
}

// TestLostPacketIsNotTheLookup: the query is sent again before the lookup's time is up.
func TestLostPacketIsNotTheLookup(t *testing.T) {
	server := serve(t, "users.test 30 A 10.0.0.1")
	lost := make(chan struct{}, 1)
	server.SetFault(func(q dnstest.Question) dnstest.Fault {
		if q.Type == "AAAA" {
			return dnstest.Fault{}
		}
		select {
		case lost <- struct{}{}:
			return dnstest.Fault{Drop: true}
		default:
			return dnstest.Fault{}
		}
	})
	got, err := first(t, &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), Timeout: time.Second})
	if got != "10.0.0.1:80" || err != nil {
		t.Errorf("Resolve() told %q, %v, want the address", got, err)
	}
}

// TestCancelDuringLookup: Resolve does not wait for a server that says nothing.
func TestCancelDuringLookup(t *testing.T) {
	for _, r := range []*dns.Resolver{{Name: "users.test.:80"}, {SRV: "_http._tcp.users.test."}} {
		server := serve(t, "")
		ctx, cancel := context.WithCancel(t.Context())
		server.SetFault(func(dnstest.Question) dnstest.Fault {
			cancel()
			return dnstest.Fault{Drop: true}
		})
		r.Server, r.Timeout = server.Addr(), time.Hour
		start := time.Now()
		err := r.Resolve(ctx, func([]rota.Instance) { t.Error("told a set") })
		if !errors.Is(err, context.Canceled) || time.Since(start) > 4*time.Second {
			t.Errorf("Resolve() = %v after %v, want %v at once", err, time.Since(start), context.Canceled)
		}
	}
}
