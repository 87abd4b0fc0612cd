package rotahttp

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestParseLoad(t *testing.T) {
	const us = time.Microsecond
	known := func(rif int, latency time.Duration, rate, util float64) rota.Load {
		return rota.Load{Known: true, RIF: rif, Latency: latency, Rate: rate, Utilization: util}
	}
	tests := []struct {
		name, s  string
		want     rota.Load
		draining bool
	}{
		{"nothing", "", rota.Load{}, false},
		{"as it is written", "rif=3, latency-us=1200, rate=57, util=0.53, state=ok", known(3, 1200*us, 57, 0.53), false},
		{"without what is not known", "rif=3, latency-us=0, state=ok", known(3, 0, 0, 0), false},
		{"in any order, without spaces", "util=1,state=draining,latency-us=0,rif=0", known(0, 0, 0, 1), true},
		{"with fields of the future", "cpu=0.7, rif=1, ;x, =, latency-us=2, state=ok", known(1, 2*us, 0, 0), false},
		{"rif alone", "rif=3", known(3, 0, 0, 0), false},
		{"all but rif", "latency-us=5, rate=1, util=0.1", rota.Load{}, false},
		{"rif spoiled afterwards", "rif=3, rif=x", rota.Load{}, false},
		{"state alone", "state=draining", rota.Load{}, true},
		{"no numbers", "rif=-1, latency-us=1e3, state=draining", rota.Load{}, true},
		{"one is none", "rif=1, latency-us=1e3, rate=NaN, util=Inf", known(1, 0, 0, 0), false},
		{"fractions", "rif=1, rate=0.125, util=2.5", known(1, 0, 0.125, 2.5), false},
		{"longer than is read", "rif=1, rate=0.12599999999999999999999, util=0.0001", known(1, 0, 0.125, 0), false},
		{"no fractions", "rif=1, rate=.5, util=1.", known(1, 0, 0, 0), false},
		{"two points", "rif=1, rate=1.2.3", known(1, 0, 0, 0), false},
		{"huge", "rif=99999999999999999999999, latency-us=99999999999999999999999, rate=99999999999999999999999.9, util=9999", known(1_000_000, time.Hour, 1_000_000, 100), false},
		{"another state", "rif=1, latency-us=2, state=tired", known(1, 2*us, 0, 0), false},
		{"as long as may be", "rif=1, latency-us=2, x=" + strings.Repeat("x", 256-23), known(1, 2*us, 0, 0), false},
		{"too long", "rif=1, latency-us=2, x=" + strings.Repeat("x", 257-23), rota.Load{}, false},
	}
	for _, test := range tests {
		if got, draining := parseLoad(test.s); got != test.want || draining != test.draining {
			t.Errorf("%s: parseLoad(%q) = %+v, %t, want %+v, %t", test.name, test.s, got, draining, test.want, test.draining)
		}
	}
}

// sayingOf returns what a Gate would write to say l.
func sayingOf(l rota.Load, draining bool) said {
	return said{
		rif: int64(l.RIF), micros: uint32(l.Latency / time.Microsecond), draining: draining,
		rate: uint32(l.Rate*1000 + 0.5), util: uint32(l.Utilization*1000 + 0.5),
	}
}

func FuzzParseLoad(f *testing.F) {
	for _, s := range []string{
		"", "rif=3, latency-us=1200, state=ok", "rif=3, latency-us=1200, rate=57, util=0.53, state=ok", "rif=,latency-us=,state=",
		"rif=1,rif=x", "rif=1,rate=0.001,util=99.999", "rif=1,rate=.,util=..", strings.Repeat(",", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, draining := parseLoad(s)
		if l.RIF < 0 || l.RIF > maxLoadRIF || l.Latency < 0 || l.Latency > maxLoadLatency ||
			!(l.Rate >= 0 && l.Rate <= maxLoadRate) || !(l.Utilization >= 0 && l.Utilization <= maxLoadUtil) {
			t.Fatalf("parseLoad(%q) = %+v: out of bounds", s, l)
		}
		if !l.Known && l != (rota.Load{}) || len(s) > maxLoadLen && (l.Known || draining) {
			t.Fatalf("parseLoad(%q) = %+v, %t: of nothing", s, l, draining)
		}
		if !l.Known {
			return
		}
		var texts loads
		text := texts.of(sayingOf(l, draining))[0]
		if again, d := parseLoad(text); again != l || d != draining || len(text) > maxLoadLen {
			t.Fatalf("parseLoad(%q) = %+v, %t, want %+v, %t", text, again, d, l, draining)
		}
	})
}

