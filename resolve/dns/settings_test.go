package dns_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/resolve/dns"
)

func TestValidate(t *testing.T) {
	const name = "users.test:80"
	tests := []struct {
		name     string
		resolver *dns.Resolver
		want     string // begin of the error after "dns: "; "" = none
	}{
		{"name", &dns.Resolver{Name: name}, ""},
		{"service for a port", &dns.Resolver{Name: "users.test:http"}, ""},
		{"address", &dns.Resolver{Name: "[::1]:80"}, ""},
		{"SRV", &dns.Resolver{SRV: "_http._tcp.users.test", KeepTargets: true}, ""},
		{"all set", &dns.Resolver{Name: name, Network: "ip4", Scheme: "https", Path: "/v2", Server: "10.0.0.1:53", Timeout: 1, Grace: -1, MinInterval: 1, MaxInterval: 1}, ""},
		{"only a long MinInterval", &dns.Resolver{Name: name, MinInterval: time.Hour}, ""},
		{"servers", &dns.Resolver{Name: name, Server: "10.0.0.1"}, ""},
		{"server, IPv6", &dns.Resolver{Name: name, Server: "fd00::53"}, ""},
		{"server, IPv6 in brackets", &dns.Resolver{Name: name, Server: "[fd00::53]"}, ""},
		{"nothing", &dns.Resolver{}, "neither Name nor SRV is set"},
		{"both", &dns.Resolver{Name: name, SRV: "_http._tcp.users.test"}, "both Name = "},
		{"no port", &dns.Resolver{Name: "users.test"}, `Name = "users.test", want host:port`},
		{"empty port", &dns.Resolver{Name: "users.test:"}, `Name = "users.test:", want host:port`},
		{"no host", &dns.Resolver{Name: ":80"}, `Name = ":80", want host:port`},
		{"URL", &dns.Resolver{Name: "http://users.test:80"}, `Name = "http://users.test:80", want host:port`},
		{"path", &dns.Resolver{Name: "users.test/v2:80"}, `Name = "users.test/v2:80", want host:port`},
		{"port out of range", &dns.Resolver{Name: "users.test:65536"}, `Name = "users.test:65536", want a port of 1 to 65535`},
		{"SRV with a port", &dns.Resolver{SRV: "_http._tcp.users.test:80"}, `SRV = "_http._tcp.users.test:80", want a name without a port`},
		{"targets of no SRV", &dns.Resolver{Name: name, KeepTargets: true}, "KeepTargets is set without SRV"},
		{"network", &dns.Resolver{Name: name, Network: "tcp"}, `Network = "tcp", want "ip", "ip4" or "ip6"`},
		{"server without host", &dns.Resolver{Name: name, Server: ":53"}, `Server = ":53", want host:port or host`},
		{"server with a bad port", &dns.Resolver{Name: name, Server: "10.0.0.1:dns"}, `Server = "10.0.0.1:dns", want`},
		{"server with too many colons", &dns.Resolver{Name: name, Server: "a:b:c"}, `Server = "a:b:c", want`},
		{"negative", &dns.Resolver{Name: name, Timeout: -1}, "Timeout = -1ns, want 0 (the default) or more"},
		{"intervals", &dns.Resolver{Name: name, MinInterval: 2, MaxInterval: 1}, "MaxInterval = 1ns, want at least MinInterval, 2ns"},
		{"scheme", &dns.Resolver{Name: name, Scheme: "ht tp"}, `the Scheme is "ht tp", want`},
		{"prefix", &dns.Resolver{Name: name, Path: "v2"}, `the Path is "v2", want`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.resolver.Validate()
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), "dns: "+test.want) {
				t.Errorf("Validate() = %v, want %q", err, test.want)
			}
			if err == nil {
				return
			}
			if got := test.resolver.Resolve(context.Background(), nil); got == nil || got.Error() != err.Error() {
				t.Errorf("Resolve() = %v, want %v", got, err)
			}
		})
	}
}
