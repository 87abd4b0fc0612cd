package sim

// Report is what an experiment comes to. Its JSON is the same, byte for byte, for the same file and seed.
type Report struct {
	Experiment string `json:"experiment"`
	About      string `json:"about,omitempty"`
	Seed       uint64 `json:"seed"`
	Seeds      int    `json:"seeds"`
	Runs       []Row  `json:"runs"`
}

// Row is the results of one policy in one step. Numbers are medians over the seeds.
type Row struct {
	Policy string  `json:"policy"`
	Load   float64 `json:"load"`
	Step   string  `json:"step,omitempty"`

	// Latency of calls, from the request of the user to the answer. A call that fails counts as one that took its whole
	// timeout.
	Latency Latency `json:"latency_ms"`
	// Answered is the latency of the calls that were answered.
	Answered Latency `json:"answered_ms"`
	RIF      RIF     `json:"rif"`

	Calls           float64            `json:"calls"`
	Errors          float64            `json:"errors"`
	ErrorsBy        map[string]float64 `json:"errors_by,omitempty"`
	AttemptsPerCall float64            `json:"attempts_per_call"`
	Retries         float64            `json:"retries"`
	Hedges          float64            `json:"hedges"`
	ProbesPerCall   float64            `json:"probes_per_call"`
	// Offered and Goodput are calls begun, and calls answered in time, a second.
	Offered float64 `json:"offered"`
	Goodput float64 `json:"goodput"`
	// Imbalance is the attempts of the busiest replica of the clients' service beside the mean.
	Imbalance float64 `json:"imbalance"`
	Ejections float64 `json:"ejections"`
	// FalseEjections are those of replicas that had no fault.
	FalseEjections float64 `json:"false_ejections"`
	// Services is what the replicas of each service had to do.
	Services []ServiceRun `json:"services"`

	// Of runs with faults, seconds:
	// Recovery is how long after the end of the last fault goodput is back at 95 % of what is offered, for good; -1 = never.
	Recovery *float64 `json:"recovery_s,omitempty"`
	// Shed is how long after the beginning of the first fault the faulty replicas get less than a tenth of their share; -1 = never.
	Shed *float64 `json:"shed_s,omitempty"`

	// Spread is, over the seeds, the 95 % confidence interval of the median of p99, in ms.
	Spread *[2]float64 `json:"p99_interval_ms,omitempty"`

	Paper []Comparison `json:"paper,omitempty"`

	// For plots, of the first seed.
	Histogram []Bin     `json:"latency_histogram,omitempty"`
	RIFShares []float64 `json:"rif_shares,omitempty"` // of the time, with 0, 1, 2 … requests in flight on a replica
	Series    *Series   `json:"series,omitempty"`
}

// Latency is in milliseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// RIF is the requests in flight on a replica of the clients' service, over time.
type RIF struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// ServiceRun is what the replicas of one service had to do.
type ServiceRun struct {
	Name            string  `json:"name"`
	Attempts        float64 `json:"attempts"`
	AttemptsPerCall float64 `json:"attempts_per_call"` // of the users
	Utilization     float64 `json:"utilization"`       // of the cores promised, mean
	UtilizationLow  float64 `json:"utilization_low"`   // of the replica with the least
	UtilizationHigh float64 `json:"utilization_high"`  // and of the one with the most
	Refused         float64 `json:"refused"`           // by limits and full queues
	Dropped         float64 `json:"dropped"`           // because their time was up
	Wasted          float64 `json:"wasted"`            // worked off for nobody
}

// Comparison is a published result beside ours.
type Comparison struct {
	Metric string  `json:"metric"`
	Paper  float64 `json:"paper"`
	Ours   float64 `json:"ours"`
	Ratio  float64 `json:"ratio"` // ours / paper
	Fitted bool    `json:"fitted"`
	Within float64 `json:"within,omitempty"`
	Missed bool    `json:"missed,omitempty"` // Ratio is further from 1 than Within
}

// Bin is a bar of a histogram: how many values were at most so many milliseconds, and more than the bin before.
type Bin struct {
	Upto  float64 `json:"upto"`
	Count int64   `json:"count"`
}

// Series is what happened second by second.
type Series struct {
	Every   float64    `json:"every_s"` // between two points
	Offered []float64  `json:"offered"` // calls a second
	Goodput []float64  `json:"goodput"`
	Errors  []float64  `json:"errors"`
	Sent    []float64  `json:"attempts"`
	P99     []float64  `json:"p99_ms"`
	Victims []float64  `json:"victims,omitempty"` // share of attempts at faulty replicas
	Load    []Replicas `json:"replicas,omitempty"`
}

// Replicas is the load of some replicas over time, for a plot.
type Replicas struct {
	Name string    `json:"name"`
	RIF  []float64 `json:"rif"`
}
