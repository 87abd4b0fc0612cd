package sim

import (
	"math/rand/v2"
	"time"
)

// machine is what else lives on the machines of a service's replicas, and takes of their cores.
type machine struct {
	s     *service
	rand  *rand.Rand
	rank  []int // of a replica among all
	strip []Stratum
	dwell time.Duration
}

// newMachine deals the capacities out; nil if nobody takes anything.
func (s *service) newMachine() *machine {
	c := s.server.Capacity
	if c == nil {
		return nil
	}
	m := &machine{s: s, rand: s.w.stream("machines of "+s.Name, 0), strip: c.Strata, dwell: c.Dwell}
	m.rank = m.rand.Perm(len(s.servers))
	for i, x := range s.servers {
		x.machine = m.share(m.rank[i])
	}
	m.next()
	return m
}

// next sets the time of the next swap. A replica takes part in one about once every dwell, and two do in each.
func (m *machine) next() {
	if m.dwell > 0 && len(m.rank) > 1 {
		gap := exponential(m.rand) * 2 * float64(m.dwell) / float64(len(m.rank))
		m.s.w.after(max(time.Duration(gap), 1), m, 0)
	}
}

// act swaps two replicas.
func (m *machine) act(step) {
	n := len(m.rank)
	i := m.rand.IntN(n)
	j := (i + 1 + m.rand.IntN(n-1)) % n
	m.rank[i], m.rank[j] = m.rank[j], m.rank[i]
	for _, k := range []int{i, j} {
		x := m.s.servers[k]
		x.machine = m.share(m.rank[k])
		x.tune()
	}
	m.next()
}

// share is the quantile of the strata that belongs to a rank.
func (m *machine) share(rank int) float64 {
	q := (float64(rank) + 0.5) / float64(len(m.rank))
	for _, s := range m.strip {
		if q < s.Share {
			return s.From + q/s.Share*(s.To-s.From)
		}
		q -= s.Share
	}
	return m.strip[len(m.strip)-1].To
}
