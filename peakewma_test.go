package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// What a client with ten replicas does with one that is bad, in shares of a fair share.
func TestPeakEWMAAvoidsBadReplicas(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	failed := &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	refused := &rota.Outcome{Verdict: rota.Overload, Err: errFull}
	for _, tt := range []struct {
		name  string
		fault func(n int) (time.Duration, *rota.Outcome) // of the n-th attempt
		most  float64
	}{
		{"fails at once", func(int) (time.Duration, *rota.Outcome) { return ms / 10, failed }, 0.1},
		{"fails every second at once", func(n int) (time.Duration, *rota.Outcome) {
			if n%2 == 0 {
				return ms / 10, failed
			}
			return ms, nil
		}, 0.15},
		{"refuses", func(int) (time.Duration, *rota.Outcome) { return ms / 10, refused }, 0.15},
		{"ten times as slow", func(int) (time.Duration, *rota.Outcome) { return 10 * typicalWork, nil }, 0.15},
		{"hangs now and then", func(n int) (time.Duration, *rota.Outcome) {
			if n%10 == 0 {
				return time.Second, nil
			}
			return typicalWork, nil
		}, 0.2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(max(5*seeds/1000, 1)) {
				const nodes = 10
				f := newFarm(seed, rota.Policy{}, nodes, rota.PeakEWMA(rota.PeakEWMAParams{}))
				n := 0
				f.replicas[0].fault = func() (time.Duration, *rota.Outcome) {
					n++
					return tt.fault(n)
				}
				f.traffic(30*time.Second, 3*ms)
				f.run(t, seed)
				if got := float64(n) * nodes / float64(f.calls); got > tt.most || n == 0 {
					t.Errorf("seed %d: it got %.3f of a fair share, want more than 0 and at most %.2f", seed, got, tt.most)
				}
			}
		})
	}
}

// The penalty is what is meant by it: without one, failing at once is being fast.
func TestPeakEWMAPenalty(t *testing.T) {
	share := func(penalty time.Duration) float64 {
		const nodes = 10
		f := newFarm(1, rota.Policy{}, nodes, rota.PeakEWMA(rota.PeakEWMAParams{FailurePenalty: penalty}))
		n := 0
		f.replicas[0].fault = func() (time.Duration, *rota.Outcome) {
			n++
			return ms / 10, &rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
		f.traffic(10*time.Second, 3*ms)
		f.run(t, 1)
		return float64(n) * nodes / float64(f.calls)
	}
	if got := share(-1); got < 1.5 {
		t.Errorf("without a penalty it got %.3f of a fair share, want more", got)
	}
	if got := share(time.Second); got > 0.05 {
		t.Errorf("with a penalty of 1s it got %.3f of a fair share, want nearly nothing", got)
	}
}

// pair is two replicas, of which slow answers after what is sent to wait.
func pair(params rota.PeakEWMAParams) (w *world, wait *time.Duration, slow *[]time.Duration) {
	w = newWorld(1, rota.Policy{}, 2, rota.PeakEWMA(params))
	wait, slow = new(time.Duration), new([]time.Duration)
	*wait = 10 * ms
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(1) {
			return 10 * ms, rota.Outcome{}
		}
		*slow = append(*slow, w.now.Sub(epoch))
		return *wait, rota.Outcome{}
	}
	return w, wait, slow
}

// between counts the times from one to before another.
func between(at []time.Duration, from, to time.Duration) (n int) {
	for _, t := range at {
		if t >= from && t < to {
			n++
		}
	}
	return n
}

func TestPeakEWMAFeelsOnePeakAtOnce(t *testing.T) {
	w, wait, slow := pair(rota.PeakEWMAParams{})
	w.steady(0, 6*time.Second, 20*ms)
	w.after(2*time.Second, func() { *wait = 300 * ms })
	w.after(2*time.Second+200*ms, func() { *wait = 10 * ms })
	w.run()
	if n := between(*slow, time.Second, 2*time.Second); n < 15 {
		t.Errorf("while it was well it got %d calls of 50", n)
	}
	if n := between(*slow, 2200*ms, 6*time.Second); n > 2 {
		t.Errorf("after the peak it got %d calls of 190, want hardly any", n)
	}
}

