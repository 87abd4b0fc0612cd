//go:build race

package sim

// A world has one goroutine, and is ten times slower under the race detector. What that could find is between worlds, which
// TestTheSameSeedGivesTheSameBytes has several of at a time.
const worlds = 10