func TestSaid(t *testing.T) {
	for want, s := range map[string]said{
		"rif=0, latency-us=0, state=ok":                                 {},
		"rif=3, latency-us=1200, rate=57, util=0.53, state=ok":          {rif: 3, micros: 1200, rate: 57_000, util: 530},
		"rif=1, latency-us=7, rate=0.1, util=1.2, state=draining":       {rif: 1, micros: 7, rate: 100, util: 1200, draining: true},
		"rif=1, latency-us=7, rate=1000000, util=0.001, state=ok":       {rif: 1, micros: 7, rate: 1_000_000_000, util: 1},
		"rif=1000000, latency-us=3600000000, rate=1.02, state=draining": {rif: 1_000_000, micros: 3_600_000_000, rate: 1020, draining: true},
		"rif=12, latency-us=99, rate=0.012, util=100, state=ok":         {rif: 12, micros: 99, rate: 12, util: 100_000},
	} {
		if got := string(s.append(nil)); got != want {
			t.Errorf("%+v is written %q, want %q", s, got, want)
		}
	}
}

// The texts are remembered, and never those of another load.
func TestLoads(t *testing.T) {
	var texts loads
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 5000 {
				s := said{int64(i % 130), uint32(i % 3), uint32(i % 5 * 10), uint32(i % 4 * 100), i%7 == 0}
				got, draining := parseLoad(texts.of(s)[0])
				if sayingOf(got, draining) != s {
					t.Errorf("the text of %+v says %+v, %t", s, got, draining)
				}
			}
		})
	}
	all.Wait()
	if n := testing.AllocsPerRun(100, func() { texts.of(said{3, 1200, 57_000, 530, false}) }); n > 0 {
		t.Errorf("a load that is known takes %v allocations", n)
	}
}

func TestTwoDigits(t *testing.T) {
	for n, want := range map[uint32]uint32{0: 0, 7: 7, 99: 99, 100: 100, 129: 120, 3_600_000_000: 3_600_000_000, 4_294_967_295: 4_200_000_000} {
		if got := twoDigits(n); got != want {
			t.Errorf("twoDigits(%d) = %d, want %d", n, got, want)
		}
	}
	for v, want := range map[float64]uint32{0: 0, -1: 0, 0.0001: 1, 0.5: 500, 0.537: 530, 1.29: 1200, 57.9: 57_000, 1e9: 1_000_000_000} {
		if got := thousandths(v, maxLoadRate); got != want {
			t.Errorf("thousandths(%v) = %d, want %d", v, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name  string
		play  func(learn func(wall, used time.Duration))
		least uint32
		most  uint32
	}{
		{"nothing yet", func(learn func(wall, used time.Duration)) { learn(0, time.Hour) }, 0, 0},
		{"half of four, from the first", func(learn func(wall, used time.Duration)) { learn(0, 0); learn(time.Second/4, time.Second/2) }, 500, 500},
		{"all of four", func(learn func(wall, used time.Duration)) {
			for range 20 {
				learn(time.Second/4, time.Second)
			}
		}, 990, 1000},
		{"the past is forgotten", func(learn func(wall, used time.Duration)) {
			for range 20 {
				learn(time.Second/4, time.Second)
			}
			for range 20 {
				learn(time.Second/4, 0)
			}
		}, 1, 20},
		{"the whole time that nobody asked", func(learn func(wall, used time.Duration)) {
			learn(0, 0)
			learn(time.Hour, time.Hour)
		}, 240, 250},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var u usage
			var now, cpu time.Duration
			test.play(func(wall, used time.Duration) {
				now, cpu = now+wall, cpu+used
				u.mu.Lock()
				u.learnLocked(now, cpu, 4)
				u.mu.Unlock()
			})
			if got := u.thousandths(); got < test.least || got > test.most {
				t.Errorf("%d thousandths, want %d to %d", got, test.least, test.most)
			}
		})
	}
}

// What the system says is CPU time: it grows when the process works.
func TestCPUTime(t *testing.T) {
	before, ok := cpuTime()
	if !ok {
		t.Skip("on " + runtime.GOOS + " it is not known")
	}
	work := func(from time.Duration) { // a hang, if the time stood still
		for now := from; now < from+20*time.Millisecond; {
			now, _ = cpuTime()
		}
	}
	work(before)
	var u usage
	u.look(time.Second)
	work(u.used)
	if u.look(time.Second + usageStep - 1); u.thousandths() != 0 {
		t.Errorf("looked twice within %v", usageStep)
	}
	if u.look(time.Second + usageStep); u.thousandths() == 0 {
		t.Error("the share is not known after two looks")
	}
}

func BenchmarkParseLoad(b *testing.B) {
	for name, s := range map[string]string{"short": "rif=17, latency-us=1200, state=ok", "full": "rif=17, latency-us=1200, rate=57, util=0.53, state=ok"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parseLoad(s)
			}
		})
	}
}

func BenchmarkUsage(b *testing.B) {
	b.Run("too soon", func(b *testing.B) {
		var u usage
		for b.Loop() {
			u.look(1)
		}
	})
	b.Run("every time", func(b *testing.B) {
		var u usage
		for now := time.Duration(0); b.Loop(); now += usageStep {
			u.look(now)
		}
	})
}
