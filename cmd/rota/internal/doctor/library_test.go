package doctor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
)

// library makes calls to three replicas, or as many as are given, with the policy, in virtual time. Each attempt ends after
// took with the verdict; those that take 0 never end by themselves.
type library struct {
	cl     *rota.Cluster
	now    time.Time
	opened int
}

func newLibrary(p rota.Policy, replicas ...string) *library {
	l := &library{now: time.Unix(1, 0)}
	rnd := rand.New(rand.NewPCG(1, 2))
	l.cl = rota.NewCluster(rota.ClusterParams{
		Service: "s", Policy: p, Balancer: rota.RoundRobin(), Rand: rnd.Uint64, Now: l.now,
		Observer: rota.Observer{BreakerChanged: func(e rota.BreakerEvent) {
			if e.Open {
				l.opened++
			}
		}},
	})
	var set []rota.Instance
	for _, addr := range replicas {
		set = append(set, rota.Instance{Addr: addr})
	}
	l.cl.Update(l.now, set)
	return l
}

// call makes one, and returns how many attempts it had and how long it took.
func (l *library) call(took time.Duration, verdict rota.Verdict, idempotent bool) (attempts int, ended time.Duration) {
	start := l.now
	plan := l.cl.Plan(l.now, time.Time{}, rota.Call{Idempotent: idempotent})
	defer plan.Close()
	for {
		switch s := plan.Next(l.now); s.Kind {
		case rota.StepSend:
			attempts++
			if took > 0 {
				l.now = l.now.Add(took)
				plan.Ended(l.now, s.Attempt, rota.Outcome{Verdict: verdict})
			}
		case rota.StepCancel:
			plan.Ended(l.now, s.Attempt, rota.Outcome{Verdict: rota.Ignored})
		case rota.StepWait:
			l.now = s.At
		case rota.StepDone:
			return attempts, l.now.Sub(start)
		}
	}
}

func TestDefaultsAreThoseOfTheLibrary(t *testing.T) {
	p := rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}}
	v := newView(&Service{Policy: config.Policy{Policy: p}}, nil)

	l := newLibrary(p, "a", "b", "c")
	if left := l.cl.Stats(l.now).BudgetLeft; left != v.floor*span.Seconds() {
		t.Errorf("a new budget has %v, want %v", left, v.floor*span.Seconds())
	}
	if n, _ := l.call(time.Millisecond, rota.Failure, true); n != v.attempts {
		t.Errorf("a call that fails has %d attempts, want %d", n, v.attempts)
	}
	l = newLibrary(rota.Policy{Breaker: p.Breaker}, "a", "b")
	for i := range 2*v.failures - 1 { // the second replica's last failure is the one after
		if l.call(time.Millisecond, rota.Failure, true); (l.opened > 0) != (i == 2*v.failures-2) {
			t.Errorf("after %d failures of each the breaker opened %d times, want it after %d", i/2+1, l.opened, v.failures)
		}
	}
	l = newLibrary(rota.Policy{Breaker: p.Breaker}, "a")
	for range 100 {
		l.call(time.Millisecond, rota.Failure, true)
	}
	if l.opened > 0 {
		t.Error("the breaker of the only replica opened, which one-replica says it does not")
	}
	l = newLibrary(rota.Policy{Retry: p.Retry, Budget: rota.Budget{MinPerSecond: -1}}, "a", "b")
	for range 100 {
		l.call(time.Millisecond, rota.Success, true)
	}
	if left := l.cl.Stats(l.now).BudgetLeft; left != v.ratio*100 {
		t.Errorf("100 calls earn %v, want %v", left, v.ratio*100)
	}
}

// TestTheLibraryDoesAsTheRulesSay has replicas that hang.
func TestTheLibraryDoesAsTheRulesSay(t *testing.T) {
	second := func(r *rota.Retry, h *rota.Hedge) rota.Policy {
		return rota.Policy{Timeout: time.Second, Retry: r, Hedge: h}
	}
	tests := []struct {
		name     string
		policy   rota.Policy
		once     bool // the call may not be repeated
		hedges   uint64
		attempts int
		ended    time.Duration
	}{
		{"hedge-never-sent: due when the call is over", second(nil, &rota.Hedge{Delay: time.Second}), false, 0, 1, time.Second},
		{"due before", second(nil, &rota.Hedge{Delay: 999 * time.Millisecond}), false, 1, 2, time.Second},
		{"hedge-never-sent: due after the second attempt", second(&rota.Retry{}, &rota.Hedge{Delay: 800 * time.Millisecond}), false, 0, 3, time.Second},
		{"hedge-without-attempt", second(&rota.Retry{Attempts: 1}, &rota.Hedge{Delay: 100 * time.Millisecond}), false, 0, 1, time.Second},
		{"hedge-not-idempotent", second(nil, &rota.Hedge{Delay: 100 * time.Millisecond}), true, 0, 1, time.Second},
		{"try-timeout-never-cuts", second(&rota.Retry{TryTimeout: time.Second}, nil), false, 0, 1, time.Second},
		{"try-timeout-ends-call: one attempt", second(&rota.Retry{Attempts: 1, TryTimeout: 300 * time.Millisecond}, nil), false, 0, 1, 300 * time.Millisecond},
		{"try-timeout-ends-call: not to be repeated", second(&rota.Retry{TryTimeout: 300 * time.Millisecond}, nil), true, 0, 1, 300 * time.Millisecond},
		{"tries-beyond-deadline", second(&rota.Retry{TryTimeout: 600 * time.Millisecond}, nil), false, 0, 2, time.Second},
		{"hung-replica-eats-call", second(&rota.Retry{TryTimeout: -1}, nil), false, 0, 1, time.Second},
		{"budget-never-pays", rota.Policy{Timeout: time.Second, Retry: &rota.Retry{}, Budget: rota.Budget{Ratio: -1, MinPerSecond: -1}}, false, 0, 1, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLibrary(test.policy, "a", "b", "c")
			n, ended := l.call(0, rota.Ignored, !test.once)
			if hedges := l.cl.Stats(l.now).Hedges; n != test.attempts || ended != test.ended || hedges != test.hedges {
				t.Errorf("the call had %d attempts, %d hedges, and took %v, want %d, %d, %v", n, hedges, ended, test.attempts, test.hedges, test.ended)
			}
		})
	}
}
