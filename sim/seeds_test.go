//go:build !race

package sim

// worlds is how many a promise is tried in. See seeds_race_test.go.
const worlds = 80
