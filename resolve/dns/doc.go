// Package dns provides a rota.Resolver that asks DNS: for the A and AAAA records of a host, or for SRV records.
//
//	rota.New(rota.Config{Service: "users", Resolver: &dns.Resolver{Name: "users.internal:8080"}})
//
// Lookups go through package net, so the system's servers, search domains, hosts file and the fall-back to TCP are what
// they are for the rest of the program. What net does not tell, how long an answer may be kept, is read off its
// connections: the smallest TTL of the answer and of the aliases that led to it sets the time of the next lookup.
//
// A Resolver errs on the side of calling: a lookup that fails, or that finds nothing any more, leaves the last answer in use
// for as long as it takes; an address that is missing from a good answer stays for a while, marked as vanished, because
// servers with many addresses answer with some of them in turn; and of an answer with a part missing (no word about
// AAAA, a target of SRV that could not be looked up) only what is there counts.
//
// # Kubernetes
//
// Name a headless service, in full and with a dot at the end: "users.prod.svc.cluster.local.:8080". A service with a cluster IP
// is one address, behind which rota sees nobody. Without the dot each lookup first tries the search domains of the pod.
package dns
