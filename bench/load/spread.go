package load

import (
	"slices"
	"time"
)

// Spread is when each replica got its attempts: a list for each, in order of time, since whatever epoch the caller has.
type Spread [][]time.Duration

// Even says when a spread is even: in every window of length Window each replica has its equal share of the attempts, give
// or take Tolerance of all attempts.
type Even struct {
	Window    time.Duration
	Step      time.Duration // from one window's start to the next
	Tolerance float64       // 0.2 of three replicas: between 13 and 53 of 100
}

// EvenFor returns windows wide enough for 100 calls at this rate, and at least 250 ms. Were replicas drawn at random, the
// share of one would stray by 0.047 (standard deviation), so 0.2 is not chance.
func EvenFor(rate float64) Even {
	w := time.Duration(100 / rate * float64(time.Second))
	return Even{Window: max(w, 250*time.Millisecond), Step: 10 * time.Millisecond, Tolerance: 0.2}
}

// Since returns how long after from the spread became even for good: the middle of the first window of which it and all
// later ones up to the time to are even. It is 0 if all are; false if the last is not, or none fits.
func (e Even) Since(s Spread, from, to time.Duration) (time.Duration, bool) {
	first, found := time.Duration(0), false
	for t := to - e.Window; t >= from && e.holds(s, t); t -= e.Step {
		first, found = t-from, true
	}
	switch {
	case !found:
		return 0, false
	case first < e.Step: // no window was left out
		return 0, true
	}
	return first + e.Window/2, true
}

func (e Even) holds(s Spread, t time.Duration) bool {
	n, all := make([]float64, len(s)), 0.0
	for i, at := range s {
		from, _ := slices.BinarySearch(at, t)
		to, _ := slices.BinarySearch(at, t+e.Window)
		n[i] = float64(to - from)
		all += n[i]
	}
	share := 1 / float64(len(s))
	return all > 0 && !slices.ContainsFunc(n, func(v float64) bool {
		return v/all < share-e.Tolerance || v/all > share+e.Tolerance
	})
}
