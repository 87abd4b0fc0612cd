//go:build integration

package bench_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/replica"
)

// limiter: rate.Every(time.Second) is one token a second, and the 100 the tutorial passes next to it is the burst.
func limiter(t *testing.T, b binaries) (string, string) {
	_, addrs := replicas(t, 1)
	kit, ours := b.both(t, addrs, "-qps=100", "-burst=10")
	kitBurst, refused := burst(t, kit)
	kitRate, _ := sustained(t, kit)
	if kitBurst < 90 || kitBurst > 130 || kitRate > 3 || refused.status != 200 || !strings.Contains(refused.Err, "rate limit exceeded") {
		t.Errorf("go-kit passed %d, then %.1f/s, refusing with %q; want 100, then 1/s, refusing with a 200", kitBurst, kitRate, refused)
	}
	_, limited := burst(t, ours)
	ourRate, offered := sustained(t, ours)
	if ourRate > 115 || ourRate < 0.6*min(100, offered) {
		t.Errorf("ours passed %.1f/s of %.0f/s, want 100", ourRate, offered)
	}
	if limited.status != 429 || limited.header.Get("Retry-After") == "" {
		t.Errorf("ours refused with %q, Retry-After %q; want a 429 that has one", limited, limited.header.Get("Retry-After"))
	}
	return fmt.Sprintf("%.0f/s after the first %d; the others: 200", kitRate, kitBurst),
		fmt.Sprintf("%.0f/s; the others: 429, Retry-After", ourRate)
}

