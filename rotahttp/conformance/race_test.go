//go:build race

package conformance_test

// underRace says that the race detector is on. It takes several times as long, and what it could find in net/http, or in
// clients that are broken on purpose, is not ours.
const underRace = true
