package sim

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/limit"
	"github.com/rota-go/rota/internal/report"
)

// world is one run: everything that there is, and its time. It belongs to one goroutine.
type world struct {
	engine
	e    *Experiment
	v    *Variant
	seed uint64
	load float64 // of the step that it is in

	services []*service
	sources  []*source
	wire     *rand.Rand // delays
	pcg      rand.PCG   // for what belongs to one request, seeded anew each time
	rand     *rand.Rand // over pcg
	callers  uint64     // how many there are

	open     int // users' requests under way that count
	requests uint64
	spare    []*request // that nobody uses; made is how many there are in all
	made     int
	probes   []*probe
	users    []*user

	records
}

const defaultTimeout = 5 * time.Second

// service is the replicas of one service.
type service struct {
	*Service
	w       *world
	id      int
	server  Server // as the variant has it
	servers []*server
	byAddr  map[string]*server
	set     []rota.Instance
	callers []*caller
	machine *machine
}

// group is a group of clients.
type group struct {
	*Client
	to     *service
	rate   float64   // users' requests a second at load 1
	keys   *zipf     // nil = none
	shares []float64 // of the clients
}

// calling is how somebody calls.
type calling struct {
	policy *config.Policy
	own    func() rota.Balancer // instead of the policy's; nil = that
	zone   string
	host   *server // on which it does; nil = a client
}

// balancer returns a balancer for one Cluster.
func (p *calling) balancer() rota.Balancer {
	if p.own == nil {
		return p.policy.NewBalancerIn(p.zone)
	}
	b := p.own()
	if p.policy.Zone == nil {
		return b
	}
	params := *p.policy.Zone
	params.Zone = cmp.Or(params.Zone, p.zone)
	return rota.PreferZone(params, b)
}

// newWorld builds the world of a variant.
func newWorld(e *Experiment, v *Variant, seed uint64) *world {
	w := &world{e: e, v: v, seed: seed}
	w.rand = rand.New(&w.pcg)
	w.wire = w.stream("network", 0)
	for i := range e.Services {
		w.services = append(w.services, w.newService(i))
	}
	for _, s := range w.services {
		s.open()
	}
	for _, g := range w.groups() {
		for i := range g.Count {
			w.newSource(g, i)
		}
	}
	return w
}

// stream returns the randomness of one actor, which depends only on the seed and its name: so every policy meets the same
// arrivals, work and capacities.
func (w *world) stream(name string, index int) *rand.Rand { return rand.New(w.streamOf(name, index)) }

func (w *world) streamOf(name string, index int) *rand.PCG {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", name, index)
	return rand.NewPCG(w.seed, h.Sum64())
}

// random returns what a request draws for one purpose. It is valid until the next call.
func (w *world) random(seed uint64, purpose, number int) *rand.Rand {
	w.pcg.Seed(seed, uint64(purpose)<<32|uint64(number))
	return w.rand
}

// What a request draws.
const (
	drawWork = iota
	drawAttempt
	drawWait
	drawFailure
	drawRetryAfter
	drawBelow
	drawKey
)

func (w *world) chance(r *request, purpose int, p float64) bool {
	return p >= 1 || w.random(r.seed, purpose, r.number).Float64() < p
}

// workOf is what a request costs on a server.
func (w *world) workOf(s *server, r *request) time.Duration {
	work := float64(r.base)
	if d := s.of.server.PerAttempt; d != nil {
		work += float64(d.draw(w.random(r.seed, drawAttempt, r.number)))
	}
	return max(time.Duration(work*s.work), 1)
}

// delay is how long a message travels one way.
func (w *world) delay() time.Duration {
	n := &w.e.Network
	d := n.Delay.draw(w.wire)
	for n.Loss > 0 && w.wire.Float64() < n.Loss {
		d += n.Retransmit
	}
	return d
}

// retryAfter is what rotahttp's Gate says to those it refuses.
func (w *world) retryAfter(l *limit.Limiter, r *request) time.Duration {
	if l == nil {
		return time.Second
	}
	return l.RetryAfter(w.now, w.random(r.seed, drawRetryAfter, r.number).Float64())
}

