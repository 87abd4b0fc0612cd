package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// typical is what an answer takes in the cluster: a moving average over those of all nodes, sampled a millisecond apart,
// so that processors that only read it share its cache line. Failures are not in it: their cost is a multiple of it. And
// no answer counts for more than typicalMost times as much as it, or one replica that hangs would make it that of nobody.
type typical struct {
	_    [64]byte
	word atomic.Uint64 // as in peakNote
	seen atomic.Uint32 // samples, up to typicalEnough
	_    [52]byte
}

const (
	typicalEvery  = time.Millisecond
	typicalTau    = 10 * time.Second
	typicalEnough = 1000
	typicalMost   = 4
)

func (t *typical) observe(now, d time.Duration) {
	w := t.word.Load()
	old, idle := unpackCost(w, now)
	if w != 0 && idle < typicalEvery {
		return
	}
	took, share := max(float64(d), 1), 1.0
	if w != 0 {
		took, share = min(took, typicalMost*old), 1-fade(idle, typicalTau)
		if k := t.seen.Load(); k < typicalEnough { // the first are a plain mean
			share = max(share, 1/float64(k+1))
		}
	}
	if t.word.CompareAndSwap(w, packCost(old+(took-old)*share, now)) && t.seen.Load() < typicalEnough {
		t.seen.Add(1)
	}
}

// value returns the average; 1 before the first answer.
func (t *typical) value() float64 {
	w := t.word.Load()
	if w == 0 {
		return 1
	}
	return float64(math.Float32frombits(uint32(w >> 32)))
}

func packCost(v float64, now time.Duration) uint64 {
	return uint64(math.Float32bits(float32(v)))<<32 | uint64(uint32(now/time.Microsecond))
}

// unpackCost returns what packCost got, and how long ago that was: modulo 71 minutes, and 0 if others are behind by up to
// four.
func unpackCost(w uint64, now time.Duration) (v float64, ago time.Duration) {
	us := uint32(now/time.Microsecond) - uint32(w)
	if us > math.MaxUint32-1<<28 {
		us = 0
	}
	return float64(math.Float32frombits(uint32(w >> 32))), time.Duration(us) * time.Microsecond
}

// fade is what is left of something after time t when it decays with the time constant tau: exp(-t/tau) within 3.5 % as
// long as t < tau, and somewhat more after that. math.Exp would give other digits on another processor.
func fade(t, tau time.Duration) float64 { return fadeBy(t, perTau(tau)) }

// perTau makes of a time constant what fadeBy multiplies with: a division less where it counts.
func perTau(tau time.Duration) float64 { return 1 / (16 * float64(tau)) }

func fadeBy(t time.Duration, per float64) float64 {
	f := 1 + float64(max(t, 0))*per
	f *= f
	f *= f
	f *= f
	return 1 / (f * f)
}
