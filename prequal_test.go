package rota_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// probing drives a cluster whose balancer probes, in virtual time. Replicas answer probes when the test says so.
type probing struct {
	*testing.T
	cl     *rota.Cluster
	now    time.Time
	asked  []*rota.Node // probes that were not answered yet
	probes int          // all probes so far
}

func newProbing(t *testing.T, seed uint64, n int, b rota.Balancer) *probing {
	w := &probing{T: t, now: epoch}
	w.cl = rota.NewCluster(rota.ClusterParams{
		Service: "users", Balancer: b, Rand: rand.New(rand.NewPCG(seed, 3)).Uint64, Now: epoch,
		Probe: func(n *rota.Node) bool {
			w.asked = append(w.asked, n)
			w.probes++
			return true
		},
	})
	w.cl.Update(epoch, instances(n))
	return w
}

func (w *probing) node(i int) *rota.Node {
	w.Helper()
	for _, n := range w.cl.Nodes() {
		if n.Instance().Addr == addr(i) {
			return n
		}
	}
	w.Fatalf("there is no node %d", i)
	return nil
}

// says is a replica's answer to a probe.
func (w *probing) says(i, rif int, latency time.Duration) {
	w.Helper()
	w.cl.Probed(w.now, w.node(i), rota.Load{Known: true, RIF: rif, Latency: latency})
}

// send begins a call. The probes that it brings about are dropped.
func (w *probing) send() (*rota.Plan, *rota.Attempt) {
	w.Helper()
	p := w.cl.Plan(w.now, time.Time{}, rota.Call{})
	s := p.Next(w.now)
	if s.Kind != rota.StepSend {
		w.Fatalf("the call was not sent: %v", p.Err())
	}
	w.asked = w.asked[:0]
	return p, s.Attempt
}

// pick is a call that is answered at once with the outcome o; it returns where it went.
func (w *probing) pick(o rota.Outcome) string {
	w.Helper()
	p, a := w.send()
	to := a.Instance().Addr
	p.Ended(w.now, a, o)
	p.Next(w.now)
	p.Close()
	return to
}
