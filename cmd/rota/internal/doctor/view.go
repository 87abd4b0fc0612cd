package doctor

import (
	"cmp"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/resolve/dns"
)

// view is a policy worked out: that of a service, or of one of its routes, with the defaults that the comments of
// rota.Policy give.
type view struct {
	*Service
	route *Route // nil = the service's own

	limit      time.Duration // of a whole call: the less of Timeout and Deadline; 0 = none
	limitField string        // which of the two it is

	retry      bool
	attempts   int           // 1 = neither retries nor hedges
	tryTimeout time.Duration // 0 = none, or derived
	split      bool          // it is derived: a second attempt after half of the time
	base, max  time.Duration
	ratio      float64 // the budget's, a call
	floor      float64 // the budget's, a second

	failures  int
	share     float64 // Breaker.Ratio
	volume    int
	open      time.Duration
	slowStart time.Duration
}

// span is how far back breakers and budgets look.
const span = 10 * time.Second

func newView(s *Service, route *Route) view {
	v := view{Service: s, route: route, attempts: 1}
	p := v.Policy()
	deadline := s.Deadline
	if route != nil && route.Deadline > 0 {
		deadline = route.Deadline
	}
	v.limit, v.limitField = p.Timeout, "policy.timeout"
	if deadline > 0 && (v.limit == 0 || deadline < v.limit) {
		v.limit, v.limitField = deadline, "deadline"
	}
	if p.Hedge != nil {
		v.attempts = 2
	}
	if r := p.Retry; r != nil {
		v.retry, v.attempts = true, cmp.Or(r.Attempts, 3)
		v.tryTimeout, v.split = max(r.TryTimeout, 0), r.TryTimeout == 0 && v.attempts > 1
		v.base, v.max = cmp.Or(r.Base, 10*time.Millisecond), cmp.Or(r.Max, 250*time.Millisecond)
	}
	v.ratio, v.floor = setting(p.Budget.Ratio, 0.1), setting(p.Budget.MinPerSecond, 1)
	if b := p.Breaker; b != nil {
		v.failures, v.share = cmp.Or(b.Failures, 5), cmp.Or(b.Ratio, 0.5)
		v.volume, v.open = cmp.Or(b.Volume, 20), cmp.Or(b.Open, time.Second)
	}
	v.slowStart = setting(p.SlowStart, time.Second)
	return v
}

// setting is v, its default when it is zero, and zero when it is negative.
func setting[T cmp.Ordered](v, def T) T {
	var zero T
	return max(cmp.Or(v, def), zero)
}

// Policy is the route's, or the service's.
func (v view) Policy() *config.Policy {
	if v.route != nil {
		return &v.route.Policy
	}
	return &v.Service.Policy
}

// path is where a field is in the file.
func (v view) path(field string) string {
	base, policy := v.Field, v.PolicyField
	if v.route != nil {
		base, policy = v.route.Field, v.route.PolicyField
	}
	if field == "policy" || strings.HasPrefix(field, "policy.") {
		return below(policy, strings.TrimPrefix(strings.TrimPrefix(field, "policy"), "."))
	}
	return below(base, field)
}

func below(base, field string) string {
	if base == "" || field == "" {
		return base + field
	}
	return base + "." + field
}

// repeats reports whether a request may be sent again: those of a service are taken to be idempotent, where no route says
// otherwise.
func (v view) repeats() bool { return v.attempts > 1 && (v.route == nil || v.route.Idempotent) }

// size is how many replicas the caller uses; 0 = unknown.
func (v view) size() int {
	n := v.Replicas
	if n == 0 {
		if set, ok := v.target().(rota.Static); ok {
			n = len(set)
		}
	}
	if s := v.Policy().Subset; s != nil && s.Size > 0 && n > 0 {
		n = min(n, s.Size)
	}
	return n
}

// perReplica is the calls a second that each replica gets; 0 = unknown.
func (v view) perReplica() float64 {
	if n := v.size(); n > 0 {
		return v.CallsPerSecond / float64(n)
	}
	return 0
}

// amplification is how many attempts there may be for a call while all fail, budget included.
func (v view) amplification() float64 {
	extra := v.ratio
	if v.generous() {
		extra = math.Inf(1)
		if v.CallsPerSecond > 0 {
			extra = v.ratio + v.floor/v.CallsPerSecond
		}
	}
	return min(float64(v.attempts), 1+extra)
}

// generous reports whether the budget's floor is more than for the first failures of a quiet client.
func (v view) generous() bool { return v.floor >= 10 }

// target is what finds the replicas; nil = not said, or not valid.
func (v view) target() rota.Resolver {
	r, err := resolve.Parse(v.Target)
	if err != nil {
		return nil
	}
	return r
}

// host is the one name that the replicas are found by; "" = there are several, or none but addresses. listed says that it
// stands in a list, and nobody looks it up but whoever dials.
func (v view) host() (name string, listed bool) {
	switch r := v.target().(type) {
	case *dns.Resolver:
		name, _, _ = net.SplitHostPort(r.Name)
	case rota.Static:
		if len(r) != 1 {
			return "", false
		}
		addr := r[0].Addr
		if _, rest, ok := strings.Cut(addr, "://"); ok {
			addr, _, _ = strings.Cut(rest, "/")
		}
		if name = addr; strings.Contains(addr, ":") {
			name, _, _ = net.SplitHostPort(addr)
		}
		listed = true
	}
	name = strings.TrimSuffix(name, ".")
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" {
		return "", false
	}
	return name, listed
}

// secured reports whether connections are encrypted.
func (v view) secured() bool {
	if v.TLS {
		return true
	}
	switch r := v.target().(type) {
	case *dns.Resolver:
		return r.Scheme == "https"
	case rota.Static:
		for _, inst := range r {
			if strings.HasPrefix(inst.Addr, "https://") {
				return true
			}
		}
	}
	return false
}
