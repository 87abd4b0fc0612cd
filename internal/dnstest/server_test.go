package dnstest_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota/internal/dnstest"
)

func TestServer(t *testing.T) {
	server, err := dnstest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	err = server.SetZone(`
		# a service
		users.test.      30 A     10.0.0.1
		users.test       30 AAAA  fd00::1   # of the same replica
		www.test         60 CNAME Users.test.
		_h._tcp.test     30 SRV   10 5 8080 users.test`)
	if err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, server.Addr())
	}}
	addrs, err := r.LookupHost(t.Context(), "www.test.")
	slices.Sort(addrs)
	if want := []string{"10.0.0.1", "fd00::1"}; err != nil || !slices.Equal(addrs, want) {
		t.Errorf("LookupHost() = %q, %v, want %q", addrs, err, want)
	}
	server.SetFault(func(dnstest.Question) dnstest.Fault { return dnstest.Fault{Truncated: true} })
	_, srv, err := r.LookupSRV(t.Context(), "h", "tcp", "test.")
	if err != nil || len(srv) != 1 || *srv[0] != (net.SRV{Target: "users.test.", Port: 8080, Priority: 10, Weight: 5}) {
		t.Errorf("LookupSRV() = %v, %v", srv, err)
	}
	asked := server.Asked()
	want := []dnstest.Question{{Name: "_h._tcp.test", Type: "SRV", Net: "udp"}, {Name: "_h._tcp.test", Type: "SRV", Net: "tcp"}}
	if len(asked) != 4 || !slices.Equal(asked[2:], want) {
		t.Errorf("Asked() = %+v, want two and %+v", asked, want)
	}
	if n := server.Count("www.test", "AAAA"); n != 1 {
		t.Errorf("Count() = %d, want 1", n)
	}
}

func TestSetZoneNamesTheLine(t *testing.T) {
	server, err := dnstest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for line, want := range map[string]string{
		"users.test 30":             "want name, ttl, type and data",
		"users.test A A 10.0.0.1":   "ttl: ",
		"users.test 30 A nowhere":   "ParseAddr",
		"users.test 30 SRV 1 2 a":   "want priority, weight, port and target",
		"users.test 30 SRV 1 2 x a": "invalid syntax",
		"test 30 SOA never":         "negative ttl: ",
		"users.test 30 MX 1 a":      "type MX, want",
	} {
		err := server.SetZone("# zone\n" + line)
		if err == nil || !strings.HasPrefix(err.Error(), "dnstest: line 2, ") || !strings.Contains(err.Error(), want) {
			t.Errorf("SetZone(%q) = %v, want line 2 and %q", line, err, want)
		}
	}
}