// burst calls, eight at a time, until a call is refused: how many got through before, and what that one was told.
func burst(t *testing.T, f *front) (right int, refused answer) {
	t.Helper()
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for began := time.Now(); time.Since(began) < patience; {
				a := f.call(t)
				mu.Lock()
				if a.right() {
					right++
				} else {
					refused = a
				}
				over := refused.status != 0
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	callers.Wait()
	return right, refused
}

// sustained calls five times as often as the limiter should allow, or as often as the machine can: how many calls a second
// got through, and how many were made.
func sustained(t *testing.T, f *front) (passed, offered float64) {
	t.Helper()
	began := time.Now()
	paced(2*time.Millisecond, 2*time.Second, func() bool {
		offered++
		if f.call(t).right() {
			passed++
		}
		return true
	})
	s := time.Since(began).Seconds()
	return passed / s, offered / s
}

// hungReplica: lb.Retry's 250 ms are for all attempts together, so the hung one eats the time of the two never made.
func hungReplica(t *testing.T, b binaries) (string, string) {
	const n = 12
	list, addrs := replicas(t, 3)
	list[0].Set(replica.Hang)
	kit, ours := b.both(t, addrs)
	bad := wrong(kit.calls(t, n))
	if len(bad) < 3 || bad[0].Err != "context deadline exceeded" {
		t.Errorf("go-kit failed %d of %d, %v; want a third, by its deadline", len(bad), n, bad)
	}
	if bad := wrong(ours.calls(t, n)); len(bad) > 0 {
		t.Errorf("ours failed %d of %d, %v; want none", len(bad), n, bad)
	}
	return fmt.Sprintf("%d of %d calls fail", len(bad), n), fmt.Sprintf("0 of %d fail", n)
}

// openBreaker: an open breaker's refusal counts as one of the three attempts, and round robin keeps choosing it.
func openBreaker(t *testing.T, b binaries) (string, string) {
	_, up := replicas(t, 1)
	kit, ours := b.both(t, append(down(t, 3), up...))
	kitBad, kitAll := afterLearning(t, kit)
	if len(kitBad)*4 < kitAll || !strings.Contains(kitBad[0].Err, "circuit breaker is open") {
		t.Errorf("go-kit failed %d of %d, %v; want half, by open breakers", len(kitBad), kitAll, tailOf(kitBad))
	}
	ourBad, ourAll := afterLearning(t, ours)
	if len(ourBad) > 0 {
		t.Errorf("ours failed %d of %d, %v; want none", len(ourBad), ourAll, tailOf(ourBad))
	}
	return fmt.Sprintf("%d of %d calls fail, breakers open", len(kitBad), kitAll), fmt.Sprintf("0 of %d fail", ourAll)
}

// afterLearning lets every breaker open and then watches for longer than ours stay open: the probes of three half-open
// breakers must cost no call either, and calls so far apart that each second has hardly more calls than probes.
func afterLearning(t *testing.T, f *front) (bad []answer, all int) {
	t.Helper()
	f.calls(t, 30)
	var answers []answer
	paced(200*time.Millisecond, 3*time.Second, func() bool {
		answers = append(answers, f.call(t))
		return true
	})
	return wrong(answers), len(answers)
}

// halfBroken: gobreaker's default trips on six failures in a row, which a replica failing every other call never has.
func halfBroken(t *testing.T, b binaries) (string, string) {
	const n = 120
	list, addrs := replicas(t, 2)
	kit, ours := b.both(t, addrs)
	share := func(f *front) int {
		list[0].Set(replica.EveryOther(replica.Reset))
		before := list[0].Count()
		if bad := wrong(f.calls(t, n)); len(bad) > 0 {
			t.Errorf("%d of %d calls failed, %v; want none: the other replica is well", len(bad), n, tailOf(bad))
		}
		return list[0].Count() - before
	}
	kitShare, ourShare := share(kit), share(ours)
	if kitShare < n/2-5 {
		t.Errorf("go-kit sent it %d attempts for %d calls, want at least its full share", kitShare, n)
	}
	if ourShare < 15 || ourShare > n/3 {
		t.Errorf("ours sent it %d attempts for %d calls, want about 20 and then a rest", ourShare, n)
	}
	return fmt.Sprintf("never taken out: %d attempts for %d calls", kitShare, n),
		fmt.Sprintf("taken out after %d attempts", ourShare)
}

// recovery: gobreaker's default stays open for a minute. Few calls, so that the limiter has no part in it.
func recovery(t *testing.T, b binaries) (string, string) {
	const watch = 3 * time.Second
	list, addrs := replicas(t, 2)
	kit, ours := b.both(t, addrs)
	back := func(f *front, watch time.Duration) (after time.Duration, ok bool) {
		list[0].Set(replica.Reset)
		f.calls(t, 20)
		list[0].Set(nil)
		healed, before := time.Now(), list[0].Count()
		paced(60*time.Millisecond, watch, func() bool {
			f.call(t)
			ok = list[0].Count() > before
			return !ok
		})
		return time.Since(healed), ok
	}
	if after, ok := back(kit, watch); ok {
		t.Errorf("go-kit used it again after %v, want not within %v", after, watch)
	}
	after, ok := back(ours, patience)
	if !ok {
		t.Errorf("ours did not use it again within %v, want about a second", patience)
	}
	return fmt.Sprintf("not used for %v (a minute)", watch), fmt.Sprintf("used again after %.1fs", after.Seconds())
}

// otherFaults is no defect: what breaks the connection or the JSON both send elsewhere.
func otherFaults(t *testing.T, b binaries) (string, string) {
	const n = 6 // two a replica: fewer than open a breaker
	var all int
	for _, fault := range []replica.Fault{replica.Reset, replica.Garbage, replica.Cut, replica.Page, replica.Busy(time.Second)} {
		list, addrs := replicas(t, 3)
		list[0].Set(fault)
		kit, ours := b.both(t, addrs)
		for _, f := range []*front{kit, ours} {
			before := list[0].Count()
			if bad := wrong(f.calls(t, n)); len(bad) > 0 {
				t.Errorf("%d of %d calls failed, %v; want none", len(bad), n, tailOf(bad))
			}
			if list[0].Count() == before {
				t.Errorf("no call met the fault")
			}
		}
		all += n
	}
	return fmt.Sprintf("0 of %d fail", all), fmt.Sprintf("0 of %d fail", all)
}

// statusIgnored: the tutorial decodes whatever comes, with any status.
func statusIgnored(t *testing.T, b binaries) (string, string) {
	list, addrs := replicas(t, 2)
	for _, r := range list {
		r.Set(replica.Broken)
	}
	kit, ours := b.both(t, addrs)
	k, o := kit.call(t), ours.call(t)
	if k.status != 200 || k.V != "" || k.Err != "" {
		t.Errorf("go-kit answered %v, want an empty 200", k)
	}
	if o.status != 502 || !namesAll(o.text, addrs) {
		t.Errorf("ours answered %v, want a 502 that names %v", o, addrs)
	}
	return k.String(), fmt.Sprintf("%d, naming each attempt", o.status)
}

// failedCall: the tutorial's endpoint puts every error in the body of a 200.
func failedCall(t *testing.T, b binaries) (string, string) {
	addrs := down(t, 2)
	kit, ours := b.both(t, addrs)
	k, o := kit.call(t), ours.call(t)
	if k.status != 200 || !strings.Contains(k.Err, "refused") {
		t.Errorf("go-kit answered %v, want a 200 with the error in it", k)
	}
	if o.status != 502 || !namesAll(o.text, addrs) {
		t.Errorf("ours answered %v, want a 502 that names %v", o, addrs)
	}
	return fmt.Sprintf("%d with the error as text", k.status), fmt.Sprintf("%d, naming each attempt", o.status)
}

// lostCauses: when the time is up lb.Retry returns ctx.Err() and drops what it had collected.
func lostCauses(t *testing.T, b binaries) (string, string) {
	list, up := replicas(t, 1)
	list[0].Set(replica.Hang)
	addrs := append(down(t, 1), up...)
	kit, ours := b.both(t, addrs)
	k, o := kit.call(t), ours.call(t)
	if k.Err != "context deadline exceeded" {
		t.Errorf("go-kit answered %v, want the bare deadline", k)
	}
	if o.status < 502 || !namesAll(o.text, addrs) {
		t.Errorf("ours answered %v, want a failure that names %v", o, addrs)
	}
	return fmt.Sprintf("%d %q", k.status, k.Err), fmt.Sprintf("%d, naming both and why", o.status)
}

func namesAll(text string, addrs []string) bool {
	for _, a := range addrs {
		if !strings.Contains(text, a) {
			return false
		}
	}
	return true
}

// tailOf keeps a message readable.
func tailOf(all []answer) []answer { return all[max(0, len(all)-3):] }
