package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/rota-go/rota/bench/load"
)

// The terms of our front's budget, and so of the target: attempts beyond the first of each call are at most a tenth of the
// calls, and ten, and one for every second.
const (
	budgetRatio     = 0.1
	budgetStart     = 10
	budgetPerSecond = 1
)

// ms is a time in JSON: milliseconds.
type ms time.Duration

func (d ms) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d)/time.Microsecond) / 1000)
}

// A result is what one run of a row came to.
type result struct {
	Calls  int `json:"calls"`
	Failed int `json:"failed"`        // from the begin of the fault to the end
	Wrong  int `json:"wrong"`         // the same
	Before int `json:"failed_before"` // or wrong, before the fault: then the row starts from something that is not well

	// Of the calls that were due during the fault. Max is of those after it as well.
	FaultCalls  int `json:"fault_calls"`
	FaultFailed int `json:"fault_failed"`
	P50         ms  `json:"p50_ms"`
	P99         ms  `json:"p99_ms"`
	Max         ms  `json:"max_ms"`

	// Attempts for each call during the fault: as our front counts them, or as they arrived at the replicas of others.
	Attempts float64 `json:"attempts_per_call"`
	Arrived  int     `json:"attempts_arrived"` // at the replicas, through all phases
	Tally    tally   `json:"counted"`          // by our front since its start
	// OverBudget is by how many attempts our front went beyond its budget since it started; negative = tokens left.
	OverBudget float64 `json:"over_budget"`

	Even      ms   `json:"even_ms"` // after the fault
	IsEven    bool `json:"is_even"`
	Recovery  ms   `json:"recovery_ms"` // after the fault, until every call succeeds
	Recovered bool `json:"recovered"`

	// Of the calls that failed during the fault.
	ErrorP99 ms      `json:"error_p99_ms"`
	Named    float64 `json:"named"` // the share whose error tells of an attempt

	// The generator's own faults. Late is by how much a call in a hundred was sent after it was due.
	Late    ms  `json:"late_p99_ms"`
	LateMax ms  `json:"late_max_ms"`
	Dropped int `json:"dropped"`

	Examples []string `json:"examples,omitempty"` // of what callers were told
}

// measure works out what a record shows.
func measure(rec *record, f front, p phases) result {
	all := rec.run.Samples
	during := load.Between(all, rec.begin, rec.end)
	later := load.Between(all, rec.begin, 1<<62)
	took, late := load.Took(during), load.Late(all)
	r := result{
		Calls: len(all), Failed: load.Count(later, load.Failed), Wrong: load.Count(later, load.Wrong),
		Before:     badBy(all, rec.begin),
		FaultCalls: len(during), FaultFailed: load.Count(during, load.Failed),
		P50: ms(load.Quantile(took, 0.5)), P99: ms(load.Quantile(took, 0.99)), Max: ms(load.Quantile(load.Took(later), 1)),
		Late: ms(load.Quantile(late, 0.99)), LateMax: ms(load.Quantile(late, 1)), Dropped: rec.run.Dropped,
		Examples: examples(all),
	}
	arrivedDuring := 0
	for _, at := range rec.spread {
		r.Arrived += len(at)
		for _, t := range at {
			if rec.begin <= t && t < rec.end {
				arrivedDuring++
			}
		}
	}
	r.Attempts = float64(arrivedDuring) / float64(max(len(during), 1))
	if f.ours {
		r.Tally = rec.tallies[2]
		r.Attempts = rec.tallies[1].minus(rec.tallies[0]).perCall()
		r.OverBudget = r.Tally.Extra - budgetRatio*r.Tally.Calls - budgetStart - budgetPerSecond*rec.age.Seconds()
	}
	even, ok := load.EvenFor(p.rate).Since(rec.spread, rec.mended, rec.mended+p.after)
	r.Even, r.IsEven = ms(even), ok
	back, ok := load.Recovered(all, rec.mended)
	r.Recovery, r.Recovered = ms(back), ok
	r.ErrorP99, r.Named = errorsOf(during)
	return r
}

// badBy counts the calls that had failed, or been answered wrong, by that time. What was under way then may have met the fault.
func badBy(all []load.Sample, t time.Duration) int {
	n := 0
	for _, s := range all {
		if s.Result != load.Right && s.Due+s.Took < t {
			n++
		}
	}
	return n
}

// errorsOf says how long calls took to fail, and which share of their errors named an attempt.
func errorsOf(during []load.Sample) (p99 ms, named float64) {
	var bad []load.Sample
	n := 0
	for _, s := range during {
		if s.Result == load.Right {
			continue
		}
		bad = append(bad, s)
		if names(s.Body) {
			n++
		}
	}
	return ms(load.Quantile(load.Took(bad), 0.99)), float64(n) / float64(max(len(bad), 1))
}

// brokenSays is what a replica answers that is told to be broken.
const brokenSays = "{}"

var countsAttempts = regexp.MustCompile(`^rota: .* after (one attempt|\d+ attempts)`)

// names reports whether an error tells of attempts: stringsvc says where they went and how they ended, the proxy how many there
// were, because the rest is nothing for strangers. A proxy passes a replica's own error on, which is that of an attempt.
func names(body string) bool {
	var told struct {
		Attempts []struct{ Replica, Outcome string }
	}
	return countsAttempts.MatchString(body) || body == brokenSays || json.Unmarshal([]byte(body), &told) == nil && len(told.Attempts) > 0 && told.Attempts[0].Replica != ""
}

// examples are the first few of what callers were told that was not right, each status once.
func examples(all []load.Sample) []string {
	var list []string
	seen := make(map[int]bool)
	for _, s := range all {
		if s.Result != load.Right && !seen[s.Status] && len(list) < 3 {
			seen[s.Status] = true
			list = append(list, fmt.Sprintf("at %.2fs, after %v: %d %.400s", s.Due.Seconds(), s.Took.Round(time.Microsecond), s.Status, s.Body))
		}
	}
	return list
}

// missed returns the targets that a result misses, in words; none = it meets them all.
func (t targets) missed(r result, ours bool) []string {
	var list []string
	miss := func(missed bool, what string) {
		if missed {
			list = append(list, what)
		}
	}
	miss(r.Before > 0, "before the fault")
	miss(r.Wrong > 0 && !t.wrong, "wrong")
	if t.allFail {
		miss(time.Duration(r.ErrorP99) > t.errorP99, "time to error")
		miss(r.FaultFailed > 0 && r.Named < 1, "attempts named")
		miss(!r.Recovered || time.Duration(r.Recovery) > t.recovery, "recovery")
	} else {
		miss(float64(r.Failed) > t.failedShare*float64(r.Calls), "failed")
		miss(time.Duration(r.P99) > t.p99, "p99")
	}
	miss(time.Duration(r.Max) > t.max, "max")
	miss(ours && r.OverBudget > 0, "attempts")
	miss(!r.IsEven || time.Duration(r.Even) > t.even, "even spread")
	return list
}
