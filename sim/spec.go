package sim

import (
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// Experiment is what a file says: a world, the loads it is put under, and the policies that are compared in it. In a file
// the fields have their names in lower case with underscores (PerAttempt is per_attempt), durations are strings such as
// "1.5s", and what is left out has the default that the field's comment gives.
type Experiment struct {
	Name  string // required; results are NAME.json and NAME.html
	About string // what it shows, in a sentence or two
	Seed  uint64 // of the first run; default 1
	Seeds int    // how many runs with different seeds; results are medians over them. Default 1

	Warmup  time.Duration // before anything is counted, under the load of the first step; default 0
	Measure time.Duration // of a step that does not say how long it is; default 120 s
	Loads   []float64     // each is a run of its own with one step; default 1, unless there are Steps
	Steps   []Step        // one after the other in one run, each with its own results

	Network  Network
	Services []Service // at least one
	Clients  []Client  // at least one
	Faults   []Fault

	// Policy is what every one of Policies begins with: their own blocks are laid over it, key by key.
	Policy   config.Policy
	Policies []Variant // at least one

	Published []Published
	Lists     []string // of columns, for the table; default: what fits the experiment
}

// Step is a time with one load.
type Step struct {
	Name string        // default "step 1", "step 2" and so on
	For  time.Duration // default Measure
	Load float64       // see Client; default 1
}

// Variant is one of the policies that are compared. In a file the name of a balancer alone is a variant that is called so,
// with that balancer.
type Variant struct {
	Name   string        // in tables and JSON
	Policy config.Policy // of the clients
	// NewBalancer returns the balancer for one Cluster, instead of Policy.Balancer: one that has no name in files. It is
	// called for every client, and for the callers of services that Calls does not name, by several goroutines at a time
	// when runs are. nil = Policy.Balancer.
	NewBalancer func() rota.Balancer
	// Calls are the policies of the calls that replicas of a service make; default: that of the clients, and in a file
	// they are laid over it.
	Calls map[string]config.Policy
	// Servers changes the servers of a service for this variant; what is left out stays.
	Servers map[string]Server
	// Only says at which loads it runs; default all.
	Only []float64
}

// Network is what lies between a caller and a replica; a probe takes the same way.
type Network struct {
	Delay      *Dist         // one way; default 0.1 ms + exponential 0.05 ms
	Loss       float64       // share of messages that are lost, and sent again after Retransmit
	Retransmit time.Duration // default 200 ms
	// ProbeTimeout is how long the answer to a probe is waited for; default 100 ms.
	ProbeTimeout time.Duration
}

// Service is replicas that do the same.
type Service struct {
	Name     string
	Replicas int // default 1
	Server   Server
	Groups   []Group // of replicas that are different; the others are as Server says
	// Calls are made for every request, after its own work, one entry after the other.
	Calls []Downstream
	// Bare says that its servers know nothing of rota's headers: they report no load, drop no request whose time is up,
	// and make repeated calls for repeated requests.
	Bare  bool
	Zones []string // of replica i: Zones[i mod len]
}

// Server is how a replica works.
type Server struct {
	// Workers is how many requests are worked on at a time; others wait. 0 = all of them, sharing the cores.
	Workers int
	Cores   float64 // what the replica was promised, and gets unless Capacity says otherwise; default 1, or Workers
	// Order is in which order those that wait are taken: "fifo" (the default) or "lifo".
	Order    string
	Queue    int // how many may wait; 0 = any number
	Capacity *Capacity
	// Work is what a request costs, in time of one core; it belongs to the request, and is the same wherever and however
	// often it is tried.
	Work *Dist
	// PerAttempt is added to it, drawn anew for every attempt: what belongs to the replica and the moment.
	PerAttempt *Dist
	// Wait is what a request waits for before its work, without a core: a disk, a pause, somebody else; drawn for every
	// attempt. It has its worker meanwhile.
	Wait *Dist
	// Zombie says that a request is worked off although its caller has left. Otherwise it is dropped.
	Zombie bool
	// DropLate says that a request is not begun whose deadline has passed while it waited.
	DropLate bool
	// Limit is the server half's limit of requests at once; nil = none.
	Limit     *Limit
	ProbeWork time.Duration // what a probe costs
}

// Limit is rotahttp.Limit.
type Limit struct {
	Max, Min, Queue int
	Algorithm       string
	Discipline      string
}

// Capacity is what the machine leaves to a replica, as a share of its cores: others live there too. Replica k of n has the
// quantile (k+1/2)/n of the strata, so that the mix is exact at every moment; at random times two replicas swap.
type Capacity struct {
	Strata []Stratum
	Dwell  time.Duration // the mean time between changes of one replica; 0 = no changes
}

// Stratum is a share of the replicas, evenly spread between two capacities.
type Stratum struct {
	Share    float64
	From, To float64
}

// Group is replicas of a service that differ from the others.
type Group struct {
	Share float64 // of the replicas; or
	Count int
	Work  float64 // a request's work is so many times as long there; default 1
	Cores float64 // default Server.Cores
	// Weight of the instances; default 1.
	Weight   int
	Priority int
}

// Downstream is calls that a replica makes for a request.
type Downstream struct {
	Service string
	Count   int // at the same time, to be answered all; default 1
}

// Client is a group of callers, each with a Cluster of its own.
type Client struct {
	Name    string  // default "clients 1", "clients 2" and so on
	Count   int     // default 1
	Service string  // that they call; default the first
	Rate    float64 // calls a second of the whole group at load 1
	// Share is used without a Rate: then the group's rate at load 1 is so much of what the service can do with all its
	// cores. Default: what other groups leave of 1, evenly.
	Share float64
	// Skew is how unequal they are: client i's rate is proportional to 1/(i+1)^Skew. 0 = all the same.
	Skew     float64
	Arrivals string        // "poisson" (the default) or "even"
	Timeout  time.Duration // the callers' deadline; default 5 s
	Fanout   int           // calls a user's request makes at once, to be answered all; default 1
	Once     bool          // the calls may not be repeated
	// Keys is how many different keys calls have, at most ten million; 0 = none. Key i is drawn with a probability
	// proportional to 1/(i+1)^KeySkew (Zipf's law): 0 = all are the same, 1 = as words in a language.
	Keys    int
	KeySkew float64
	Zone    string // for policies that prefer a zone
}

// Fault is something that happens to replicas.
type Fault struct {
	At      time.Duration // after the warm-up
	For     time.Duration // 0 = to the end
	Service string        // default the first
	// Replicas is which, by index; otherwise Count or Share of them, drawn at random; default one. With Every, Count is
	// also how many of Replicas at a time, by default one. Faults of one replica add up.
	Replicas []int
	Count    int
	Share    float64
	// Every says that the fault moves on: after so long it happens to the next ones, until all have had it, Count at a time.
	Every time.Duration
	// Kind is one of
	//
	//	down       connections are refused, what was under way is lost
	//	restart    the same, and afterwards it is Cold
	//	leave      the same, and it is out of the set meanwhile; it comes back under another address
	//	pause      the process is stopped: requests wait, and are worked off afterwards
	//	blackhole  nothing that is sent to it arrives
	//	slow       work takes Factor times as long
	//	capacity   it has Factor of its cores
	//	errors     the share Rate of requests fails, After some time, without work
	//	overload   the same, as a refusal with Retry-After 1 s
	Kind   string
	Factor float64
	Rate   float64 // default 1
	After  time.Duration
	// Cold is how much longer work takes after a restart, for ColdFor.
	Cold    float64
	ColdFor time.Duration
	// Drain is how long before it stops a replica tells that it will.
	Drain time.Duration
}

// Published is a result that somebody else has published, to be printed beside ours.
type Published struct {
	Policy string
	Load   float64
	Step   string
	Metric string  // such as latency_ms.p99
	Value  float64 // negative = the caller's timeout
	Fitted bool    // the world was fitted to it; otherwise it is a prediction
	// Within is the most by which ours may differ, as a share; 0 = nothing is promised. A miss is marked in the table.
	Within float64
}
