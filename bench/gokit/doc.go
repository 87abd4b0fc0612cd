// Package gokit provides the string service as go-kit's stringsvc3 tutorial builds it, on go-kit v0.13: the other side of
// every comparison in this module.
//
// It is written in our words but makes the tutorial's choices, the bad ones included, because those are what the tests next
// to it show. Nothing here is a model to copy. Where a line looks wrong it is the tutorial's, and the comment says so; the
// list is in compare_test.go.
//
// Two departures, both switched off unless asked for, exist so that nobody can call a table of speeds unfair: a limiter that
// lets everything pass, and a tuned HTTP client.
package gokit
