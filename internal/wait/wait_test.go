package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/wait"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, test := range []struct {
			d, took time.Duration
			want    bool
		}{{0, 0, true}, {-time.Second, 0, true}, {time.Second, time.Second, true}, {time.Hour, 59 * time.Second, false}} {
			start := time.Now()
			if got := wait.For(ctx, test.d); got != test.want || time.Since(start) != test.took {
				t.Errorf("For(%v) = %t after %v, want %t after %v", test.d, got, time.Since(start), test.want, test.took)
			}
		}
	})
}
