//go:build !race

package report_test

const seeds = 1000
