package doctor

import (
	"fmt"
)

func rateAsInterval(v view) (found, bool) {
	r := v.Policy().Rate
	if r == nil || r.PerSecond >= 1 {
		return found{}, false
	}
	return found{
		"policy.rate.per_second", "A rate is attempts a second at each replica. So small a number is more likely the seconds between two of them.",
		fmt.Sprintf("1 attempt every %v at a replica", seconds(1/r.PerSecond)), fmt.Sprintf("per_second: %s, if every %v was meant", decimal(1/r.PerSecond), seconds(r.PerSecond)),
	}, true
}

func rateUnlimited(v view) (found, bool) {
	r := v.Policy().Rate
	if r == nil || r.PerSecond < 1e6 {
		return found{}, false
	}
	return found{
		"policy.rate.per_second", "No replica gets that many requests, so nothing is limited. An interval in nanoseconds looks like this.",
		fmt.Sprintf("%s attempts a second at a replica", decimal(r.PerSecond)), "the requests a second that a replica can take, or rate: off",
	}, true
}

func rateBelowDemand(v view) (found, bool) {
	r, n := v.Policy().Rate, v.size()
	if r == nil || n == 0 || v.CallsPerSecond <= r.PerSecond*float64(n) {
		return found{}, false
	}
	all := r.PerSecond * float64(n)
	return found{
		"policy.rate.per_second", "All replicas together are allowed fewer attempts than there are calls, without one retry.",
		fmt.Sprintf("%s calls a second, %d x %s = %s allowed: %s are refused", decimal(v.CallsPerSecond), n, decimal(r.PerSecond), decimal(all), percent(1-all/v.CallsPerSecond)),
		fmt.Sprintf("per_second: at least %s", decimal(1.5*v.CallsPerSecond/float64(n))),
	}, true
}

func rateBurstOne(v view) (found, bool) {
	r := v.Policy().Rate
	if r == nil || r.Burst != 1 || r.PerSecond < 20 {
		return found{}, false
	}
	number := fmt.Sprintf("1 at once at a replica, the next %v later", seconds(1/r.PerSecond))
	if n := v.size(); n > 0 {
		number = fmt.Sprintf("%d at once at %s, the next %v later", n, many(n, "replica"), seconds(1/r.PerSecond))
	}
	return found{
		"policy.rate.burst", "Calls come together by chance, and what finds every replica limited is refused and not queued: far below the rate already.",
		number, fmt.Sprintf("leave burst out: %d, a tenth of a second of the rate", max(1, int(r.PerSecond/10))),
	}, true
}

func rateBurstLarge(v view) (found, bool) {
	r := v.Policy().Rate
	if r == nil || r.Burst < 2 || float64(r.Burst) < span.Seconds()*r.PerSecond {
		return found{}, false
	}
	return found{
		"policy.rate.burst", "The burst comes at once and the rate is what is left after it: the two may be the wrong way round.",
		fmt.Sprintf("%d at once, then %s a second; %v until there are as many again", r.Burst, decimal(r.PerSecond), seconds(float64(r.Burst)/r.PerSecond)),
		fmt.Sprintf("per_second: %d, if that was the rate, and no burst", r.Burst),
	}, true
}

// attemptsPerSecond is the most that there may be of all calls.
func (v view) attemptsPerSecond() float64 {
	if v.attempts == 1 {
		return v.CallsPerSecond
	}
	return min(v.CallsPerSecond*float64(v.attempts), v.CallsPerSecond*(1+v.ratio)+v.floor)
}

func throttleNever(v view) (found, bool) {
	t := v.Policy().Throttle
	if t == nil || v.CallsPerSecond == 0 || setting(t.MinPerSecond, 1) < v.attemptsPerSecond() {
		return found{}, false
	}
	return found{
		"policy.throttle.min_per_second", "That many attempts are sent in any case, and there are never more.",
		fmt.Sprintf("%s always sent of at most %s attempts a second: 0 held back", decimal(setting(t.MinPerSecond, 1)), decimal(v.attemptsPerSecond())),
		"min_per_second: a hundredth of the calls, or throttle: off",
	}, true
}

func throttleLate(v view) (found, bool) {
	t := v.Policy().Throttle
	if t == nil || t.K < 5 {
		return found{}, false
	}
	return found{
		"policy.throttle.k", "As long as the service accepts one attempt in k nothing is held back, so it has k times as much to turn down as it can do.",
		fmt.Sprintf("held back only below %s accepted", percent(1/t.K)), "k: 2",
	}, true
}