func (w *world) newService(i int) *service {
	s := &service{Service: &w.e.Services[i], w: w, id: i, byAddr: map[string]*server{}}
	s.server = s.Service.Server
	if v, ok := w.v.Servers[s.Name]; ok {
		s.server = v
	}
	for k := range s.Replicas {
		x := &server{w: w, of: s, index: k, work: 1, promised: s.server.Cores, report: new(report.Estimator), inst: rota.Instance{Addr: fmt.Sprintf("%s-%d", s.Name, k)}}
		x.finish.who = x
		x.waiting.which = inQueue
		x.condition = well
		if g := s.group(k); g != nil {
			x.work, x.inst.Weight, x.inst.Priority = g.Work, g.Weight, g.Priority
			x.promised = cmp.Or(g.Cores, x.promised)
		}
		if len(s.Zones) > 0 {
			x.inst.Zone = s.Zones[k%len(s.Zones)]
		}
		x.limiter = s.limiter()
		s.servers = append(s.servers, x)
		s.byAddr[x.inst.Addr] = x
	}
	s.list()
	s.machine = s.newMachine()
	for _, x := range s.servers {
		x.tune()
	}
	return s
}

// group returns what is special about replica k; nil if nothing is.
func (s *service) group(k int) *Group {
	from := 0
	for i := range s.Groups {
		g := &s.Groups[i]
		n := g.Count
		if n == 0 {
			n = int(g.Share*float64(s.Replicas) + 0.5)
		}
		if k < from+n {
			return g
		}
		from += n
	}
	return nil
}

// rate is how many requests a second the service can do, with the servers that every variant has that says nothing of
// them: all shall meet the same arrivals.
func (s *service) rate() float64 {
	sum := 0.0
	for k, x := range s.servers {
		cores := s.Server.Cores
		if g := s.group(k); g != nil && g.Cores > 0 {
			cores = g.Cores
		}
		sum += cores / x.work
	}
	return sum / s.Server.costs() * float64(time.Second)
}

// costs is what a request costs on average, in nanoseconds of one core.
func (s *Server) costs() float64 { return s.Work.mean() + s.PerAttempt.mean() }

func (s *service) limiter() *limit.Limiter {
	l := s.server.Limit
	if l == nil {
		return nil
	}
	return limit.New(limit.Config{Max: l.Max, Min: l.Min, Queue: l.Queue, Algorithm: limit.Algorithm(l.Algorithm), Discipline: limit.Discipline(l.Discipline)})
}

func (s *service) serverOf(addr string) *server { return s.byAddr[addr] }

// list makes the set of instances anew; nobody changes it afterwards.
func (s *service) list() {
	s.set = nil
	for _, x := range s.servers {
		if !x.away {
			s.set = append(s.set, x.inst)
		}
	}
}

// changed tells all callers of a new set.
func (s *service) changed() {
	s.list()
	for _, c := range s.callers {
		c.update()
	}
}

// open lets the replicas call what they call.
func (s *service) open() {
	for _, x := range s.servers {
		for i := range s.Calls {
			p := &calling{&s.w.v.Policy, s.w.v.NewBalancer, x.inst.Zone, x}
			if own, ok := s.w.v.Calls[s.Name]; ok {
				p.policy, p.own = &own, nil
			}
			c := s.w.newCaller(x.inst.Addr, s.w.service(s.Calls[i].Service), p)
			c.bare = s.Bare
			x.callers = append(x.callers, c)
		}
	}
}

func (w *world) service(name string) *service {
	i := slices.IndexFunc(w.services, func(s *service) bool { return s.Name == name })
	return w.services[max(i, 0)]
}

// groups works out the rates of the groups of clients.
func (w *world) groups() []*group {
	var list []*group
	for i := range w.e.Clients {
		c := &w.e.Clients[i]
		g := &group{Client: c, to: w.service(c.Service), rate: c.Rate, shares: skewed(c.Skew, c.Count)}
		if c.Rate == 0 {
			g.rate = g.to.rate() * c.Share / float64(c.Fanout)
		}
		if c.Keys > 0 {
			g.keys = newZipf(c.Keys, c.KeySkew)
		}
		list = append(list, g)
	}
	return list
}

// newSource adds client i of a group.
func (w *world) newSource(g *group, i int) {
	name := fmt.Sprintf("%s-%d", g.Name, i)
	s := &source{w: w, group: g, rand: w.stream("users of "+g.Name, i), share: g.shares[i]}
	s.caller = w.newCaller(name, g.to, &calling{&w.v.Policy, w.v.NewBalancer, g.Zone, nil})
	s.caller.once = g.Once
	if g.keys != nil {
		r := w.stream("keys of "+g.Name, i)
		s.caller.keys = func() uint64 { return g.keys.draw(r) }
	}
	s.arrival.who = s
	w.sources = append(w.sources, s)
}
