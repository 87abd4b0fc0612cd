package rota_test

import (
	"testing"

	"github.com/rota-go/rota"
)

// A node that is never called is small, whatever balances, for there may be ten thousand; and one to which everything
// has happened is not large. Measured on the heap, so that size classes count.
func TestNodesAreSmall(t *testing.T) {
	const n = 10 * seeds
	const slack = 20_000 / n // what is the cluster's and not a node's
	set := zoned(instances(n))
	for _, c := range everyBalancer() {
		fresh, worn := rota.Weigh(c.make(), set)
		t.Logf("%s: %.0f bytes a node, %.0f at most", c.name, fresh, worn)
		if fresh > 256+slack || worn > 1024+slack {
			t.Errorf("%s: a node has %.1f bytes before its first call, want at most 256, and %.1f later, want at most 1024", c.name, fresh, worn)
		}
	}
}
