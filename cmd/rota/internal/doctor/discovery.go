package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/resolve/dns"
	"github.com/rota-go/rota/resolve/file"
)

func badTarget(v view) (found, bool) {
	if v.Target == "" {
		return found{}, false
	}
	_, err := resolve.Parse(v.Target)
	if err == nil {
		return found{}, false
	}
	return found{
		"target", "Replicas cannot be found: " + err.Error() + ".", "0 replicas", "such as dns:///users.internal:8080 or 10.0.0.1:8080,10.0.0.2:8080",
	}, true
}

func oneReplica(v view) (found, bool) {
	p := v.Policy()
	if name, listed := v.host(); v.size() != 1 || v.attempts == 1 && p.Breaker == nil || listed && name != "" || v.looksClustered() {
		return found{}, false
	}
	field := "target"
	if s := p.Subset; s != nil && s.Size == 1 {
		field = "policy.subset.size"
	}
	return found{
		field, "There is no other replica: a retry goes where it failed, after a pause, no hedge is sent, and the breaker never opens, because the last one is never taken out.",
		"1 replica: 0 others to go to, 0 may be out", "all replicas, with commas between or by dns:///",
	}, true
}

// looksClustered reports whether the one name is that of a Kubernetes service that may have a cluster IP. Who says that it
// resolves to several addresses knows better.
func (v view) looksClustered() bool {
	name, _ := v.host()
	labels := strings.Split(name, ".")
	if v.Replicas > 1 || len(labels) < 3 || labels[2] != "svc" { // of a pod, there is one label more
		return false
	}
	return !strings.Contains(labels[0], "headless")
}

// multiplexed reports whether many calls share a connection, or do if both sides can.
func (v view) multiplexed() bool {
	return v.Protocol == "http2" || v.Protocol == "h2c" || v.Protocol == "" && v.secured()
}

func nameInList(v view) (found, bool) {
	name, listed := v.host()
	if name == "" || !listed || v.looksClustered() {
		return found{}, false
	}
	return found{
		"target", "In a list a name is one replica, whatever DNS says of it: whoever dials takes one of its addresses.",
		"1 replica", "dns:///" + name + ":PORT",
	}, true
}

func clusterIP(v view) (found, bool) {
	if !v.looksClustered() || v.multiplexed() {
		return found{}, false
	}
	return found{
		"target", "If the service is not headless its name is one address, behind which no pod can be told from another: the balancer has no choice, nothing is retried elsewhere or hedged, and no breaker opens.",
		"1 address for all pods", "a service with clusterIP: None, and that name; if it is one, say so with replicas: or by its name",
	}, true
}

func clusterIPHTTP2(v view) (found, bool) {
	if !v.looksClustered() || !v.multiplexed() {
		return found{}, false
	}
	return found{
		"target", "If the service is not headless its name is one address, and all calls share one connection to it, which one pod has for as long as it lasts.",
		"1 connection: all calls of a client at 1 pod", "a service with clusterIP: None, and that name; if it is one, say so with replicas: or by its name",
	}, true
}

func searchDomains(v view) (found, bool) {
	r, ok := v.target().(*dns.Resolver)
	if !ok {
		return found{}, false
	}
	host, port, _ := strings.Cut(r.Name, ":")
	if !strings.HasSuffix(host, ".svc.cluster.local") || strings.Count(host, ".") >= ndots {
		return found{}, false
	}
	return found{
		"target", fmt.Sprintf("In a pod (ndots: %d) a name of fewer dots is looked up below each search domain first.", ndots),
		"4 names looked up for one, with the usual three search domains", host + ".:" + port,
	}, true
}

// ndots is what Kubernetes writes into a pod's resolv.conf.
const ndots = 5

// What resolve/dns does with a TTL.
const (
	minLookup = time.Second
	maxLookup = 5 * time.Minute
	grace     = 10 * time.Second
)

func ttlLong(v view) (found, bool) {
	if _, ok := v.target().(*dns.Resolver); !ok || v.TTL <= 30*time.Second {
		return found{}, false
	}
	until := min(v.TTL+v.TTL/10, maxLookup)
	return found{
		"ttl", "A name is looked up again when its TTL is over, or when replicas fail. Nothing fails when a replica joins.",
		fmt.Sprintf("a new replica gets no call for up to %v; one that is gone and was not missed stays for %v more", rounded(until), grace),
		"a TTL of 5 s to 30 s in the zone",
	}, true
}

func ttlShort(v view) (found, bool) {
	if _, ok := v.target().(*dns.Resolver); !ok || v.TTL == 0 || v.TTL >= minLookup {
		return found{}, false
	}
	return found{
		"ttl", fmt.Sprintf("A name is looked up once in %v at most, whatever its TTL.", minLookup),
		fmt.Sprintf("1 lookup a second by each client, answers up to %v old", minLookup), "a TTL of 5 s to 30 s in the zone",
	}, true
}

func h2cWithTLS(v view) (found, bool) {
	if v.Protocol != "h2c" || !v.secured() {
		return found{}, false
	}
	return found{
		"protocol", "h2c is HTTP/2 in clear text. Over TLS the two sides agree on HTTP/2 by themselves.",
		"every call fails", "protocol: http2, or an address without https and tls",
	}, true
}

func http2WithoutTLS(v view) (found, bool) {
	if _, unknown := v.target().(*file.Resolver); unknown || v.Protocol != "http2" || v.target() == nil || v.secured() {
		return found{}, false
	}
	return found{
		"protocol", "Without TLS nobody agrees on HTTP/2.",
		"every call fails or is HTTP/1.1", "protocol: h2c, or tls: true",
	}, true
}
