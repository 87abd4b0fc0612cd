package rota

import (
	"math/bits"

	"github.com/rota-go/rota/internal/breaker"
)

// Balancer builds a Picker for a set of nodes. It is called once for each change of the set, never concurrently for
// one Cluster. What is known about a replica lives on its Node, so building a new Picker loses nothing.
type Balancer func(nodes []*Node) Picker

// Picker chooses a node for an attempt. Pick may be called concurrently, must not block, and returns a node for which
// p.Usable is true, or nil if it finds none.
type Picker interface {
	Pick(p *Pick) *Node
}

// Pick is one choice to be made. It is valid only during Picker.Pick.
type Pick struct {
	plan  *Plan
	again bool // nodes that were tried may be tried again
	lenience
	// taken is a node that has admitted the attempt already.
	taken  *Node
	ticket breaker.Ticket
	block  block // of RoundRobin; a Plan, and so its Pick, stays on its processor
	part   *tier // whose picker is asked: a Picker made of Pickers says which; its ends are told there
}

// Usable reports whether n would admit an attempt now (it does not rest, its breaker and rate limit allow it) and
// was not tried by this call yet.
func (p *Pick) Usable(n *Node) bool {
	ok := p.open(n) && n.admits(p.plan.now, p.plan.rules, p.lenience) == admitted
	if p.plan.trace != nil {
		p.looked(n, ok)
	}
	return ok
}

// take is Usable and admission in one, for pickers that return the first usable node they meet. Asking first and
// admitting later would fetch the node's cache line twice, to read and to write, when another core has it.
func (p *Pick) take(n *Node) bool {
	if !p.open(n) {
		return p.refused(n)
	}
	t, ok := n.admit(p.plan.now, p.plan.rules, p.lenience)
	if !ok {
		return p.refused(n)
	}
	p.taken, p.ticket = n, t
	return true
}

// refused notes that n does not take the attempt, and is false.
func (p *Pick) refused(n *Node) bool {
	if p.plan.trace != nil {
		p.looked(n, false)
	}
	return false
}

// open reports whether the call may go to n, as far as that depends on the call.
func (p *Pick) open(n *Node) bool {
	return p.plan.fresh(n, p.again) && (!p.plan.wary || p.lenience != strict || p.plan.chooses(n))
}

// Rand returns a random number that depends only on the Cluster's source of randomness.
func (p *Pick) Rand() uint64 { return p.plan.cl.rand() }

// below maps a random number to [0, n) by multiply-shift (D. Lemire, "Fast Random Integer Generation in an Interval",
// 2019). The bias is n/2^64.
func below(r uint64, n int) int {
	hi, _ := bits.Mul64(r, uint64(n))
	return int(hi)
}

// firstUsable scans all nodes from start on: the fallback of pickers whose first guesses were unusable.
func firstUsable(p *Pick, nodes []*Node, start int) *Node {
	for i := range nodes {
		if n := nodes[(start+i)%len(nodes)]; p.Usable(n) {
			return n
		}
	}
	return nil
}
