//go:build !race

package rota_test

import "testing"

// seeds is how many worlds a promise is tried in.
const seeds = 1000

// oneGoroutine skips, under the race detector, a long test that has nothing for it.
func oneGoroutine(*testing.T) {}
