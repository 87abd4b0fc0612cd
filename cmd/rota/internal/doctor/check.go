package doctor

import (
	"cmp"
	"fmt"
	"time"
)

// checkInterval is the defaults of rotahttp.Check in their places.
func checkInterval(v view) time.Duration { return cmp.Or(max(v.Check.Interval, 0), 5*time.Second) }

// checkTimes is how long active checks take to find a replica dead, and well again.
func checkTimes(v view) (dead, well time.Duration) {
	every := checkInterval(v)
	return every * time.Duration(cmp.Or(max(v.Check.Failures, 0), 3)), every * time.Duration(cmp.Or(max(v.Check.Successes, 0), 1))
}

func checkWithoutBreaker(v view) (found, bool) {
	if v.Check == nil || v.Policy().Breaker != nil {
		return found{}, false
	}
	return found{
		"check", "What a check finds is told to the replica's breaker, and there is none.",
		"0 replicas taken out", "breaker: {} in the policy, or check: off",
	}, true
}

func checkTimeoutCut(v view) (found, bool) {
	if v.Check == nil || v.Check.Timeout <= checkInterval(v) {
		return found{}, false
	}
	return found{
		"check.timeout", "A check is over when the next one is due, so its timeout is cut to the interval.",
		fmt.Sprintf("%v, not %v", checkInterval(v), v.Check.Timeout), fmt.Sprintf("timeout: %v", min(time.Second, checkInterval(v))),
	}, true
}

func checkSlow(v view) (found, bool) {
	if v.Check == nil || v.Policy().Breaker == nil {
		return found{}, false
	}
	dead, _ := checkTimes(v)
	number := fmt.Sprintf("found after %v", dead)
	if v.perReplica() > 0 {
		after, _ := v.opens()
		if seconds(after) < slowFinding {
			return found{}, false
		}
		number += fmt.Sprintf(", by calls after %v", seconds(after))
	}
	if dead < slowFinding {
		return found{}, false
	}
	return found{
		"check.interval", "Interval x failures is how long a dead replica stays in use where calls are few, which is what checks are for.",
		number, "interval: 5s, failures: 3",
	}, true
}

func checkSlowerThanEjection(v view) (found, bool) {
	rate := v.perReplica()
	if v.Check == nil || v.Policy().Breaker == nil || rate*v.open.Seconds() < 1 {
		return found{}, false
	}
	dead, well := checkTimes(v)
	after, _ := v.opens()
	if dead.Seconds() <= after || well <= v.open {
		return found{}, false
	}
	return found{
		"check.interval", "Calls find a dead replica, and that it is well again, before checks do.",
		fmt.Sprintf("dead: calls %v, checks %v; well: a trial %v, checks %v", seconds(after), dead, v.open, well),
		fmt.Sprintf("interval: %v to be of use here, or check: off", max(rounded(v.open/2), 200*time.Millisecond)),
	}, true
}

func checkTooOften(v view) (found, bool) {
	if v.Check == nil || checkInterval(v) >= quickTrial {
		return found{}, false
	}
	rate := 1 / checkInterval(v).Seconds()
	return found{
		"check.interval", "Every client checks every replica, whatever calls there are.",
		fmt.Sprintf("%s checks a second at a replica with one client, %s with a hundred", decimal(rate), decimal(100*rate)), "interval: 1s or more",
	}, true
}
