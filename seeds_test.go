//go:build !race

package rota_test

// seeds is how many worlds a promise is tried in.
const seeds = 1000
