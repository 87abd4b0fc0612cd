package report_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota/internal/report"
)

// BenchmarkEstimator is what one request costs: its arrival, its end, and the load on its reply.
func BenchmarkEstimator(b *testing.B) {
	run := func(name string, others int, gap time.Duration) {
		b.Run(name, func(b *testing.B) {
			e, r, now := new(report.Estimator), rng(1), time.Duration(0)
			open := make([]report.Token, others)
			for i := range open {
				open[i] = e.Begin(now)
			}
			times := [256]time.Duration{}
			for i := range times {
				times[i] = time.Duration(r.below(1000)) * time.Microsecond
			}
			round := func(i int) {
				now += gap
				j := 0
				if others > 0 {
					j = i % others
					e.End(now, &open[j], report.Served)
				}
				t := e.Begin(now - times[i%256])
				e.Load(now)
				if others > 0 {
					open[j] = t
					return
				}
				e.End(now, &t, report.Served)
			}
			for i := range 10_000 {
				round(i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				round(i)
			}
		})
	}
	run("idle", 0, 10*time.Microsecond)
	run("10 others", 10, 10*time.Microsecond)
	run("100 others", 100, 10*time.Microsecond)
	run("few a second", 0, 300*time.Millisecond)
}

// BenchmarkFewSamples is a load for which four levels on either side have to be looked at.
func BenchmarkFewSamples(b *testing.B) {
	e, now := new(report.Estimator), time.Duration(0)
	open := make([]report.Token, 16)
	for i := range open {
		open[i] = e.Begin(now)
	}
	for i := range open {
		if i%4 == 0 {
			now += time.Millisecond
			e.End(now, &open[i], report.Served)
		}
	}
	for i := 0; e.RIF() > 4; i++ {
		e.End(now, &open[i], report.Failed)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Load(now)
	}
}
