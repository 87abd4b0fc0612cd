package rota

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/budget"
)

// Cluster is all nodes of one service and what was learned about them. It does no I/O, starts no goroutine and reads
// no clock: a Client drives it with real time, a simulator with its own. Methods may be called concurrently.
type Cluster struct {
	service    string
	observer   Observer
	rand       func() uint64
	probe      func(*Node) bool // nil = nobody makes probes
	concurrent bool
	epoch      time.Time // inside, time is a duration since then

	set   atomic.Pointer[nodeSet]
	rules atomic.Pointer[rules] // never nil
	plans sync.Pool
	seats int           // of plans, in every route's cells
	dealt atomic.Uint32 // seats

	routing sync.Mutex // serialises changes of routes
	routes  atomic.Pointer[[]*Route]

	budget *budget.Budget
	shared *SharedBudget // nil = the budget is its own
	calm   atomic.Int64  // no hedges until then
	calls  callCounts

	health    health
	warmUntil atomic.Int64 // the end of the last slow start
	sweeping  sync.Mutex   // held by whoever sweeps
	nextSweep atomic.Int64
	overdraft atomic.Int64 // when the next trial may go unpaid
	panicking atomic.Bool  // what the observer was told
	trouble   func()       // is told when a replica seems to be gone; not nil

	mu       sync.Mutex // serialises updates
	balancer Balancer
	nodes    map[string]*Node // of the set, and drained ones
	updated  atomic.Int64     // when the last update that was not kept came; 0 = none yet
}

// ClusterParams are a Cluster's settings.
type ClusterParams struct {
	Service  string
	Policy   Policy   // must be valid
	Balancer Balancer // nil = Echo(EchoParams{})
	Observer Observer
	Rand     func() uint64 // must be safe for concurrent use if the Cluster is used so
	Now      time.Time     // the start; no later time may be before it
	// Probe asks for a probe of a node; nil = nobody makes probes. It must not block and must not call the Cluster. It
	// reports whether there will be one, whose answer is then for Cluster.Probed.
	Probe func(*Node) bool
	// SharedBudget replaces the policy's Budget; nil = there is none.
	SharedBudget *SharedBudget
	// Concurrent says that many goroutines make calls. A balancer may then deal with what they do at the same instant
	// out of order. Without it, the same calls with the same Rand make the same choices.
	Concurrent bool
}

// nodeSet is what calls read. It never changes; an update makes a new one.
type nodeSet struct {
	nodes []*Node // the best priority first, otherwise in the order in which discovery gave them
	tiers []tier
	idle  []*Node // drained: nobody chooses among them
}

// tier is the nodes of one priority.
type tier struct {
	priority int
	nodes    []*Node
	picker   Picker
	learner  Learner // the picker, if it is one
	prober   Prober  // the same
	keeper   keeper  // the same
}

func newTier(nodes []*Node, picker Picker) tier {
	t := tier{priority: nodes[0].Instance().Priority, nodes: nodes, picker: picker}
	t.learner, _ = picker.(Learner)
	t.prober, _ = picker.(Prober)
	t.keeper, _ = picker.(keeper)
	return t
}

// callCounts count what happens seldom.
type callCounts struct {
	failed, overloaded, ignored atomic.Uint64
	retries, hedges             atomic.Uint64
	unplaced                    atomic.Uint64 // calls for which no attempt could be made
	throttled                   atomic.Uint64 // calls whose first attempt was not sent
}

// NewCluster returns a Cluster without nodes.
func NewCluster(p ClusterParams) *Cluster {
	if p.Balancer == nil {
		p.Balancer = Echo(EchoParams{})
	}
	cl := &Cluster{
		service: p.Service, balancer: p.Balancer, observer: p.Observer, rand: p.Rand,
		probe: p.Probe, concurrent: p.Concurrent, trouble: func() {}, epoch: p.Now, seats: 1, nodes: map[string]*Node{},
	}
	if p.Concurrent {
		cl.seats = runtime.GOMAXPROCS(0)
	}
	cl.budget = new(budget.Budget)
	if s := p.SharedBudget; s != nil {
		cl.budget, cl.shared = &s.spent, s
	}
	cl.rules.Store(cl.rulesOf(&p.Policy, nil))
	cl.routes.Store(&[]*Route{cl.newRoute("")})
	cl.plans.New = func() any {
		p := &Plan{cl: cl, seat: int(cl.dealt.Add(1)-1) % cl.seats}
		p.pick.plan = p
		return p
	}
	if p.SharedBudget != nil {
		p.SharedBudget.join(cl) // last: others look at what joins
	}
	return cl
}

// Ready reports whether there was an update yet.
func (cl *Cluster) Ready() bool { return cl.set.Load() != nil }

// Nodes returns the nodes of the current set, the best priority first and otherwise in the order in which discovery gave
// them. The slice is the caller's.
func (cl *Cluster) Nodes() []*Node {
	return append([]*Node(nil), cl.list()...)
}

func (cl *Cluster) since(t time.Time) time.Duration { return max(t.Sub(cl.epoch), 0) }

// terms returns the rules that hold now. A call keeps those with which it began.
func (cl *Cluster) terms() *rules { return cl.rules.Load() }

// rulesOf works a policy out. What the throttle has counted under the rules before stays.
func (cl *Cluster) rulesOf(p *Policy, before *rules) *rules {
	r := p.rules()
	if s := cl.shared; s != nil {
		r.budget.ratio, r.budget.floor = s.terms.tokens()
	}
	if r.throttle = newThrottle(p.Throttle, cl.seats); r.throttle != nil && before != nil && before.throttle != nil {
		r.throttle.cells = before.throttle.cells
	}
	return &r
}
