//go:build !race

package limit_test

// seeds is how many runs a property is tried on. See seeds_race_test.go.
const seeds = 2
