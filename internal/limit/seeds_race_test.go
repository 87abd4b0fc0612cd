//go:build race

package limit_test

// seeds is small under the race detector: the worlds are single-threaded and ten times slower there.
const seeds = 1
