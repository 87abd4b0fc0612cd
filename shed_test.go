package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// refusing answers the calls for which serves is true, and refuses the others for a second.
func refusing(serves func() bool) func(*rota.Attempt) (time.Duration, rota.Outcome) {
	return func(*rota.Attempt) (time.Duration, rota.Outcome) {
		if serves() {
			return ms, rota.Outcome{}
		}
		return ms, rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Second, Err: errFull}
	}
}

// A replica that answers half of its calls and refuses the others is the only one there is: it gets calls all the time.
func TestReplicaThatShedsLoadIsNotLeftIdle(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(seed, rota.Policy{}, 1, nil)
		w.respond = refusing(func() bool { return w.IntN(2) == 0 })
		for i := range 2000 { // 20 s
			w.callAt(time.Duration(i) * 10 * ms)
		}
		if w.sent < 1300 {
			t.Errorf("seed %d: %d of 2000 calls were sent, want all but those of the first rests", seed, w.sent)
		}
	}
}

// One that begins to refuse has its wish, though it answered until then; and every time that it was left alone as long as
// it asked for.
func TestReplicaThatBeginsToRefuseIsLeftAlone(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 1, nil)
	full := false
	w.respond = refusing(func() bool { return !full })
	for i := range 100 {
		w.callAt(time.Duration(i) * 10 * ms)
	}
	full = true
	sent := w.sent
	for i := range 300 {
		w.callAt(time.Second + time.Duration(i)*10*ms)
	}
	if got := w.sent - sent; got != 3 {
		t.Errorf("%d attempts in 3 s of refusals with a rest of 1 s, want 3", got)
	}
}

// While another replica answers, one that sheds load has its rest.
func TestReplicaThatShedsLoadRestsBesideOthers(t *testing.T) {
	w := newWorld(1, rota.Policy{Retry: &rota.Retry{}}, 2, rota.RoundRobin())
	got := map[string]int{}
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		got[a.Instance().Addr]++
		busy := a.Instance().Addr == w.cl.Nodes()[0].Instance().Addr
		return refusing(func() bool { return !busy || w.IntN(2) == 0 })(a)
	}
	for i := range 1000 {
		w.callAt(time.Duration(i) * 10 * ms)
	}
	if n := got[w.cl.Nodes()[0].Instance().Addr]; n > 100 {
		t.Errorf("the busy one got %d of 1000 calls, want few: it rests for a second after each refusal", n)
	}
}
