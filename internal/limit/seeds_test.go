//go:build !race

package limit_test

// seeds is how many runs a property is tried on, sizes on how many of worlds. See seeds_race_test.go.
const seeds, sizes = 2, 5
