//go:build race

package rota_test

// The race detector makes a world twenty times slower, and a world has one goroutine: what it could find is in the
// storm of goroutines (TestDoKeepsItsBooksInAnyStorm), which has all its seeds.
const seeds = 100
