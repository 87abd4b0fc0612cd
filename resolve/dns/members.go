package dns

import (
	"maps"
	"slices"
	"time"

	"github.com/rota-go/rota"
)

// members is what Resolve tells: what DNS lists, and what it listed until a while ago. It reads no clock.
type members struct {
	grace time.Duration // how long what is not listed any more stays
	most  int           // of members; beyond, those that vanished first go early

	set map[string]member // by Addr
}

type member struct {
	rota.Instance
	since time.Time // of Vanished
}

// merge takes over the answer of a lookup at that time.
func (m *members) merge(now time.Time, a answer) {
	next := make(map[string]member, len(a.instances))
	for _, inst := range a.instances {
		next[inst.Addr] = member{Instance: inst}
	}
	for addr, old := range m.set {
		if _, listed := next[addr]; listed {
			continue
		}
		if !a.partial && !old.Vanished {
			old.Vanished, old.since = true, now
		}
		next[addr] = old
	}
	m.set = next
	m.expire(now)
	m.evict()
}

// expire removes those whose grace is over, and reports whether there were any.
func (m *members) expire(now time.Time) bool {
	before := len(m.set)
	maps.DeleteFunc(m.set, func(_ string, old member) bool {
		return old.Vanished && now.Sub(old.since) >= m.grace
	})
	return len(m.set) < before
}

// evict keeps the set bounded when addresses change all the time.
func (m *members) evict() {
	over := len(m.set) - m.most
	if over <= 0 {
		return
	}
	vanished := slices.SortedFunc(maps.Values(m.set), func(a, b member) int {
		if a.Vanished != b.Vanished {
			if a.Vanished {
				return -1
			}
			return 1
		}
		return a.since.Compare(b.since)
	})
	for _, old := range vanished[:over] {
		delete(m.set, old.Addr)
	}
}

// nextExpiry is when expire will have something to do; false if never.
func (m *members) nextExpiry() (time.Time, bool) {
	var first time.Time
	for _, old := range m.set {
		if old.Vanished && (first.IsZero() || old.since.Before(first)) {
			first = old.since
		}
	}
	return first.Add(m.grace), !first.IsZero()
}

// instances returns the whole set, sorted.
func (m *members) instances() []rota.Instance {
	out := make([]rota.Instance, 0, len(m.set))
	for _, member := range m.set {
		out = append(out, member.Instance)
	}
	slices.SortFunc(out, compare)
	return out
}
