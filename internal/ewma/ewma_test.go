package ewma_test

import (
	"math"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/ewma"
)

func TestFirstValueCountsWhole(t *testing.T) {
	var a ewma.Average
	if a.Value() != 0 {
		t.Errorf("Value() of nothing = %v", a.Value())
	}
	a.Observe(time.Hour, 20*time.Millisecond)
	if got := a.Value(); got != 20*time.Millisecond {
		t.Errorf("Value() = %v, want 20ms", got)
	}
}

// A step from 10 to 20 ms has made 1-1/e of its way after Tau, whatever the rate of observations.
func TestStepTakesTauWhateverTheRate(t *testing.T) {
	for _, every := range []time.Duration{time.Microsecond, 50 * time.Microsecond, time.Millisecond, 100 * time.Millisecond} {
		var a ewma.Average
		a.Observe(0, 10*time.Millisecond)
		for now := every; now <= ewma.Tau; now += every {
			a.Observe(now, 20*time.Millisecond)
		}
		want := 20 - 10/math.E
		if got := float64(a.Value()) / 1e6; math.Abs(got-want) > 0.2 {
			t.Errorf("every %v: %.2fms after Tau, want %.2fms", every, got, want)
		}
	}
}

func TestAtLeastOnlyRaises(t *testing.T) {
	var a ewma.Average
	a.Observe(0, 10*time.Millisecond)
	a.AtLeast(ewma.Tau, time.Millisecond)
	if got := a.Value(); got != 10*time.Millisecond {
		t.Errorf("Value() = %v, want 10ms", got)
	}
	a.AtLeast(ewma.Tau, time.Second)
	if got := a.Value(); got < 400*time.Millisecond {
		t.Errorf("Value() = %v, want about half a second", got)
	}
}

func TestTimeThatGoesBackIsNow(t *testing.T) {
	var a ewma.Average
	a.Observe(time.Hour, 10*time.Millisecond)
	a.Observe(59*time.Minute, 20*time.Millisecond)
	if got := a.Value(); got < 10*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("Value() = %v, want about 10ms", got)
	}
}
