package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// Replicas that stay dead are tried again every second, and no call may fail because of that.
func TestTrialsOfDeadReplicasFailNoCall(t *testing.T) {
	hung := func(*rota.Attempt) (time.Duration, rota.Outcome) { return time.Hour, rota.Outcome{} }
	dead := func(*rota.Attempt) (time.Duration, rota.Outcome) { return 100 * time.Microsecond, refused() }
	for _, tt := range []struct {
		name  string
		nodes int
		bad   func(*rota.Attempt) (time.Duration, rota.Outcome)
		every time.Duration
	}{
		{"3 of 4 dead, a call each 200ms", 4, dead, 200 * ms},
		{"3 of 4 dead, a call each 40ms", 4, dead, 40 * ms},
		{"2 of 3 dead, a call each 200ms", 3, dead, 200 * ms},
		{"2 of 3 dead, a call each second", 3, dead, time.Second},
		{"2 of 3 hung, a call each 200ms", 3, hung, 200 * ms},
		{"2 of 3 hung, a call each 10ms", 3, hung, 10 * ms},
		{"9 of 10 dead, a call each 10ms", 10, dead, 10 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := rota.DefaultPolicy()
			p.Timeout = 250 * ms
			w := newWorld(1, p, tt.nodes, rota.RoundRobinFrom(0))
			good := addr(tt.nodes - 1)
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				if a.Instance().Addr == good {
					return 2 * ms, rota.Outcome{}
				}
				return tt.bad(a)
			}
			learned := 0
			for at := time.Duration(0); at < 60*time.Second; at += tt.every {
				w.after(at, func() {
					if at < 15*time.Second {
						learned = len(w.failures)
					}
					w.begin(rota.Call{Idempotent: true}, time.Time{})
				})
			}
			w.run()
			if n := len(w.failures) - learned; n > 0 {
				t.Errorf("%d of %d calls failed after the breakers had learned: %v", n, w.calls, w.failures[learned])
			}
			if learned > w.calls/10 {
				t.Errorf("%d of %d calls failed before the breakers had learned", learned, w.calls)
			}
			if most := float64(w.calls)*1.1 + 10 + 60; float64(w.sent) > most {
				t.Errorf("%d attempts for %d calls, want at most %.0f", w.sent, w.calls, most)
			}
		})
	}
}

// A replica that has come back answers again within two seconds, even when no call could pay for a retry.
func TestReturnedReplicaIsUsedAgainSoon(t *testing.T) {
	for _, budget := range []rota.Budget{{}, {Ratio: -1, MinPerSecond: -1}} {
		w := newWorld(1, rota.Policy{Retry: &rota.Retry{}, Breaker: &rota.Breaker{}, Budget: budget}, 3, rota.RoundRobinFrom(0))
		back := epoch.Add(10 * time.Second)
		var last int
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			if a.Instance().Addr != addr(2) && w.now.Before(back) {
				return ms, broken()
			}
			if w.now.After(back.Add(2*time.Second)) && a.Instance().Addr == addr(0) {
				last++
			}
			return ms, rota.Outcome{}
		}
		for i := range 1500 {
			w.after(time.Duration(i)*10*ms, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
		}
		w.run()
		if last < 95 {
			t.Errorf("budget %+v: from 2 to 5 seconds after its return, the replica got %d of 300 calls, want 100", budget, last)
		}
	}
}

// A streamed reply settles a trial at its headers, and that closes the breaker as any other answer does: the observer is
// told, and the failures from before are forgotten.
func TestStreamedTrialClosesTheBreaker(t *testing.T) {
	var changes []bool
	now := epoch
	cl := rota.NewCluster(rota.ClusterParams{
		Policy: rota.Policy{Breaker: &rota.Breaker{Failures: 100}}, Now: now,
		Rand:     func() uint64 { return 0 },
		Observer: rota.Observer{BreakerChanged: func(e rota.BreakerEvent) { changes = append(changes, e.Open) }},
	})
	cl.Update(now, preferred())
	fail := func() {
		p := cl.Plan(now, time.Time{}, rota.Call{})
		p.Ended(now, p.Next(now).Attempt, broken())
		p.Close()
	}
	for range 20 { // all of the volume fails
		fail()
	}
	now = now.Add(time.Second)
	p := cl.Plan(now, time.Time{}, rota.Call{})
	held, ok := p.Answered(now, p.Next(now).Attempt, rota.Outcome{})
	p.Close()
	if !ok || len(changes) != 2 || changes[1] {
		t.Fatalf("the breaker's changes are %v, want open and closed", changes)
	}
	fail() // while the body is still being read
	if s := cl.Stats(now); s.Nodes[0].Breaker != "closed" {
		t.Errorf("after one failure the breaker is %s, want the failures from before forgotten", s.Nodes[0].Breaker)
	}
	held.Ended(now, rota.Outcome{})
	if s := cl.Stats(now); s.Nodes[0].InFlight != 0 {
		t.Errorf("%d in flight at the end", s.Nodes[0].InFlight)
	}
}
