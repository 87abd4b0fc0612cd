package rota_test

import (
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestProbingAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		bal  rota.Balancer
	}{
		{"prequal", rota.Prequal(rota.PrequalParams{})},
		{"c3", rota.C3(rota.C3Params{})},
		{"linear", rota.Linear(rota.LinearParams{})},
		{"yarp", rota.YARP(rota.YARPParams{})},
	} {
		w := newProbing(t, 1, 100, c.bal)
		w.asked = make([]*rota.Node, 0, 200)
		o := rota.Outcome{Load: rota.Load{Known: true, RIF: 3, Latency: time.Millisecond}}
		nodes, i := w.cl.Nodes(), 0
		step := func() {
			i++
			w.now = w.now.Add(time.Millisecond)
			w.cl.Probed(w.now, nodes[i*7%100], rota.Load{Known: true, RIF: i % 7, Latency: time.Millisecond})
			p, a := w.send()
			p.Ended(w.now, a, o)
			p.Next(w.now)
			p.Close()
			if i%50 == 0 {
				w.cl.Tick(w.now)
				w.asked = w.asked[:0]
			}
		}
		for range 1000 {
			step()
		}
		if got := testing.AllocsPerRun(1000, step); got > 0 {
			t.Errorf("%s: %v allocations a call", c.name, got)
		}
	}
}
