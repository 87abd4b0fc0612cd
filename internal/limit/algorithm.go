package limit

import (
	"fmt"
	"strings"
	"time"
)

// Algorithm names a way to find the number of places by measuring.
type Algorithm string

// The algorithms. Of those with two forms the plain one is as published, for comparison: its idea of how long a request
// takes alone moves, under lasting overload, to how long it takes in the overload, and the limit with it.
const (
	Dip         Algorithm = "dip"         // compares latency with what it is in short dips of the limit
	Vegas       Algorithm = "vegas"       // keeps a few requests in the queue, over windows, guarded
	VegasPlain  Algorithm = "vegas-plain" // as Netflix's VegasLimit: request by request, against the shortest
	Gradient    Algorithm = "gradient"    // Gradient2 over shorter windows, guarded
	Gradient2   Algorithm = "gradient2"   // as Netflix's Gradient2Limit: against a long average
	Failsafe    Algorithm = "failsafe"    // as failsafe-go's adaptive limiter: 90th percentiles and correlations
	Envoy       Algorithm = "envoy"       // as Envoy's gradient controller: once a minute, three places for a moment
	AIMD        Algorithm = "aimd"        // up by one, down by a tenth when requests fail
	unspecified Algorithm = ""
)

// Algorithms are all of them, the default first.
func Algorithms() []Algorithm {
	return []Algorithm{Dip, Vegas, VegasPlain, Gradient, Gradient2, Failsafe, Envoy, AIMD}
}

// algorithm finds the number of places. Its methods are called under the Limiter's lock.
type algorithm interface {
	// places returns how many there are now.
	places(now time.Duration) int
	// admit notes that there are now so many in flight. It returns Place.probe of the newest.
	admit(inFlight int) uint32
	// sample notes that a request has ended.
	sample(now time.Duration, s sample)
	// crowded notes that somebody found no place.
	crowded()
}

// sample is a request that has ended.
type sample struct {
	place    Place
	took     time.Duration // at least, if it is not whole; 0 = not known
	whole    bool          // it was handled to its end
	inFlight int           // itself included
}

func newAlgorithm(c Config) algorithm {
	if c.Max > 0 {
		return fixed(c.Max)
	}
	least := float64(max(c.Min, 1))
	switch c.Algorithm {
	case Vegas:
		return newWindowed(least, most, ourWindow, &vegas{guard: new(guard)})
	case VegasPlain:
		return newWindowed(least, netflixMost, eachSample, &vegas{})
	case Gradient:
		return newWindowed(least, most, ourWindow, &gradient{guard: new(guard)})
	case Gradient2:
		return newWindowed(max(least, gradient2Least), gradient2Most, netflixWindow, &gradient{})
	case Failsafe:
		return newWindowed(least, most, failsafeWindow, new(failsafe))
	case Envoy:
		return newEnvoy(least)
	case AIMD:
		return &aimd{least: max(least, aimdLeast), limit: max(least, aimdLeast)}
	}
	return newDips(c.Min)
}

// fixed is a number of places that nobody measures.
type fixed int

func (f fixed) places(time.Duration) int   { return int(f) }
func (fixed) admit(int) uint32             { return 0 }
func (fixed) sample(time.Duration, sample) {}
func (fixed) crowded()                     {}

// Discipline is who waits how long, and who gets the next place.
type Discipline string

// The disciplines.
const (
	Adaptive Discipline = "adaptive" // see the package comment
	FIFO     Discipline = "fifo"     // the oldest; everybody waits for patience
	LIFO     Discipline = "lifo"     // the newest; everybody waits for patience
	NoQueue  Discipline = "none"     // nobody waits
)

// Validate returns an error that names what a Config names and nobody knows.
func (c Config) Validate() error {
	known := c.Algorithm == unspecified
	var names []string
	for _, a := range Algorithms() {
		known = known || a == c.Algorithm
		names = append(names, string(a))
	}
	if !known {
		return fmt.Errorf("Algorithm = %q, want one of %s", c.Algorithm, strings.Join(names, ", "))
	}
	switch c.Discipline {
	case "", Adaptive, FIFO, LIFO, NoQueue:
		return nil
	}
	return fmt.Errorf("Discipline = %q, want one of adaptive, fifo, lifo, none", c.Discipline)
}
