// Package dns provides a rota.Resolver that asks DNS: for the A and AAAA records of a host, or for SRV records.
//
//	rota.New(rota.Config{Service: "users", Resolver: &dns.Resolver{Name: "users.internal:8080"}})
//
// Lookups are those of package net, in Go (its "netdns=go"), with the system's servers, search domains and hosts file and
// the fall-back to TCP. What net does not tell, how long an answer may be kept, is read off its connections: the smallest
// TTL of the answer and of the aliases that led to it sets the time of the next lookup.
//
// A Resolver takes away only what is certainly gone. A lookup that fails, or finds nothing any more, leaves the last answer in
// use for as long as it takes. An address that is missing from a good answer stays for a while, marked as vanished, because
// servers with many addresses answer with some of them in turn. An answer of which a part is missing (no word about
// AAAA records, a target of SRV that could not be looked up) adds, and removes nothing.
//
// # Kubernetes
//
// Name a headless service, in full and with a dot at the end: "users.prod.svc.cluster.local.:8080". A service with a cluster IP
// is one address, behind which rota sees nobody. Without the dot each lookup first tries the search domains of the pod.
package dns
