package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// Where goroutines wait for a processor, an answer is late because of that, and no other replica would be sooner.
func TestHedgeWaitsWhereGoroutinesDo(t *testing.T) {
	tests := []struct {
		name   string
		waited time.Duration
		at     time.Duration // when the hedge is sent
	}{
		{"free processors", 2 * time.Microsecond, 5 * ms},
		{"a queue", ms, 9 * ms},
		{"a long one", 10 * ms, 45 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{Hedge: &rota.Hedge{Delay: 5 * ms}, Retry: &rota.Retry{}}, 3, rota.RoundRobinFrom(0))
			p := w.cl.Plan(epoch, time.Time{}, rota.Call{Idempotent: true})
			defer p.Close()
			first := p.Next(epoch)
			if s := p.Next(epoch); s.Kind != rota.StepWait || !s.At.Equal(epoch.Add(5*ms)) {
				t.Fatalf("after the first attempt: %+v, want a pause of 5 ms", s)
			}
			now := epoch.Add(5 * ms)
			p.Crowded(now, tt.waited)
			s := p.Next(now)
			if s.Kind == rota.StepWait {
				now = s.At
				p.Crowded(now, tt.waited) // once is enough: a replica that hangs is left, however busy we are
				s = p.Next(now)
			}
			if s.Kind != rota.StepSend || now.Sub(epoch) != tt.at {
				t.Errorf("%+v at %v, want the hedge at %v", s, now.Sub(epoch), tt.at)
			}
			p.Ended(now, first.Attempt, rota.Outcome{})
		})
	}
}

// What is due but a hedge does not wait.
func TestNothingElseWaitsWhereGoroutinesDo(t *testing.T) {
	w := newWorld(1, rota.Policy{Timeout: 3 * ms, Hedge: &rota.Hedge{Delay: 5 * ms}, Retry: &rota.Retry{}}, 3, rota.RoundRobinFrom(0))
	p := w.cl.Plan(epoch, time.Time{}, rota.Call{})
	defer p.Close()
	p.Next(epoch)
	p.Crowded(epoch.Add(3*ms), ms)
	if s := p.Next(epoch.Add(3 * ms)); s.Kind != rota.StepCancel {
		t.Errorf("%+v, want the end of the call's time", s)
	}
}
