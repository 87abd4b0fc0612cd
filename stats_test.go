package rota_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

func TestLatencySince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1, rota.Config{})
		takes := func(d time.Duration) {
			f.set(0, func(context.Context) (string, error) { time.Sleep(d); return "", nil })
			if _, err := f.call(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		var none rota.Latency
		takes(time.Second)
		first := f.client.Stats().Latency
		takes(time.Millisecond)
		all := f.client.Stats().Latency
		lately := all.Since(first)
		if lately.Count() != 1 || lately.Sum() != time.Millisecond || lately.Quantile(1) > 2*time.Millisecond {
			t.Errorf("Since() = %d values, sum %v, longest %v, want the one of 1ms", lately.Count(), lately.Sum(), lately.Quantile(1))
		}
		if all.Count() != 2 || all.Since(none).Count() != 2 || none.Since(all).Count() != 0 {
			t.Errorf("%d values, %d since none, %d of none, want 2, 2, 0", all.Count(), all.Since(none).Count(), none.Since(all).Count())
		}
		f.close()
	})
}
