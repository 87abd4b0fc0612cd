package rotahttp

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestParseLoad(t *testing.T) {
	const us = time.Microsecond
	tests := []struct {
		name, s string
		want    load
	}{
		{"nothing", "", load{}},
		{"as it is written", "rif=3, latency-us=1200, state=ok", load{3, 1200 * us, true, false}},
		{"in any order, without spaces", "state=draining,latency-us=0,rif=0", load{0, 0, true, true}},
		{"with fields of the future", "cpu=0.7, rif=1, ;x, =, latency-us=2, state=ok", load{1, 2 * us, true, false}},
		{"half", "rif=3", load{}},
		{"state alone", "state=draining", load{draining: true}},
		{"no numbers", "rif=-1, latency-us=1e3, state=draining", load{draining: true}},
		{"huge", "rif=99999999999999999999999, latency-us=99999999999999999999999", load{1_000_000, time.Hour, true, false}},
		{"another state", "rif=1, latency-us=2, state=tired", load{1, 2 * us, true, false}},
		{"as long as may be", "rif=1, latency-us=2, x=" + strings.Repeat("x", 256-23), load{1, 2 * us, true, false}},
		{"too long", "rif=1, latency-us=2, x=" + strings.Repeat("x", 257-23), load{}},
	}
	for _, test := range tests {
		if got := parseLoad(test.s); got != test.want {
			t.Errorf("%s: parseLoad(%q) = %+v, want %+v", test.name, test.s, got, test.want)
		}
	}
}

func FuzzParseLoad(f *testing.F) {
	for _, s := range []string{"", "rif=3, latency-us=1200, state=ok", "rif=,latency-us=,state=", "rif=1,rif=x", strings.Repeat(",", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l := parseLoad(s)
		if l.rif < 0 || l.rif > maxLoadRIF || l.latency < 0 || l.latency > maxLoadLatency || len(s) > maxLoadLen && l != (load{}) {
			t.Fatalf("parseLoad(%q) = %+v: out of bounds", s, l)
		}
		if !l.numbers {
			return
		}
		var texts loads
		text := texts.of(int64(l.rif), uint32(l.latency/time.Microsecond), l.draining)[0]
		if again := parseLoad(text); again != l || len(text) > maxLoadLen {
			t.Fatalf("parseLoad(%q) = %+v, want %+v", text, again, l)
		}
	})
}

// The texts are remembered, and never those of another load.
func TestLoads(t *testing.T) {
	var texts loads
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 5000 {
				rif, micros, draining := int64(i%130), uint32(i%3), i%7 == 0
				got := parseLoad(texts.of(rif, micros, draining)[0])
				if got != (load{int(rif), time.Duration(micros) * time.Microsecond, true, draining}) {
					t.Errorf("the text of %d, %d, %t says %+v", rif, micros, draining, got)
				}
			}
		})
	}
	all.Wait()
	if n := testing.AllocsPerRun(100, func() { texts.of(3, 1200, false) }); n > 0 {
		t.Errorf("a load that is known takes %v allocations", n)
	}
}

func TestRecent(t *testing.T) {
	var r recent
	if r.micros() != 0 {
		t.Errorf("micros() = %d before anything was observed", r.micros())
	}
	for i, want := range []uint32{5000, 5000, 5000} {
		if r.observe(5 * time.Millisecond); r.micros() != want {
			t.Errorf("after %d: micros() = %d, want %d", i+1, r.micros(), want)
		}
	}
	for range 7 {
		r.observe(time.Hour * 3) // the slow are the fewer
	}
	for range 8 {
		r.observe(1234 * time.Microsecond)
	}
	if got := r.micros(); got != 5000 {
		t.Errorf("micros() = %d, want the median 5000", got)
	}
	for range 16 {
		r.observe(1299 * time.Microsecond)
	}
	if got := r.micros(); got != 1200 {
		t.Errorf("micros() = %d, want 1200: the old are forgotten, and two digits told", got)
	}
	for range 16 {
		r.observe(24 * time.Hour)
	}
	if got := r.micros(); got != 3_600_000_000 {
		t.Errorf("micros() = %d, want an hour at most", got)
	}
	for range 16 {
		r.observe(0)
	}
	if got := r.micros(); got != 1 {
		t.Errorf("micros() = %d, want 1: 0 is for nothing observed", got)
	}
}

func TestTwoDigits(t *testing.T) {
	for n, want := range map[uint32]uint32{0: 0, 7: 7, 99: 99, 100: 100, 129: 120, 3_600_000_000: 3_600_000_000, 4_294_967_295: 4_200_000_000} {
		if got := twoDigits(n); got != want {
			t.Errorf("twoDigits(%d) = %d, want %d", n, got, want)
		}
	}
}

func BenchmarkParseLoad(b *testing.B) {
	s := fmt.Sprintf("rif=%d, latency-us=%d, state=ok", 17, 1200)
	b.ReportAllocs()
	for b.Loop() {
		parseLoad(s)
	}
}
