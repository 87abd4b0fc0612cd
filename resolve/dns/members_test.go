package dns

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// listed is an answer of the addresses in a string: "a b c".
func listed(addrs string) answer {
	var a answer
	for addr := range strings.FieldsSeq(addrs) {
		a.instances = append(a.instances, rota.Instance{Addr: addr})
	}
	return a
}

// said writes a set as listed reads it; a vanished address has a "?" behind.
func said(set []rota.Instance) string {
	var words []string
	for _, inst := range set {
		if inst.Vanished {
			inst.Addr += "?"
		}
		words = append(words, inst.Addr)
	}
	return strings.Join(words, " ")
}

func TestMembers(t *testing.T) {
	type step struct {
		at      int // seconds
		answer  string
		partial bool
		want    string
	}
	const nothing = "-" // no answer, but a look at the clock
	tests := []struct {
		name  string
		grace time.Duration
		most  int
		steps []step
	}{
		{"vanished, then gone", 10 * time.Second, 9, []step{
			{0, "a b", false, "a b"}, {5, "b", false, "a? b"}, {14, nothing, false, "a? b"}, {15, nothing, false, "b"},
		}},
		{"counts from the first answer without it", 10 * time.Second, 9, []step{
			{0, "a b", false, "a b"}, {5, "b", false, "a? b"}, {10, "b", false, "a? b"}, {15, "b", false, "b"},
		}},
		{"back in time", 10 * time.Second, 9, []step{
			{0, "a b", false, "a b"}, {5, "b", false, "a? b"}, {14, "a b", false, "a b"}, {60, nothing, false, "a b"}, {61, "b", false, "a? b"},
		}},
		{"all others", 10 * time.Second, 9, []step{
			{0, "a b", false, "a b"}, {5, "c", false, "a? b? c"}, {15, nothing, false, "c"},
		}},
		{"no grace", 0, 9, []step{{0, "a b", false, "a b"}, {5, "b", false, "b"}}},
		{"a part is missing", 10 * time.Second, 9, []step{
			{0, "a b", false, "a b"}, {5, "a", true, "a b"}, {60, "c", true, "a b c"}, {61, "c", false, "a? b? c"}, {62, "c", true, "a? b? c"}, {71, "c", true, "c"},
		}},
		{"too many", 10 * time.Second, 3, []step{
			{0, "a", false, "a"}, {1, "b", false, "a? b"}, {2, "c", false, "a? b? c"}, {3, "d", false, "b? c? d"}, {4, "e f g", false, "e f g"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := members{grace: test.grace, most: test.most}
			epoch := time.Unix(0, 0)
			for _, s := range test.steps {
				now := epoch.Add(time.Duration(s.at) * time.Second)
				if s.answer == nothing {
					m.expire(now)
				} else {
					a := listed(s.answer)
					a.partial = s.partial
					m.merge(now, a)
				}
				if got := said(m.instances()); got != s.want {
					t.Errorf("after %ds: %q, want %q", s.at, got, s.want)
				}
			}
		})
	}
}

// TestMembersProperties: whatever the answers, what the last one listed is in the set, nothing stays beyond its grace, and
// nextExpiry is the instant at which something goes.
func TestMembersProperties(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := members{grace: 10 * time.Second, most: 12}
		now := time.Unix(0, 0)
		for range 30 {
			now = now.Add(time.Duration(r.IntN(8)) * time.Second)
			var a answer
			for i := range 10 {
				if r.IntN(3) == 0 {
					a.instances = append(a.instances, rota.Instance{Addr: strconv.Itoa(i)})
				}
			}
			m.merge(now, a)
			for _, inst := range a.instances {
				if got := m.set[inst.Addr]; got.Vanished || got.Addr == "" {
					t.Fatalf("seed %d: %s is listed, but in the set it is %+v", seed, inst.Addr, got)
				}
			}
			expiry, some := m.nextExpiry()
			if vanished := slices.ContainsFunc(m.instances(), func(i rota.Instance) bool { return i.Vanished }); vanished != some {
				t.Fatalf("seed %d: nextExpiry() = %v, %v in %s", seed, expiry, some, said(m.instances()))
			}
			if some && (m.expire(expiry.Add(-1)) || !m.expire(expiry)) {
				t.Fatalf("seed %d: nothing goes exactly at nextExpiry()", seed)
			}
		}
	}
}
