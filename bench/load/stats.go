package load

import (
	"math"
	"slices"
	"time"
)

// Between returns the samples that were due from one time to another.
func Between(all []Sample, from, to time.Duration) []Sample {
	first, _ := slices.BinarySearchFunc(all, from, byDue)
	last, _ := slices.BinarySearchFunc(all, to, byDue)
	return all[first:max(first, last)]
}

func byDue(s Sample, t time.Duration) int { return int(min(max(s.Due-t, -1), 1)) }

// Count is how many samples came to r.
func Count(all []Sample, r Result) int {
	n := 0
	for _, s := range all {
		if s.Result == r {
			n++
		}
	}
	return n
}

// Took returns how long each took, shortest first.
func Took(all []Sample) []time.Duration {
	d := make([]time.Duration, len(all))
	for i, s := range all {
		d[i] = s.Took
	}
	slices.Sort(d)
	return d
}

// Quantile returns the smallest value that at least the share q of sorted is not above; 0 of none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// Median of an even number of values is the mean of the two in the middle; values is not changed.
func Median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// Recovered is how long after from the first call was due after which no call failed or was wrong; false if the last call
// of all was still bad, or there was none.
func Recovered(all []Sample, from time.Duration) (time.Duration, bool) {
	after := Between(all, from, math.MaxInt64)
	for i := len(after) - 1; i >= 0; i-- {
		if after[i].Result == Right {
			continue
		}
		if i == len(after)-1 {
			return 0, false
		}
		return after[i+1].Due - from, true
	}
	return 0, len(after) > 0
}

// Late returns by how much each was sent after it was due, least first.
func Late(all []Sample) []time.Duration {
	d := make([]time.Duration, len(all))
	for i, s := range all {
		d[i] = s.Late
	}
	slices.Sort(d)
	return d
}
