package rotahttp

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTimeoutOnTheWire(t *testing.T) {
	tests := []struct {
		name string
		d    time.Duration
		want string
	}{
		{"whole", 250 * time.Millisecond, "250"},
		{"rounded up", 250*time.Millisecond + 1, "251"},
		{"the last bit of time", 1, "1"},
		{"none", 0, "0"},
		{"less than none", -time.Second, "0"},
		{"more than fits", math.MaxInt64, "9999999999"},
	}
	for _, test := range tests {
		if got := formatTimeout(test.d); got != test.want {
			t.Errorf("%s: formatTimeout(%v) = %s, want %s", test.name, test.d, got, test.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		s    string
		want time.Duration
	}{
		{"", 0}, {"0", 0}, {"2", 2 * time.Second}, {"86400", 24 * time.Hour}, {"86401", 24 * time.Hour},
		{"99999999999999999999999", 24 * time.Hour}, {"-1", 0}, {"1.5", 0}, {"soon", 0}, {"0x10", 0},
		{now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{now.Add(-time.Minute).Format(http.TimeFormat), 0},
		{now.AddDate(900, 0, 0).Format(http.TimeFormat), 24 * time.Hour},
	}
	for _, test := range tests {
		if got := parseRetryAfter(test.s, now); got != test.want {
			t.Errorf("parseRetryAfter(%q) = %v, want %v", test.s, got, test.want)
		}
	}
}

func TestDraining(t *testing.T) {
	for load, want := range map[string]bool{
		"": false, "state=ok": false, "state=draining": true, "rif=3, latency-us=1200, state=draining": true,
		"state=draining, rif=0": true, "draining": false, "state=draining!": false, "xstate=draining": false,
	} {
		if _, got := parseLoad(load); got != want {
			t.Errorf("draining in %q = %t, want %t", load, got, want)
		}
	}
}

func TestNewIDIsFitForATrail(t *testing.T) {
	a, b := newID(), newID()
	if a == b || len(a) != 12 || strings.ContainsAny(a, ", ") {
		t.Errorf("newID() = %q, %q, want two names of 12 letters", a, b)
	}
}

// A trail never grows out of bounds, on however many processes a call comes by.
func TestTrailIsBounded(t *testing.T) {
	trail, n := "", 0
	for ok := true; ok; n++ {
		if n > 100 {
			t.Fatal("the trail goes on and on")
		}
		trail, ok = extendTrail(trail, fmt.Sprint("process-", n))
	}
	if n-1 != maxHops {
		t.Errorf("a call passed %d processes, want %d", n-1, maxHops)
	}
}

func FuzzParseTimeout(f *testing.F) {
	for _, s := range []string{"", "0", "250", "9999999999", "10000000000", "-1", "+1", "1e3", "0x1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseTimeout(s)
		if d < 0 || d > maxTimeout || !ok && d != 0 {
			t.Fatalf("parseTimeout(%q) = %v, %t: out of bounds", s, d, ok)
		}
		if !ok {
			return
		}
		if again, ok := parseTimeout(formatTimeout(d)); again != d || !ok {
			t.Fatalf("parseTimeout(formatTimeout(%v)) = %v, %t", d, again, ok)
		}
	})
}

func FuzzFormatTimeout(f *testing.F) {
	for _, d := range []int64{0, 1, -1, 999_999, 1_000_000, math.MaxInt64, math.MinInt64} {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		d := time.Duration(n)
		got, ok := parseTimeout(formatTimeout(d))
		want := min(max(d, 0), maxTimeout)
		if !ok || got < want || got >= want+time.Millisecond {
			t.Fatalf("parseTimeout(formatTimeout(%v)) = %v, %t, want it rounded up", d, got, ok)
		}
	})
}

func FuzzExtendTrail(f *testing.F) {
	for _, s := range []string{"", "a", "a,b", "me", "a, me ,b", ",,,", strings.Repeat("x,", 20), strings.Repeat("x", 2000)} {
		f.Add(s, "me")
	}
	f.Fuzz(func(t *testing.T, trail, id string) {
		got, ok := extendTrail(trail, id)
		if !ok {
			if got != "" {
				t.Fatalf("extendTrail(%q, %q) = %q though it is refused", trail, id, got)
			}
			return
		}
		if len(got) > maxHops*64+1+len(id) || !strings.HasSuffix(got, id) || !strings.HasPrefix(got, trail) {
			t.Fatalf("extendTrail(%q, %q) = %q: out of bounds", trail, id, got)
		}
		if id = strings.TrimSpace(id); id == "" || strings.Contains(id, ",") {
			return // no id of ours
		}
		if n := strings.Count(got, ",") + 1; n > maxHops {
			t.Fatalf("extendTrail(%q, %q) passes %d processes", trail, id, n)
		}
		if again, ok := extendTrail(got, id); ok {
			t.Fatalf("extendTrail(%q, %q) = %q: the id is on the trail", got, id, again)
		}
	})
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "99999999999999999999", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT"} {
		f.Add(s, int64(1_767_225_600))
	}
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		d := parseRetryAfter(s, time.Unix(unix, 0))
		if d < 0 || d > maxRetryAfter {
			t.Fatalf("parseRetryAfter(%q) = %v: out of bounds", s, d)
		}
		if n, err := strconv.ParseUint(s, 10, 16); err == nil && d != min(time.Duration(n)*time.Second, maxRetryAfter) {
			t.Fatalf("parseRetryAfter(%q) = %v", s, d)
		}
	})
}

func FuzzDraining(f *testing.F) {
	for _, s := range []string{"", "state=draining", "rif=3, latency-us=1200, state=ok", ",,,", " state=draining ,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		draining := func(s string) bool { _, d := parseLoad(s); return d }
		if draining(s) && !strings.Contains(s, "state=draining") {
			t.Fatalf("draining(%q) = true", s)
		}
		if len(s) < 200 && !draining(s+", state=draining") {
			t.Fatalf("draining(%q) = false", s+", state=draining")
		}
	})
}
