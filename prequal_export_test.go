package rota

import (
	"time"
	"unsafe"
)

// KnownSize is what the notes of balancers that probe take on a node.
const KnownSize = unsafe.Sizeof(known{})

// Reuse returns how often an answer is to be used with n nodes, and how many are kept.
func (p PrequalParams) Reuse(n int) (uses float64, size int) {
	p = p.filled()
	return p.reuse(n), p.size(n)
}

// PoolEntry is what tests see of a pool.
type PoolEntry struct {
	Addr    string
	RIF     float64
	Latency time.Duration
	Cost    float64
	Left    int
}

// PoolOf returns the pool of the best priority, in no order.
func PoolOf(cl *Cluster) []PoolEntry {
	k := cl.set.Load().tiers[0].picker.(*poolPicker)
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []PoolEntry
	for i := range k.pool.entries {
		e := &k.pool.entries[i]
		list = append(list, PoolEntry{e.node.Instance().Addr, e.rif, time.Duration(e.latency), e.cost, e.left})
	}
	return list
}

// HotFrom returns where hot begins after probes that found rifs.
func HotFrom(q float64, rifs ...int) float64 {
	s := newPool(newPooling(PrequalParams{HotQuantile: q}, hotCold{}))
	for _, r := range rifs {
		s.recent.add(r)
	}
	return s.theta()
}

// Blame returns what is held against n.
func (n *Node) Blame(now time.Duration) float64 { return knownOf(n).blameOf(n, now) }
