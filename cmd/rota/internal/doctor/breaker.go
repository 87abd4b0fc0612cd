package doctor

import (
	"fmt"
	"math"
	"time"
)

const (
	slowOpening = 10 * time.Minute // a breaker that needs longer is none
	slowFinding = 30 * time.Second
	quickTrial  = 100 * time.Millisecond
)

// opens is how long a replica that fails all of its calls at the given rate stays in use; reachable says whether the share
// of failures can count at all.
func (v view) opens() (after float64, reachable bool) {
	rate := v.perReplica()
	after, reachable = float64(v.failures)/rate, rate*span.Seconds() >= float64(v.volume)
	if reachable {
		after = min(after, v.share*span.Seconds())
	}
	return after, reachable
}

func breakerNeverOpens(v view) (found, bool) {
	if v.Policy().Breaker == nil || v.perReplica() == 0 {
		return found{}, false
	}
	after, reachable := v.opens()
	if reachable || seconds(after) <= slowOpening || v.Check != nil {
		return found{}, false
	}
	return found{
		"policy.breaker.failures",
		fmt.Sprintf("A replica never gets volume = %d calls in 10 s, so that only failures = %d in a row open the breaker.", v.volume, v.failures),
		fmt.Sprintf("%s calls a second for each replica: a dead one stays in use for %v", decimal(v.perReplica()), seconds(after)),
		"failures: 5; where calls are so few, check: {path: /readyz} finds it sooner",
	}, true
}

func breakerVolume(v view) (found, bool) {
	if v.Policy().Breaker == nil || v.perReplica() == 0 {
		return found{}, false
	}
	after, reachable := v.opens()
	if reachable || seconds(after) > slowOpening && v.Check == nil {
		return found{}, false
	}
	calls := v.perReplica() * span.Seconds()
	return found{
		"policy.breaker.volume",
		"Ratio never counts, and replicas are never compared with each other: one that fails every second call stays in use.",
		fmt.Sprintf("%s calls a replica in 10 s, of the %d that are wanted", decimal(calls), v.volume),
		fmt.Sprintf("volume: %d", max(int(calls/2), 4)),
	}, true
}

func breakerRatio(v view) (found, bool) {
	if v.Policy().Breaker == nil || v.share <= 0.9 {
		return found{}, false
	}
	return found{
		"policy.breaker.ratio",
		"A replica that answers now and then has neither that share of failures nor many in a row.",
		fmt.Sprintf("one that fails %s of its calls stays in use", percent(v.share-0.01)), "ratio: 0.5",
	}, true
}

func breakerHairTrigger(v view) (found, bool) {
	if v.Policy().Breaker == nil {
		return found{}, false
	}
	field, fix := "policy.breaker.failures", "failures: 5"
	if v.failures > 1 {
		if math.Ceil(v.share*float64(v.volume)) > 1 {
			return found{}, false
		}
		field, fix = "policy.breaker.ratio", "ratio: 0.5, volume: 20"
	}
	return found{
		field, "What fails once in a while everywhere, such as a connection that was just closed, takes a replica out of use.",
		fmt.Sprintf("opens after 1 failure, for %v", v.open), fix,
	}, true
}

func breakerOpenLong(v view) (found, bool) {
	back := v.open
	if v.Check != nil {
		_, well := checkTimes(v)
		back = min(back, well)
	}
	if v.Policy().Breaker == nil || back < slowFinding {
		return found{}, false
	}
	return found{
		"policy.breaker.open",
		"A replica that is well again gets no call before the first trial. The breaker is the replica's, not the service's: one trial costs one retry.",
		fmt.Sprintf("out for %v after it is well", back), "open: 1s; who fails again waits longer by itself",
	}, true
}

func breakerOpenShort(v view) (found, bool) {
	if v.Policy().Breaker == nil || v.open >= quickTrial {
		return found{}, false
	}
	return found{
		"policy.breaker.open",
		"Each trial of a dead replica is the first attempt of a call, and its retry is paid from the budget.",
		fmt.Sprintf("up to %s trials a second of each dead replica", decimal(1/v.open.Seconds())), "open: 1s",
	}, true
}

func slowStartLong(v view) (found, bool) {
	if v.Policy().Breaker == nil || v.slowStart < slowFinding || v.slowStart <= 10*v.open {
		return found{}, false
	}
	// From a tenth on, with time: a hundredth, and the half of the rest.
	lost := time.Duration(float64(v.slowStart) * (1 - 0.01 - (1-0.01)/2))
	return found{
		"policy.slow_start",
		fmt.Sprintf("A replica that was out for %v has less than its share for %v, and the others have the rest of it.", v.open, v.slowStart),
		fmt.Sprintf("each return costs what a replica does in %v", rounded(lost)), "slow_start: as long as a new process is slow, such as 10s",
	}, true
}
