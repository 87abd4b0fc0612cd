package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/rota-go/rota/internal/tree"
)

func invalid(v view) (found, bool) {
	err := v.Policy().Validate()
	if err == nil {
		return found{}, false
	}
	// As in "rota: Retry.Attempts = -1, want 1 to 8".
	text := err.Error()
	if _, after, ok := strings.Cut(text, ": "); ok {
		text = after
	}
	name, rest, _ := strings.Cut(text, " = ")
	got, want, _ := strings.Cut(rest, ", want ")
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = tree.Key(parts[i])
	}
	return found{
		"policy." + strings.Join(parts, "."), "No client takes this policy: " + text + ".", got, "write " + want,
	}, true
}

func unboundedCall(v view) (found, bool) {
	if v.limit > 0 || v.tryTimeout > 0 {
		return found{}, false
	}
	return found{
		"policy.timeout",
		"Only the caller's own deadline ends a call, and without one nothing does: a replica that hangs keeps the call, and no second attempt is made beside it.",
		"no limit", "timeout: what a caller waits for, such as four times the 99th percentile",
	}, true
}

const shortest = time.Millisecond

func timeTooShort(v view) (found, bool) {
	times := []struct {
		field string
		t     time.Duration
	}{{v.limitField, v.limit}, {"policy.retry.try_timeout", v.tryTimeout}}
	if h := v.Policy().Hedge; h != nil {
		times = append(times, struct {
			field string
			t     time.Duration
		}{"policy.hedge.delay", h.Delay})
	}
	for _, x := range times {
		if x.t > 0 && x.t < shortest {
			return found{
				x.field, "No replica on another machine answers in that time. A number without a unit is nanoseconds to Go.",
				x.t.String(), fmt.Sprintf("write the unit; if milliseconds were meant: %v", time.Duration(x.t.Nanoseconds())*time.Millisecond),
			}, true
		}
	}
	return found{}, false
}

func timeoutBelowLatency(v view) (found, bool) {
	switch {
	case v.limit == 0:
	case v.limit < v.Latency:
		return found{
			v.limitField, "A call is over before the median answer comes, though its replica is well.",
			fmt.Sprintf("more than half of the calls fail: they have %v, the median takes %v", v.limit, v.Latency),
			fmt.Sprintf("at least %v", 2*max(v.P99, v.Latency)),
		}, true
	case v.limit < v.P99:
		return found{
			v.limitField, "A call is over before the 99th percentile of answers comes, though its replica is well.",
			fmt.Sprintf("more than 1 call in 100 fails: they have %v, the 99th percentile takes %v", v.limit, v.P99),
			fmt.Sprintf("at least %v: then a second attempt has time as well", 2*v.P99),
		}, true
	}
	return found{}, false
}

func tryTimeoutNeverCuts(v view) (found, bool) {
	if v.tryTimeout == 0 || v.limit == 0 || v.tryTimeout < v.limit {
		return found{}, false
	}
	return found{
		"policy.retry.try_timeout",
		"The call is over before an attempt's own time is. And as there is a try timeout, no second attempt is made beside one that hangs.",
		fmt.Sprintf("%v of %v: one attempt", v.tryTimeout, v.limit),
		"leave try_timeout out: after half of the time a second attempt joins the first",
	}, true
}

func triesBeyondDeadline(v view) (found, bool) {
	all := time.Duration(v.attempts) * v.tryTimeout
	if v.limit == 0 || v.tryTimeout == 0 || v.tryTimeout >= v.limit || all <= v.limit || !v.repeats() {
		return found{}, false
	}
	whole := int(v.limit / v.tryTimeout)
	return found{
		"policy.retry.try_timeout",
		"If replicas hang, the call's time is over before all attempts have had theirs.",
		fmt.Sprintf("%d x %v = %v of %v: %s", v.attempts, v.tryTimeout, all, v.limit, many(whole, "whole attempt")),
		fmt.Sprintf("try_timeout: %v, or leave it out: then no attempt is cut, and another one joins it", shortened(v.limit/time.Duration(v.attempts))),
	}, true
}

func tryTimeoutBelowLatency(v view) (found, bool) {
	if v.tryTimeout == 0 || v.tryTimeout >= max(v.Latency, v.P99) {
		return found{}, false
	}
	share := "more than 1 attempt in 100 is"
	if v.tryTimeout < v.Latency {
		share = "more than half of the attempts are"
	}
	return found{
		"policy.retry.try_timeout",
		"Attempts are cut that would be answered, and count as failures of replicas that are well; the next attempt is cut alike.",
		fmt.Sprintf("%s cut after %v; the budget repeats %s", share, v.tryTimeout, percent(v.ratio)),
		fmt.Sprintf("at least %v, or leave it out", 2*max(v.Latency, v.P99)),
	}, true
}

func tryTimeoutEndsCall(v view) (found, bool) {
	if v.tryTimeout == 0 || v.limit <= v.tryTimeout || v.repeats() {
		return found{}, false
	}
	return found{
		"policy.retry.try_timeout",
		"When the time of the one attempt is up it may not be sent again, so the call fails with time left.",
		fmt.Sprintf("fails after %v of %v", v.tryTimeout, v.limit),
		"leave try_timeout out; where a shorter time is meant, write it as timeout",
	}, true
}

func hungReplicaEatsCall(v view) (found, bool) {
	p := v.Policy()
	if p.Retry == nil || p.Retry.TryTimeout >= 0 || p.Hedge != nil || v.limit == 0 || !v.repeats() {
		return found{}, false
	}
	number := fmt.Sprintf("%v lost", v.limit)
	if n := v.size(); n > 1 {
		number = fmt.Sprintf("1 call in %d lost after %v, until the breaker is open", n, v.limit)
	}
	return found{
		"policy.retry.try_timeout",
		"A negative try timeout bounds no attempt: a call that meets a hung replica waits for it to the end, and its other attempts are never made.",
		number, "try_timeout: 0, which makes a second attempt after half of the time, or hedge: {}",
	}, true
}

// lateFactor is how many times the 99th percentile is too late for a second attempt.
const lateFactor = 20

func lateSecondAttempt(v view) (found, bool) {
	second := v.limit / 2
	if !v.split || v.Policy().Hedge != nil || v.P99 == 0 || second <= lateFactor*v.P99 || !v.repeats() {
		return found{}, false
	}
	return found{
		v.limitField,
		"Without a hedge the second attempt is made after half of the call's time: until then, a call that meets a hung replica waits.",
		fmt.Sprintf("waits %v, where 99 answers of 100 take %v", second, v.P99),
		fmt.Sprintf("hedge: {}, or %s: %v", lastKey(v.limitField), 4*v.P99),
	}, true
}

// lastKey is the key that a path ends with.
func lastKey(path string) string { return path[strings.LastIndex(path, ".")+1:] }
