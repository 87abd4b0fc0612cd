package dns

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/bell"
)

// Resolver finds the instances of a service in DNS. Set Name or SRV; every other field may stay zero. The fields must not
// change after the first use, and the struct must not be copied. Methods may be called concurrently, and several Clients
// may share a Resolver: each looks up for itself.
type Resolver struct {
	// Name is the host whose A and AAAA records are the instances, with their port: "users.internal:8080". The port may be
	// a service's name ("http"). A host that ends in a dot is not looked for in the search domains.
	Name string

	// SRV is the whole name of SRV records: "_http._tcp.users.internal". Their targets are looked up, and each address is an
	// instance. Instance.Priority is the record's; Instance.Weight is a hundred times the record's, shared among the
	// addresses of its target. A record of weight 0 gets 1 beside others that have a weight, and if none has, all are
	// equal (RFC 2782).
	SRV string

	// KeepTargets leaves SRV's targets as they are named, for certificates that are made out to hosts. Whoever connects
	// then looks the target up, so an outage of DNS stops new connections.
	KeepTargets bool

	// Network is "ip4" or "ip6" to want only addresses of one family, for a host that has no route to the other. The zero
	// value is both; a replica with an address of each is two instances.
	Network string

	// Scheme and Path make the address of an instance a URL: Scheme://host:port followed by Path, which begins with a
	// slash. With only a Path the scheme is "http". Without both it is host:port.
	Scheme, Path string

	// Server is the DNS server to ask, host:port or just host. The zero value asks the system's.
	Server string

	// MinInterval is the least pause between two lookups, whatever TTLs and Refresh want. Default 1 s.
	MinInterval time.Duration
	// MaxInterval is the longest pause after a good answer. Default 5 min.
	MaxInterval time.Duration

	// Timeout bounds a lookup with all its queries, of which each may take two fifths of it. Default 5 s.
	Timeout time.Duration

	// Grace is how long an address stays in the set, as vanished, after an answer without it. Make it a few TTLs if the
	// server answers with a part of the addresses in turn. Default 10 s; negative: it goes at once.
	Grace time.Duration

	// OnError is told why a lookup failed, or which part of its answer is missing, while an earlier answer stays in use;
	// nil = nobody is. (The failure of a first lookup is what Resolve returns.) It is called from Resolve and must be
	// quick.
	OnError func(error)

	bell bell.Bell
}

// Resolve implements rota.Resolver. It returns early only if a field is wrong or the first lookup fails, with the reason; a
// Client then calls it again after a pause that doubles. From the first answer on it stays until ctx ends, and calls
// update after every good answer, changed or not, so that the age of the set is the age of what is known; and once
// more when the grace of a vanished address is over. Sets are sorted by priority and address.
//
// The next lookup is due when the answer's TTL is over, and up to a tenth of it later: clients that read one cache
// would all ask at the instant at which it forgets. An answer without a TTL (of the hosts file) holds for 30 s. After a
// failed lookup the pause begins at MinInterval and doubles up to 30 s, and Refresh does not shorten it: servers in trouble
// are not asked more often because replicas are. A name that is not there any more is asked for again when its negative
// TTL is over, or after 30 s.
func (r *Resolver) Resolve(ctx context.Context, update func([]rota.Instance)) error {
	if err := r.Validate(); err != nil {
		return err
	}
	s := r.settings()
	l := loop{
		settings: s,
		look:     s.look,
		update:   update,
		onError:  r.OnError,
		bell:     &r.bell,
		random:   rand.Float64,
		members:  members{grace: s.grace, most: maxInstances},
	}
	return l.run(ctx)
}

// Refresh implements rota.Refresher: the next lookup begins at once, or MinInterval after the last one. It never blocks.
// Without a Resolve under way it does nothing: Resolve begins with a lookup.
func (r *Resolver) Refresh() { r.bell.Ring() }

var _ rota.Refresher = (*Resolver)(nil)
