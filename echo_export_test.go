package rota

import "time"

// EchoEnded tells Echo of an attempt's end at the i-th node.
func EchoEnded(cl *Cluster, i int, e *End) {
	k := cl.set.Load().tiers[0].picker.(*echoPicker)
	k.Ended(k.nodes[i].Node, e)
}

// EchoScore returns what Echo takes a call at the i-th node to cost, in nanoseconds.
func EchoScore(cl *Cluster, i int, now time.Duration) float64 {
	k := cl.set.Load().tiers[0].picker.(*echoPicker)
	v := k.view(now, len(k.nodes), cl.terms().breaker)
	cost, _, _ := v.score(&k.nodes[i])
	return cost
}
