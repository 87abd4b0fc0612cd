// Package dnstest provides a DNS server on a loopback port, for tests of what asks DNS. It answers A, AAAA and SRV, follows
// CNAMEs within its zone, and misbehaves on demand: late, silent, refusing, cut short or with bytes of the test's choice.
//
//	server, err := dnstest.Start()
//	…
//	defer server.Close()
//	err = server.SetZone(`
//		users.test            30 A     10.0.0.1
//		users.test            30 AAAA  fd00::1
//		www.users.test        60 CNAME users.test
//		_http._tcp.users.test 30 SRV   10 5 8080 a.users.test`)
package dnstest