// A slow replica gets a call about every Tau while nothing else would send it one, and its share when it is well.
func TestPeakEWMAExplores(t *testing.T) {
	for _, tt := range []struct {
		explore             float64
		least, most, before int
	}{{0, 2, 5, 20}, {1, 2, 5, 20}, {-1, 0, 0, 40}} {
		w, wait, slow := pair(rota.PeakEWMAParams{Tau: 2 * time.Second, Explore: tt.explore})
		*wait = 2 * time.Second
		w.steady(0, 60*time.Second, 20*ms)
		w.after(20*time.Second, func() { *wait = 10 * ms })
		w.run()
		if n := between(*slow, time.Second, 9*time.Second); n < tt.least || n > tt.most {
			t.Errorf("Explore %v: in 8 s the slow one got %d calls, want %d to %d", tt.explore, n, tt.least, tt.most)
		}
		well := time.Duration(tt.before) * time.Second
		if n := between(*slow, well, well+20*time.Second); n < 250 && tt.explore < 0 {
			t.Errorf("Explore %v: well again it got %d of 1000 calls, want about half", tt.explore, n)
		}
		if n := between(*slow, 40*time.Second, 60*time.Second); n < 300 || n > 700 {
			t.Errorf("Explore %v: 20 s after it was well it got %d of 1000 calls, want about half", tt.explore, n)
		}
	}
}

// An attempt that was given up was at least that slow: late it raises the cost, early it changes nothing.
func TestPeakEWMALearnsFromWhatIsGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name        string
		after       time.Duration
		least, most int // calls to the same replica in the next second
	}{{"early", ms, 15, 35}, {"late", 400 * ms, 0, 2}} {
		w, wait, slow := pair(rota.PeakEWMAParams{})
		w.steady(0, 2*time.Second, 20*ms)
		w.after(2*time.Second, func() { // calls until one is at the slow one, which is left
			*wait = time.Hour
			for n := len(*slow); len(*slow) == n; {
				f := w.begin(rota.Call{}, time.Time{})
				w.after(tt.after, func() { f.leave(errCanceled) })
			}
			*wait = 10 * ms
		})
		w.after(2*time.Second+tt.after+ms, func() {
			for i := range 50 {
				w.after(time.Duration(i)*20*ms, func() { w.begin(rota.Call{}, time.Time{}) })
			}
		})
		w.run()
		from := 2*time.Second + tt.after + ms
		if n := between(*slow, from, from+time.Second); n < tt.least || n > tt.most {
			t.Errorf("%s: %d of 50 calls, want %d to %d", tt.name, n, tt.least, tt.most)
		}
	}
}

// A replica that has never answered gets one attempt at a time; once it has, it takes part.
func TestPeakEWMATriesANewReplicaOneByOne(t *testing.T) {
	const nodes = 4
	policy := rota.Policy{SlowStart: -1}
	f := newFarm(1, policy, nodes, rota.PeakEWMA(rota.PeakEWMAParams{}))
	f.cl.Update(epoch, instances(nodes)[:nodes-1])
	joined, answers := 5*time.Second, 8*time.Second
	late := nodes - 1
	f.replicas[late].fault = func() (time.Duration, *rota.Outcome) {
		return max(answers-f.now.Sub(epoch), typicalWork), nil
	}
	var at []time.Duration
	f.picked = func(i int) {
		if i == late {
			at = append(at, f.now.Sub(epoch))
		}
	}
	f.after(joined, func() { f.cl.Update(f.now, instances(nodes)) })
	f.traffic(80*time.Second, 5*ms)
	f.run(t, 1)
	if n := between(at, joined, answers); n != 1 {
		t.Errorf("before it answered it got %d attempts, want 1", n)
	}
	if n := between(at, 65*time.Second, 80*time.Second); n < 3000/nodes*7/10 {
		t.Errorf("later it got %d of 3000 calls, want about %d", n, 3000/nodes)
	}
}
