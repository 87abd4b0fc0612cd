package doctor

import (
	"fmt"
	"time"
)

func oneAttempt(v view) (found, bool) {
	p := v.Policy()
	if p.Retry == nil || v.attempts != 1 || p.Hedge != nil {
		return found{}, false
	}
	return found{
		"policy.retry.attempts",
		"The first attempt counts: nothing is ever repeated, not even what reached no replica.",
		"1 attempt, 0 retries", "attempts: 2 for one retry, or retry: off",
	}, true
}

func attemptsBeyondReplicas(v view) (found, bool) {
	n := v.size()
	if n < 2 || v.attempts <= n {
		return found{}, false
	}
	return found{
		"policy.retry.attempts",
		"When each replica was tried, further attempts go to those that failed already.",
		fmt.Sprintf("%s, %s: %d of them again where one failed", many(v.attempts, "attempt"), many(n, "replica"), v.attempts-n),
		fmt.Sprintf("attempts: %d", n),
	}, true
}

func baseAboveMax(v view) (found, bool) {
	if !v.retry || v.base <= v.max {
		return found{}, false
	}
	return found{
		"policy.retry.base", "No pause is longer than max, so that base never counts and pauses do not grow.",
		fmt.Sprintf("each pause is up to %v, base is %v", v.max, v.base), fmt.Sprintf("max: %v, or a smaller base", 8*v.base),
	}, true
}

func pausesBeyondDeadline(v view) (found, bool) {
	pause := min(v.base, v.max)
	if v.limit == 0 || v.attempts < 3 || pause < v.limit {
		return found{}, false
	}
	return found{
		"policy.retry.base",
		"The pause before the third attempt is a random part of base. Where it would end after the call's time no attempt is made.",
		fmt.Sprintf("a pause of up to %v in %v: %s of the calls that need a third attempt get none", pause, v.limit,
			percent(1-float64(v.limit)/float64(pause))),
		fmt.Sprintf("base: %v", max(rounded(v.limit/20), time.Millisecond)),
	}, true
}

func retryWithoutBreaker(v view) (found, bool) {
	n := v.size()
	if n == 0 {
		n = 3
	}
	need := 1 / float64(n)
	if !v.retry || !v.repeats() || v.Policy().Breaker != nil || n < 2 || need <= v.ratio || v.generous() {
		return found{}, false
	}
	return found{
		"policy.breaker",
		"A dead replica goes on getting first attempts, each of which costs a retry; when the budget is spent those calls fail.",
		fmt.Sprintf("1 of %d dead: %s of the calls need a retry, the budget has %s", n, percent(need), percent(v.ratio)), "breaker: {}",
	}, true
}
