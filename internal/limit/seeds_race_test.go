//go:build race

package limit_test

// Both are small under the race detector: the worlds are single-threaded and ten times slower there.
const seeds, sizes = 1, 2
