package rota

import (
	"runtime"
	"time"
)

// Weigh returns how many bytes of the heap a node takes that bal knows of: before its first call, and when all that can
// happen to it has, in three different seconds. Its instance is not counted, nor what is a picker's.
func Weigh(bal Balancer, set []Instance) (fresh, worn float64) {
	nodes := make([]*Node, len(set))
	before := heapInUse()
	for i := range set {
		nodes[i] = newNode(&set[i])
	}
	picker := bal(nodes)
	learner, _ := picker.(Learner)
	prober, _ := picker.(Prober)
	with := heapInUse()
	wear(nodes, learner, prober)
	worn = heapInUse() - with
	runtime.KeepAlive(picker)
	picker, learner, prober = nil, nil, nil
	all := heapInUse() - before
	runtime.KeepAlive(nodes)
	size := float64(len(set))
	return (all - worn) / size, all / size
}

// wear has everything happen to nodes.
func wear(nodes []*Node, learner Learner, prober Prober) {
	rules := Policy{Breaker: &Breaker{}}.rules()
	for s := range 3 {
		now := time.Duration(s) * time.Second
		for _, n := range nodes {
			for v := Success; v <= Ignored; v++ {
				if ticket, ok := n.admit(now, &rules, forced); ok {
					n.record(now, time.Millisecond, ticket, &Outcome{Verdict: v}, &rules)
				}
				if learner != nil {
					learner.Ended(n, &End{Now: now, Took: time.Millisecond, Verdict: v, Load: Load{true, 1, time.Millisecond, 1, 1}})
				}
			}
			if ticket, ok := n.admit(now, &rules, forced); ok {
				n.lost(now, &Attempt{node: n, ticket: ticket, answers: n.answers(), took: time.Second}, true, &rules)
			}
			if prober != nil {
				prober.Probed(now, n, Load{Known: true, RIF: 1, Latency: time.Millisecond})
			}
		}
	}
}

// heapInUse returns how many bytes are in use.
func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // what is pooled outlives one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
