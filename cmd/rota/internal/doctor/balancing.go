package doctor

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

func choicesBeyondReplicas(v view) (found, bool) {
	b, n := v.Policy().Balancer, v.size()
	drawn := 0
	switch p := b.Params.(type) {
	case config.Choices:
		drawn = p.Choices
	case rota.PeakEWMAParams:
		drawn = p.Choices
	case rota.EchoParams:
		drawn = p.Choices
	}
	if n == 0 || drawn <= max(n, 2) {
		return found{}, false
	}
	return found{
		"policy.balancer.choices", "Each call looks at all replicas and takes the best: what all clients think the best gets all calls at once, which drawing is there to prevent.",
		fmt.Sprintf("%d of %s", drawn, many(n, "replica")), "choices: 2",
	}, true
}

func boundBelowOne(v view) (found, bool) {
	bound := 0.0
	switch p := v.Policy().Balancer.Params.(type) {
	case rota.HashParams:
		bound = p.Bound
	case rota.RingParams:
		bound = p.Bound
	case rota.MaglevParams:
		bound = p.Bound
	}
	if bound <= 0 || bound >= 1 {
		return found{}, false
	}
	return found{
		"policy.balancer.bound", "No replica can have less than its fair share while the others have no more, so less than 1 counts as 1, with which calls leave their key's replica all the time.",
		fmt.Sprintf("1, not %s", decimal(bound)), fmt.Sprintf("bound: %s; negative for none", decimal(1+bound)),
	}, true
}

// hashes reports whether the balancer looks at the keys of calls.
func (v view) hashes() bool {
	switch v.Policy().Balancer.Name {
	case "rendezvous", "ring", "maglev":
		return true
	}
	return false
}

func keyNotHashed(v view) (found, bool) {
	if v.route == nil || v.route.Key == "" || v.hashes() {
		return found{}, false
	}
	number := "requests with the same " + v.route.Key + " go anywhere"
	if n := v.size(); n > 0 {
		number = fmt.Sprintf("requests with the same %s go to any of %s", v.route.Key, many(n, "replica"))
	}
	return found{"key", "Only a balancer that hashes sends the same key to the same replica.", number, "balancer: maglev in the service's policy, or no key"}, true
}

func hashWithoutKey(v view) (found, bool) {
	if v.route == nil || !v.RoutesOnly || v.route.Key != "" || !v.hashes() {
		return found{}, false
	}
	return found{"key", "A request without a key has a random one.", "requests go to replicas by chance, however busy they are",
		"key: the header that says which requests belong together, or another balancer"}, true
}

func maglevUneven(v view) (found, bool) {
	b, n := v.Policy().Balancer, v.size()
	if b.Name != "maglev" || n == 0 {
		return found{}, false
	}
	p, _ := b.Params.(rota.MaglevParams)
	size := max(cmp.Or(p.Size, 65_537), n)
	each := float64(size) / float64(n)
	if each >= 100 {
		return found{}, false
	}
	return found{
		"policy.balancer.size", "Shares of replicas differ by an entry or two of the table.",
		fmt.Sprintf("%s entries a replica: shares differ by %s", decimal(each), percent(1/each)), fmt.Sprintf("size: %d", 100*n),
	}, true
}

// probing returns the settings of a balancer's pool of probes.
func probing(b config.Balancer) (rota.PrequalParams, bool) {
	var p rota.PrequalParams
	switch b.Name {
	case "prequal":
		p, _ = b.Params.(rota.PrequalParams)
	case "c3":
		c, _ := b.Params.(rota.C3Params)
		p = c.Probing
	case "linear":
		l, _ := b.Params.(rota.LinearParams)
		p = l.Probing
	default:
		return p, false
	}
	return p, true
}

// probingField is where they are in a file.
func probingField(b config.Balancer, key string) string {
	if b.Name == "prequal" {
		return "policy.balancer." + key
	}
	return "policy.balancer.probing." + key
}

func poolWithoutProbes(v view) (found, bool) {
	b := v.Policy().Balancer
	if p, ok := probing(b); !ok || p.Probes >= 0 {
		return found{}, false
	}
	return found{
		probingField(b, "probes"), "Only what replicas say on replies is known then, and every fourth call goes to a random one so that others are heard of.",
		"0 probes a call, 25 % of the calls at random", "leave probes out (3 a call), or balancer: echo, which is made for that",
	}, true
}

func poolStarved(v view) (found, bool) {
	b := v.Policy().Balancer
	p, ok := probing(b)
	if !ok || p.Probes < 0 || v.CallsPerSecond == 0 || v.size() == 1 {
		return found{}, false
	}
	age, each := cmp.Or(max(p.MaxAge, 0), time.Second), cmp.Or(p.Probes, 3)
	answers := v.CallsPerSecond * each * age.Seconds()
	if idle := setting(p.Idle, 500*time.Millisecond); idle > 0 && age >= 2*idle || answers >= 2 {
		return found{}, false
	}
	return found{
		probingField(b, "max_age"), "With fewer than two answers to choose from a call goes to a random replica, and answers are dropped when they are too old.",
		fmt.Sprintf("%s calls a second x %s probes x %v = %s answers", decimal(v.CallsPerSecond), decimal(each), age, decimal(answers)),
		"leave max_age and idle out, or balancer: echo, which needs no probes",
	}, true
}

func subsetSmall(v view) (found, bool) {
	s := v.Policy().Subset
	if s == nil || s.Size == 1 && v.size() == 1 || v.Replicas > 0 && s.Size >= v.Replicas || s.Size >= 3 && s.Size >= v.attempts {
		return found{}, false
	}
	number := fmt.Sprintf("%s, %s", many(s.Size, "replica"), many(v.attempts, "attempt"))
	if v.Policy().Breaker != nil {
		number += fmt.Sprintf("; %d may be out", v.mayBeOut(s.Size))
	}
	return found{
		"policy.subset.size", "A client knows no others: one that fails is a large part of what it has, and retries and hedges soon have nowhere to go.",
		number, fmt.Sprintf("size: %d or more; 20 to 100 are usual", max(3, v.attempts)),
	}, true
}

// mayBeOut is how many of n replicas breakers may take out.
func (v view) mayBeOut(n int) int {
	share := cmp.Or(v.Policy().Breaker.MaxEjected, 0.7)
	return min(max(int(share*float64(n)), 1), n-1)
}

func subsetAcrossZones(v view) (found, bool) {
	p := v.Policy()
	if p.Zone == nil || p.Subset == nil || p.Subset.ByZone || v.Replicas > 0 && p.Subset.Size >= v.Replicas {
		return found{}, false
	}
	none := math.Pow(2.0/3, float64(p.Subset.Size))
	return found{
		"policy.subset.by_zone", "The subset is chosen before zones are looked at, so a client may have few replicas of its own zone, or none.",
		fmt.Sprintf("%s of %d on average in one of three zones; %s of the clients have none", decimal(float64(p.Subset.Size)/3), p.Subset.Size, percent(none)),
		"by_zone: true",
	}, true
}
