package doctor

import (
	"fmt"
	"time"
)

func hedgeNeverSent(v view) (found, bool) {
	h := v.Policy().Hedge
	if h == nil || v.attempts < 2 {
		return found{}, false
	}
	var what string
	var limit time.Duration
	switch latest := v.limit / 4 * 3; {
	case h.Delay == 0:
	case v.limit > 0 && h.Delay >= v.limit:
		what, limit = "the call is over", v.limit
	case v.limit > 0 && v.split && h.Delay > latest:
		what, limit = "the second attempt that a call makes without a try timeout is made, and the delay begins anew with it", latest
	}
	if what == "" {
		return found{}, false
	}
	return found{
		"policy.hedge.delay", "Before the hedge is due, " + what + ".",
		fmt.Sprintf("due after %v, too late from %v on", h.Delay, limit), "leave delay out (the 95th percentile of latency), or hedge: off",
	}, true
}

func hedgeAfterTryTimeout(v view) (found, bool) {
	h := v.Policy().Hedge
	if h == nil || v.tryTimeout == 0 || h.Delay < v.tryTimeout || v.attempts < 2 {
		return found{}, false
	}
	return found{
		"policy.hedge.delay", "An attempt is given up before a hedge would join it, so that there is never a second one beside it.",
		fmt.Sprintf("due after %v, given up after %v", h.Delay, v.tryTimeout), "leave delay out (the 95th percentile of latency), or try_timeout",
	}, true
}

func hedgeWithoutAttempt(v view) (found, bool) {
	if v.Policy().Hedge == nil || v.attempts != 1 {
		return found{}, false
	}
	return found{
		"policy.hedge", "A hedge is an attempt, and retry.attempts allows only the first.",
		"1 attempt, 0 hedges", "attempts: 2, or leave retry out: then a call may have one hedge",
	}, true
}

// hedgeNotIdempotent is told of the service if it is so with all its routes, and else of a route that has a hedge of its
// own: what it has from the service is meant for others.
func hedgeNotIdempotent(v view) (found, bool) {
	if v.Policy().Hedge == nil {
		return found{}, false
	}
	if v.route == nil {
		if len(v.Routes) == 0 {
			return found{}, false
		}
		for _, r := range v.Routes {
			if r.Idempotent || r.Policy.Hedge == nil {
				return found{}, false
			}
		}
	} else if own := v.Service.Policy.Hedge; v.route.Idempotent || own != nil && *own == *v.Policy().Hedge {
		return found{}, false
	}
	return found{
		"policy.hedge", "Only what may be sent twice is hedged, and none of these requests may.",
		"0 hedges", "idempotent: true if a repetition does no harm, or hedge: off",
	}, true
}

func hedgeTooEarly(v view) (found, bool) {
	h := v.Policy().Hedge
	if h == nil || h.Delay == 0 || h.Delay >= v.Latency {
		return found{}, false
	}
	return found{
		"policy.hedge.delay", "Before the median answer has come, most calls want a hedge. They spend the budget, and those that need one get none.",
		fmt.Sprintf("more than half of the calls want one, the budget has %s", percent(v.ratio)), "leave delay out: the 95th percentile of latency",
	}, true
}

// hedged is the share of calls that want a hedge after the 95th percentile.
const hedged = 0.05

func hedgeStarvesRetries(v view) (found, bool) {
	h := v.Policy().Hedge
	share := v.ratio
	if v.CallsPerSecond > 0 {
		share += v.floor / v.CallsPerSecond
	}
	if h == nil || h.Delay != 0 || !v.retry || v.attempts < 2 || v.ratio == 0 || share > hedged || v.generous() {
		return found{}, false
	}
	return found{
		"policy.budget.ratio", "Hedges and retries share the budget, and one call in twenty is slower than the 95th percentile.",
		fmt.Sprintf("%s of the calls hedge, the budget has %s: nothing is left for retries", percent(hedged), percent(share)), "ratio: 0.1, or hedge: off",
	}, true
}
