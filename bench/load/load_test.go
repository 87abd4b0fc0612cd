package load_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/load"
)

func TestJudge(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   load.Result
	}{
		{"right", 200, `{"v":"HELLO"}`, load.Right},
		{"another's", 200, `{"v":"WORLD"}`, load.Wrong},
		{"empty", 200, `{"v":""}`, load.Wrong},
		{"no JSON", 200, `<html>`, load.Wrong},
		{"cut", 200, `{"v":"HEL`, load.Wrong},
		{"an error told in a 200", 200, `{"v":"","err":"context deadline exceeded"}`, load.Failed},
		{"an error status", 502, `{"v":"HELLO"}`, load.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := load.Judge(tt.status, []byte(tt.body), "hello"); got != tt.want {
				t.Errorf("Judge(%d, %s) = %v, want %v", tt.status, tt.body, got, tt.want)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	if got := load.Quantile(d, 0.99); got != 0 {
		t.Errorf("Quantile of none = %v, want 0", got)
	}
	for i := range 200 {
		d = append(d, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.99: 198, 1: 200} {
		if got := load.Quantile(d, q); got != want {
			t.Errorf("Quantile(%v) = %d, want %d", q, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{{[]float64{7}, 7}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := load.Median(tt.in); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

// samples are due every 10 ms; those listed are bad.
func samples(n int, bad ...int) []load.Sample {
	all := make([]load.Sample, n)
	for i := range all {
		all[i].Due = time.Duration(i) * 10 * time.Millisecond
		if slices.Contains(bad, i) {
			all[i].Result = load.Failed
		}
	}
	return all
}

func TestRecovered(t *testing.T) {
	const from = 50 * time.Millisecond
	tests := []struct {
		name string
		all  []load.Sample
		want time.Duration
		ok   bool
	}{
		{"at once", samples(20, 1, 4), 0, true},
		{"after a while", samples(20, 4, 6, 9), 50 * time.Millisecond, true},
		{"never", samples(20, 19), 0, false},
		{"no calls", samples(5), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := load.Recovered(tt.all, from); got != tt.want || ok != tt.ok {
				t.Errorf("Recovered() = %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestBetween(t *testing.T) {
	got := load.Between(samples(20), 45*time.Millisecond, 80*time.Millisecond)
	if len(got) != 3 || got[0].Due != 50*time.Millisecond {
		t.Errorf("Between() = %v, want those of 50, 60 and 70 ms", got)
	}
	if got := load.Between(samples(20), 80*time.Millisecond, 45*time.Millisecond); len(got) != 0 {
		t.Errorf("Between() of nothing = %v", got)
	}
}

// turns deals calls at 400 a second to three replicas, of which those for which out says so are skipped.
func turns(total time.Duration, out func(replica int, at time.Duration) bool) load.Spread {
	s := make(load.Spread, 3)
	next := 0
	for at := time.Duration(0); at < total; at += 2500 * time.Microsecond {
		for range 3 {
			next = (next + 1) % 3
			if !out(next, at) {
				s[next] = append(s[next], at)
				break
			}
		}
	}
	return s
}

func TestEvenSince(t *testing.T) {
	const from, to = time.Second, 4 * time.Second
	until := func(end time.Duration) func(int, time.Duration) bool {
		return func(i int, at time.Duration) bool { return i == 0 && at < end }
	}
	tests := []struct {
		name   string
		spread load.Spread
		want   time.Duration
		ok     bool
	}{
		{"all the time", turns(to, until(0)), 0, true},
		{"before it is asked", turns(to, until(from)), 0, true},
		{"after a second", turns(to, until(from+time.Second)), time.Second, true},
		{"never", turns(to, until(to)), 0, false},
		{"not for good", turns(to, func(i int, at time.Duration) bool { return i == 1 && at > 2*from && at < 3*from }), 2 * time.Second, true},
		{"nothing at all", make(load.Spread, 3), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := load.EvenFor(400).Since(tt.spread, from, to)
			if ok != tt.ok || (got-tt.want).Abs() > 50*time.Millisecond {
				t.Errorf("Since() = %v, %v, want about %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
