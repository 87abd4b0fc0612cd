package dns

import (
	"testing"
	"time"

	"github.com/rota-go/rota/internal/dnstest"
)

// TestLookTTL: of all that an answer is made of, the smallest TTL counts; of an absence, what the SOA record says.
func TestLookTTL(t *testing.T) {
	server, err := dnstest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	err = server.SetZone(`
		test            3600 SOA   60
		users.test      30   A     10.0.0.2
		users.test      20   A     10.0.0.1
		users.test      25   AAAA  fd00::1
		www.test        15   CNAME users.test
		far.test        300  CNAME www.test
		quick.test      0    A     10.0.0.1
		six.test        90   AAAA  fd00::1
		_u._tcp.test    40   SRV   0 0 80 users.test
		_w._tcp.test    40   SRV   0 0 80 www.test
		_s._tcp.test    40   SRV   0 0 80 six.test
		_lost._tcp.test 40   SRV   0 0 80 nobody.test`)
	if err != nil {
		t.Fatal(err)
	}
	const s = time.Second
	tests := []struct {
		name     string
		resolver *Resolver
		fault    dnstest.Fault
		want     time.Duration
		fails    bool
	}{
		{"smallest of the answer", &Resolver{Name: "users.test.:80"}, dnstest.Fault{}, 20 * s, false},
		{"only what was asked for", &Resolver{Name: "users.test.:80", Network: "ip6"}, dnstest.Fault{}, 25 * s, false},
		{"over TCP", &Resolver{Name: "users.test.:80"}, dnstest.Fault{Truncated: true}, 20 * s, false},
		{"not of a forged message", &Resolver{Name: "users.test.:80"}, dnstest.Fault{WrongID: true}, 20 * s, false},
		{"alias", &Resolver{Name: "www.test.:80"}, dnstest.Fault{}, 15 * s, false},
		{"aliases", &Resolver{Name: "far.test.:80"}, dnstest.Fault{}, 15 * s, false},
		{"zero", &Resolver{Name: "quick.test.:80"}, dnstest.Fault{}, 0, false},
		{"not of the family without records", &Resolver{Name: "six.test.:80"}, dnstest.Fault{}, 90 * s, false},
		{"of no server", &Resolver{Name: "192.0.2.1:80"}, dnstest.Fault{}, noTTL, false},
		{"SRV and its targets", &Resolver{SRV: "_u._tcp.test."}, dnstest.Fault{}, 20 * s, false},
		{"SRV to an alias", &Resolver{SRV: "_w._tcp.test."}, dnstest.Fault{}, 15 * s, false},
		{"SRV is the smallest", &Resolver{SRV: "_s._tcp.test."}, dnstest.Fault{}, 40 * s, false},
		{"SRV, targets kept", &Resolver{SRV: "_u._tcp.test.", KeepTargets: true}, dnstest.Fault{}, 40 * s, false},
		{"no such name", &Resolver{Name: "nobody.test.:80"}, dnstest.Fault{}, 60 * s, true},
		{"no such records", &Resolver{Name: "quick.test.:80", Network: "ip6"}, dnstest.Fault{}, 60 * s, true},
		{"no such SRV record", &Resolver{SRV: "_x._tcp.test."}, dnstest.Fault{}, 60 * s, true},
		{"failed", &Resolver{Name: "users.test.:80"}, dnstest.Fault{RCode: 2}, noTTL, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server.SetFault(func(dnstest.Question) dnstest.Fault { return test.fault })
			settings := test.resolver.settings()
			settings.server = server.Addr()
			a, err := settings.look(t.Context())
			if (err != nil) != test.fails || a.ttl != test.want {
				t.Errorf("look() = TTL %v, %v, want %v, failed %v", a.ttl, err, test.want, test.fails)
			}
		})
	}
}
