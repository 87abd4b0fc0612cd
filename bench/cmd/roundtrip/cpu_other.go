//go:build !unix

package main

// cpuTime is not known here; the program says so rather than print something else.
func cpuTime() int64 { panic("roundtrip: CPU time is measured on Unix only") }
