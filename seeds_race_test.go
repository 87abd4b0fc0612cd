//go:build race

package rota_test

import "testing"

// The race detector makes a world twenty times slower, and a world has one goroutine: what it could find is in the
// storm of goroutines (TestDoKeepsItsBooksInAnyStorm), which has all its seeds.
const seeds = 100

// oneGoroutine skips a long test that has nothing for the race detector. Without it the test runs.
func oneGoroutine(t *testing.T) { t.Skip("one goroutine, and long: nothing for the race detector") }
