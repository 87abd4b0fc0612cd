package doctor

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Rule is one kind of mistake.
type Rule struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Finds    string   `json:"finds"`
}

// rule is a Rule with how it finds: in each policy by itself, in each service, or in all services together. One of the
// three is set.
type rule struct {
	Rule
	call    func(view) (found, bool)
	service func(view) (found, bool)
	system  func(*System) []foundAt
}

// found is a finding before it is known where. field is below the service; what begins with policy is below its policy.
type found struct{ field, reason, number, fix string }

// foundAt is what was found at one of several services.
type foundAt struct {
	found
	service *Service
}

// Rules returns all rules, in the order of the documentation.
func Rules() []Rule {
	all := make([]Rule, len(rules))
	for i := range rules {
		all[i] = rules[i].Rule
	}
	return all
}

// invalidID is the rule that is applied to a policy that is not valid.
const invalidID = "invalid"

// rules are all there are, by theme: one file a theme.
var rules = []rule{
	{Rule: Rule{invalidID, Error, "a value that a Policy does not take"}, call: invalid},

	{Rule: Rule{"unbounded-call", Warning, "neither a timeout nor a deadline: a hung replica is waited for as long as the caller does"}, call: unboundedCall},
	{Rule: Rule{"time-too-short", Warning, "a time of less than 1 ms, as a number without its unit leads to"}, call: timeTooShort},
	{Rule: Rule{"timeout-below-latency", Warning, "a call has less time than answers take"}, call: timeoutBelowLatency},
	{Rule: Rule{"try-timeout-never-cuts", Error, "a try timeout that is not shorter than the call's time"}, call: tryTimeoutNeverCuts},
	{Rule: Rule{"tries-beyond-deadline", Warning, "attempts x try timeout is more than the call's time"}, call: triesBeyondDeadline},
	{Rule: Rule{"try-timeout-below-latency", Warning, "a try timeout that cuts attempts which would be answered"}, call: tryTimeoutBelowLatency},
	{Rule: Rule{"try-timeout-ends-call", Warning, "a try timeout where nothing may be tried again"}, call: tryTimeoutEndsCall},
	{Rule: Rule{"hung-replica-eats-call", Warning, "no try timeout and no hedge: one hung replica costs calls their whole time"}, call: hungReplicaEatsCall},
	{Rule: Rule{"late-second-attempt", Warning, "a call's time is so long that the second attempt helps nobody"}, call: lateSecondAttempt},

	{Rule: Rule{"one-attempt", Warning, "retries that are on, with one attempt"}, call: oneAttempt},
	{Rule: Rule{"attempts-beyond-replicas", Info, "more attempts than replicas"}, call: attemptsBeyondReplicas},
	{Rule: Rule{"base-above-max", Warning, "a first pause above the longest"}, call: baseAboveMax},
	{Rule: Rule{"pauses-beyond-deadline", Warning, "pauses between attempts that are longer than the call's time"}, call: pausesBeyondDeadline},
	{Rule: Rule{"retry-without-breaker", Warning, "retries without a breaker: a dead replica needs more of them than the budget has"}, call: retryWithoutBreaker},

	{Rule: Rule{"budget-never-pays", Error, "a budget that has no token for any retry or hedge"}, call: budgetNeverPays},
	{Rule: Rule{"budget-wide", Warning, "a budget of more than a quarter of the calls"}, call: budgetWide},
	{Rule: Rule{"budget-floor", Warning, "a budget's min_per_second that is as good as no bound"}, call: budgetFloor},
	{Rule: Rule{"nested-amplification", Warning, "services that call each other multiply attempts by 1.5 or more"}, system: nestedAmplification},
	{Rule: Rule{"retries-at-every-hop", Info, "three services in a row that all repeat"}, system: retriesAtEveryHop},
	{Rule: Rule{"deadline-grows", Warning, "a service below has more time than its caller's caller waits"}, system: deadlineGrows},
	{Rule: Rule{"call-cycle", Warning, "services that call each other in a circle"}, system: callCycle},
	{Rule: Rule{"unknown-hop", Error, "calls names a service that is not there"}, system: unknownHop},

	{Rule: Rule{"hedge-never-sent", Error, "a hedge's delay that never comes"}, call: hedgeNeverSent},
	{Rule: Rule{"hedge-after-try-timeout", Warning, "a hedge that is due when its attempt was given up"}, call: hedgeAfterTryTimeout},
	{Rule: Rule{"hedge-without-attempt", Error, "a hedge, and one attempt a call"}, call: hedgeWithoutAttempt},
	{Rule: Rule{"hedge-not-idempotent", Error, "a hedge for requests none of which may be sent twice"}, call: hedgeNotIdempotent},
	{Rule: Rule{"hedge-too-early", Warning, "a hedge's delay below the median latency"}, call: hedgeTooEarly},
	{Rule: Rule{"hedge-starves-retries", Warning, "a hedge that takes all of a small budget"}, call: hedgeStarvesRetries},

	{Rule: Rule{"breaker-never-opens", Error, "a breaker that a dead replica does not open in ten minutes"}, call: breakerNeverOpens},
	{Rule: Rule{"breaker-volume", Warning, "a breaker's volume that a replica does not get in 10 s"}, call: breakerVolume},
	{Rule: Rule{"breaker-ratio", Warning, "a breaker's ratio that only a replica which always fails has"}, call: breakerRatio},
	{Rule: Rule{"breaker-hair-trigger", Warning, "a breaker that one failure opens"}, call: breakerHairTrigger},
	{Rule: Rule{"breaker-open-long", Warning, "a replica that is well again stays out for half a minute"}, call: breakerOpenLong},
	{Rule: Rule{"breaker-open-short", Warning, "a dead replica is tried more than ten times a second"}, call: breakerOpenShort},
	{Rule: Rule{"slow-start-long", Warning, "a slow start much longer than what it follows"}, call: slowStartLong},

	{Rule: Rule{"check-without-breaker", Error, "active checks without a breaker, which they would open"}, service: checkWithoutBreaker},
	{Rule: Rule{"check-timeout-cut", Error, "a check's timeout above its interval"}, service: checkTimeoutCut},
	{Rule: Rule{"check-slow", Warning, "checks that take half a minute and more to find a dead replica"}, service: checkSlow},
	{Rule: Rule{"check-slower-than-ejection", Info, "checks that find nothing before calls do"}, service: checkSlowerThanEjection},
	{Rule: Rule{"check-too-often", Warning, "more than ten checks a second of each replica, by each client"}, service: checkTooOften},

	{Rule: Rule{"rate-as-interval", Warning, "a rate of less than one a second, as an interval would look"}, call: rateAsInterval},
	{Rule: Rule{"rate-unlimited", Warning, "a rate that limits nothing, as nanoseconds would look"}, call: rateUnlimited},
	{Rule: Rule{"rate-below-demand", Error, "a rate below the calls that there are"}, call: rateBelowDemand},
	{Rule: Rule{"rate-burst-one", Warning, "a burst of 1 with a rate whose calls come together"}, call: rateBurstOne},
	{Rule: Rule{"rate-burst-large", Warning, "a burst of ten seconds of the rate and more"}, call: rateBurstLarge},
	{Rule: Rule{"throttle-never", Error, "a throttle whose min_per_second is all of the calls"}, call: throttleNever},
	{Rule: Rule{"throttle-late", Warning, "a throttle that waits until nearly all calls are turned down"}, call: throttleLate},

	{Rule: Rule{"target", Error, "a target that means nothing"}, service: badTarget},
	{Rule: Rule{"one-replica", Warning, "one replica, and a policy that needs others"}, service: oneReplica},
	{Rule: Rule{"name-in-list", Warning, "a host name as the only address of a list: DNS is not followed"}, service: nameInList},
	{Rule: Rule{"cluster-ip", Warning, "the name of a Kubernetes service that looks like a cluster IP"}, service: clusterIP},
	{Rule: Rule{"cluster-ip-http2", Warning, "the same with HTTP/2: all calls go to one pod"}, service: clusterIPHTTP2},
	{Rule: Rule{"search-domains", Info, "a Kubernetes name in full, without the dot at its end"}, service: searchDomains},
	{Rule: Rule{"ttl-long", Warning, "DNS records with a TTL above 30 s"}, service: ttlLong},
	{Rule: Rule{"ttl-short", Warning, "DNS records with a TTL below the pause between lookups"}, service: ttlShort},
	{Rule: Rule{"h2c-with-tls", Error, "HTTP/2 in clear text over TLS"}, service: h2cWithTLS},
	{Rule: Rule{"http2-without-tls", Error, "HTTP/2 by agreement where nothing is agreed upon"}, service: http2WithoutTLS},

	{Rule: Rule{"choices-beyond-replicas", Warning, "a balancer that draws more replicas than there are"}, call: choicesBeyondReplicas},
	{Rule: Rule{"bound-below-one", Error, "a hashing balancer's bound below 1"}, call: boundBelowOne},
	{Rule: Rule{"key-not-hashed", Error, "a route's key, and a balancer that does not look at it"}, call: keyNotHashed},
	{Rule: Rule{"hash-without-key", Warning, "a balancer that hashes, and a route of a proxy without a key"}, call: hashWithoutKey},
	{Rule: Rule{"maglev-uneven", Warning, "a Maglev table with fewer than a hundred entries a replica"}, call: maglevUneven},
	{Rule: Rule{"pool-without-probes", Warning, "a balancer with a pool of probes, and no probes"}, call: poolWithoutProbes},
	{Rule: Rule{"pool-starved", Warning, "a balancer with a pool of probes that are too old before they are used"}, call: poolStarved},
	{Rule: Rule{"subset-small", Warning, "a subset in which one failure is a large part, or retries find nobody else"}, call: subsetSmall},
	{Rule: Rule{"subset-across-zones", Warning, "a subset that may leave out the caller's zone"}, call: subsetAcrossZones},
}

// decimal writes a number as people do.
func decimal(x float64) string {
	switch {
	case math.Abs(x) >= 1000 || x == math.Trunc(x):
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	case math.Abs(x) >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// percent writes a share.
func percent(x float64) string { return decimal(math.Round(x*1000)/10) + " %" }

// rounded leaves of a time what people read.
func rounded(d time.Duration) time.Duration {
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute)
	case d >= time.Minute:
		return d.Round(time.Second)
	}
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d
}

// shortened is at most d, in two digits.
func shortened(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	return d.Truncate(unit)
}

// seconds is a time of so many.
func seconds(s float64) time.Duration {
	return rounded(time.Duration(min(s, 1e9) * float64(time.Second)))
}

// many is n things: 1 replica, 2 replicas.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
