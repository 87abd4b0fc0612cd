package sim

import (
	"reflect"
	"testing"
	"time"
)

func TestRecovery(t *testing.T) {
	tests := []struct {
		name       string
		good       []int64 // of 100 begun in each second
		end, until time.Duration
		want       float64
	}{
		{"at once", []int64{100, 0, 0, 100, 100}, 3 * time.Second, 5 * time.Second, 0},
		{"after two seconds", []int64{100, 0, 0, 50, 94, 95, 100}, 3 * time.Second, 7 * time.Second, 2},
		{"for good", []int64{100, 0, 0, 100, 100, 20, 100}, 3 * time.Second, 7 * time.Second, 3},
		{"never", []int64{100, 0, 0, 100, 100, 20}, 3 * time.Second, 6 * time.Second, -1},
		{"what comes later does not count", []int64{100, 0, 0, 100, 100, 20}, 3 * time.Second, 5 * time.Second, 0},
		{"in the midst of a second", []int64{100, 0, 0, 60, 100}, 3500 * time.Millisecond, 5 * time.Second, 1},
		{"there is nothing", nil, 3 * time.Second, 5 * time.Second, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l timeline
			for _, n := range test.good {
				l.seconds = append(l.seconds, second{100, n})
			}
			if got := l.recovery(test.end, test.until); got != test.want {
				t.Errorf("recovery() = %v, want %v", got, test.want)
			}
		})
	}
}

func TestShed(t *testing.T) {
	tests := []struct {
		name   string
		faulty []int64 // of 100 attempts in each tenth of a second, from the first on
		end    time.Duration
		want   float64
	}{
		{"at once", []int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1100 * time.Millisecond, 0},
		{"below a tenth of a quarter", []int64{25, 25, 25, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 1300 * time.Millisecond, 0.3},
		{"a few are not enough", []int64{25, 25, 0, 0, 0, 25, 0, 0, 0}, 900 * time.Millisecond, -1},
		{"never", []int64{25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 3}, 1300 * time.Millisecond, -1},
		{"too late", []int64{25, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, time.Second, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l timeline
			for _, n := range test.faulty {
				l.moments = append(l.moments, moment{100, n})
			}
			if got := l.shed(0, test.end, 0.25); got < test.want-1e-9 || got > test.want+1e-9 {
				t.Errorf("shed() = %v, want %v", got, test.want)
			}
		})
	}
}

func TestMergeTakesMedians(t *testing.T) {
	row := func(p99, calls, recovery float64, reasons map[string]float64) *Row {
		return &Row{Policy: "p", Load: 1.23456789, Latency: Latency{P99: p99}, Calls: calls, Recovery: &recovery, ErrorsBy: reasons,
			Services: []ServiceRun{{Name: "s", Attempts: calls}}, Histogram: []Bin{{1, int64(calls)}}}
	}
	one := row(7, 100, 3, map[string]float64{"timeout": 4})
	got := merge([]*Row{one, row(9, 300, -1, nil), row(8, 200, -1, map[string]float64{"timeout": 2, "final": 1})})
	never := -1.0
	want := Row{Policy: "p", Load: 1.23456789, Latency: Latency{P99: 8}, Calls: 200, Recovery: &never, ErrorsBy: map[string]float64{"timeout": 2, "final": 0},
		Services: []ServiceRun{{Name: "s", Attempts: 200}}, Histogram: []Bin{{1, 100}}, Spread: &[2]float64{7, 9}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("merge() = %+v, want %+v", got, want)
	}
	if one.Calls != 100 || *one.Recovery != 3 || one.ErrorsBy["timeout"] != 4 || one.Services[0].Attempts != 100 {
		t.Errorf("merge() has changed what it was given: %+v", one)
	}
	if got := merge([]*Row{row(7, 100, 3, nil), row(9, 301, 4, nil)}); got.Latency.P99 != 8 || got.Calls != 200.5 || *got.Recovery != 3.5 {
		t.Errorf("of two: %+v", got)
	}
	if got := merge([]*Row{row(1.0/3, 1, 1, nil)}); got.Latency.P99 != 0.333333 || got.Spread != nil {
		t.Errorf("of one: %+v", got)
	}
}

func TestIntervalOfTheMedian(t *testing.T) {
	// From tables of the binomial distribution: so many at each end have together at most 2.5 % of it.
	for n, want := range map[int]int{2: 0, 5: 0, 6: 0, 8: 0, 9: 1, 10: 1, 12: 2, 15: 3, 17: 4, 20: 5, 100: 39} {
		if got := intervalCut(n); got != want {
			t.Errorf("intervalCut(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestRecoveryCountsFromTheLastFault(t *testing.T) {
	down := func(at, long time.Duration) Fault { return Fault{At: at, For: long, Kind: "down", Share: 1} }
	e := fleet(2, down(5*time.Second, time.Second), down(10*time.Second, 3*time.Second), down(2*time.Second, time.Second))
	if r := rowOf(t, e); r.Recovery == nil || *r.Recovery != 0 {
		t.Errorf("recovery %v, want 0", r.Recovery)
	}
	e.Faults = append(e.Faults, Fault{At: 14 * time.Second, Kind: "slow", Factor: 2})
	if r := rowOf(t, e); r.Recovery != nil {
		t.Errorf("recovery %v of a fault that does not end", *r.Recovery)
	}
}
