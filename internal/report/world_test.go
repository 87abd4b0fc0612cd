package report_test

import (
	"slices"
	"time"

	"github.com/rota-go/rota/internal/report"
)

// rng is splitmix64.
type rng uint64

func (r *rng) below(n int) int {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// model is the promise of an Estimator, kept the long way.
type model struct {
	open    []request
	samples map[int][]sample
}

type request struct {
	began    time.Duration
	level    int
	answered bool
}

type sample struct{ at, took time.Duration }

// level is the lowest number of those that belong together.
func level(rif int) int {
	if rif < 16 {
		return rif
	}
	l := 16
	for bound := l; bound <= rif; bound = bound * 5 / 4 {
		l = bound
	}
	return l
}

func (m *model) begin(now time.Duration) {
	m.open = append(m.open, request{began: now, level: level(len(m.open))})
}

func (m *model) answer(now time.Duration, r *request, how report.Ending) {
	if r.answered {
		return
	}
	r.answered = true
	if how == report.Served {
		if m.samples == nil {
			m.samples = map[int][]sample{}
		}
		m.samples[r.level] = append(m.samples[r.level], sample{now, now - r.began})
	}
}

func (m *model) end(now time.Duration, i int, how report.Ending) {
	m.answer(now, &m.open[i], how)
	last := len(m.open) - 1
	m.open[i] = m.open[last]
	m.open = m.open[:last]
}

func (m *model) fresh(now time.Duration, level int) (took []time.Duration) {
	all := m.samples[level]
	for _, s := range all[max(0, len(all)-16):] {
		if now.Truncate(time.Microsecond)-s.at.Truncate(time.Microsecond) <= time.Second {
			took = append(took, min(max(s.took, time.Microsecond), time.Hour).Truncate(time.Microsecond))
		}
	}
	return took
}

func (m *model) load(now time.Duration) (rif int, latency time.Duration) {
	at := level(len(m.open))
	low, high := at, at
	took := m.fresh(now, at)
	for away := 1; away <= 4 && len(took) < 5; away++ {
		if low >= 0 {
			if low--; low >= 0 {
				low = level(low)
				took = append(took, m.fresh(now, low)...)
			}
		}
		for l := high; level(high) == l; {
			high++
		}
		took = append(took, m.fresh(now, high)...)
	}
	if n := len(took); n > 0 {
		slices.Sort(took)
		latency = took[n/2]
	}
	age, open := time.Duration(0), 0
	for _, r := range m.open {
		if !r.answered {
			age += now - r.began
			open++
		}
	}
	if open > 0 {
		latency = max(latency, (age / time.Duration(open) * 3 / 4).Truncate(time.Microsecond))
	}
	return len(m.open), latency
}
