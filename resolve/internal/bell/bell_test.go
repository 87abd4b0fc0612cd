package bell_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/resolve/internal/bell"
)

func TestWait(t *testing.T) {
	tests := []struct {
		name   string
		ring   time.Duration // 0 = never
		cancel time.Duration // 0 = never
		rung   bool
		failed bool
		took   time.Duration
	}{
		{"the time comes", 0, 0, false, false, time.Minute},
		{"rung", time.Second, 0, true, false, time.Second},
		{"ctx ends", 0, time.Second, false, true, time.Second},
		{"rung too late", time.Hour, 0, false, false, time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var b bell.Bell
				if test.ring > 0 {
					defer time.AfterFunc(test.ring, b.Ring).Stop()
				}
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				start := time.Now()
				rung, err := bell.Wait(ctx, start.Add(time.Minute), b.Next())
				if took := time.Since(start); rung != test.rung || (err != nil) != test.failed || took != test.took {
					t.Errorf("Wait() = %v, %v after %v, want rung %v, failed %v after %v", rung, err, took, test.rung, test.failed, test.took)
				}
			})
		})
	}
}

func TestRingWakesEveryoneOnce(t *testing.T) {
	var b bell.Bell
	b.Ring() // for nobody
	first, second := b.Next(), b.Next()
	select {
	case <-first:
		t.Error("a ring before Next is heard after it")
	default:
	}
	var rings sync.WaitGroup
	for range 8 {
		rings.Go(b.Ring)
	}
	rings.Wait()
	<-first
	<-second
	select {
	case <-b.Next():
		t.Error("one ring is heard twice")
	default:
	}
}
