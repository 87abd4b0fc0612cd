package limit

import "time"

// The settings of Netflix's AIMDLimit.
const (
	aimdLeast, aimdMost = 20, 200
	aimdTimeout         = 5 * time.Second
	aimdBackoff         = 0.9
)

// aimd adds a place with every request that ends well while at least half of them are taken, and takes a tenth of them
// away with every one that does not, or that takes longer than 5 s (Netflix/concurrency-limits, AIMDLimit). It measures
// no queue: where nothing fails until it is too late, the limit is aimdMost.
type aimd struct{ least, limit float64 }

func (a *aimd) places(time.Duration) int { return int(a.limit) }
func (a *aimd) admit(int) uint32         { return 0 }
func (a *aimd) crowded()                 {}

func (a *aimd) sample(_ time.Duration, s sample) {
	switch {
	case s.took == 0:
		return
	case !s.whole, s.took > aimdTimeout:
		a.limit *= aimdBackoff
	case 2*s.inFlight >= int(a.limit):
		a.limit++
	}
	a.limit = min(max(a.limit, a.least), max(aimdMost, a.least))
}
