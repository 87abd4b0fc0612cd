//go:build integration && linux

package main

import (
	"io"
	"strings"
	"testing"
)

// TestHarness plays two rows before our fronts and before one that calls a single replica without any help. The numbers must
// be sane, whatever the machine; and the harness must find fault with the other front.
func TestHarness(t *testing.T) {
	p, err := parse([]string{"-run=^(HTTP 500|killed$)", "-against=direct", "-rate=50", "-warm=1s", "-fault=1s", "-after=3s"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	shop, err := newWorkshop(t.Context(), t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer shop.close()
	entries, err := playAll(t.Context(), shop, t.Output(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 6 {
		t.Fatalf("%d entries, want two rows before three fronts", len(entries))
	}
	for _, e := range entries {
		s := e.Sum
		if s.Calls < 200 || s.Calls > 320 || s.FaultCalls < 40 || s.FaultCalls > 80 {
			t.Errorf("%s, %s: %d calls, %d during the fault; want about 250 and 50", e.Fault, e.Front, s.Calls, s.FaultCalls)
		}
		if s.Wrong > 0 || s.Dropped > 0 {
			t.Errorf("%s, %s: %d wrong, %d never sent; want none", e.Fault, e.Front, s.Wrong, s.Dropped)
		}
		if s.P50 <= 0 || s.P50 > s.P99 || s.P99 > s.Max || s.Max > ms(callTimeout) {
			t.Errorf("%s, %s: p50 %s, p99 %s, max %s", e.Fault, e.Front, show(s.P50), show(s.P99), show(s.Max))
		}
		if e.Front == "direct" {
			e.wantBad(t)
		} else {
			e.wantGood(t)
		}
	}
}

// wantGood is what holds on any machine; times do not.
func (e *entry) wantGood(t *testing.T) {
	t.Helper()
	s := e.Sum
	if why := trouble(s); why != "" {
		t.Logf("%s: the machine was too busy to judge: %s", e.Fault, why)
		return
	}
	if s.Failed > 0 || s.OverBudget > 0 || s.Attempts < 1 || s.Attempts > 2 || s.Tally.Calls != float64(s.Calls) {
		t.Errorf("%s: %+v; want every call answered, and counted, within the budget", e.Fault, s)
	}
	if s.Arrived < s.Calls || float64(s.Arrived) > s.Tally.Calls+s.Tally.Extra {
		t.Errorf("%s: %d attempts arrived for %d calls, the front counted %v", e.Fault, s.Arrived, s.Calls, s.Tally)
	}
}

func (e *entry) wantBad(t *testing.T) {
	t.Helper()
	if missed := strings.Join(e.Missed, " "); !strings.Contains(missed, "failed") || !strings.Contains(missed, "even spread") {
		t.Errorf("%s: one replica without help misses %q, want failed and even spread", e.Fault, missed)
	}
	if s := e.Sum; s.FaultFailed < s.FaultCalls*3/4 {
		t.Errorf("%s: %d of %d calls failed during the fault, want nearly all", e.Fault, s.FaultFailed, s.FaultCalls)
	}
}
