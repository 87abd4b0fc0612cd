package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// fault is a Fault that happens to some replicas at one time.
type fault struct {
	*Fault
	servers []*server
}

const (
	stepBegin step = iota
	stepDrain
	stepEnd
	stepWarm
)

// planFaults sets the times of all faults.
func (w *world) planFaults(from time.Duration) {
	for i := range w.e.Faults {
		f := &w.e.Faults[i]
		for k, servers := range w.victims(f, w.stream("fault", i)) {
			one := &fault{Fault: f, servers: servers}
			at := from + f.At + time.Duration(k)*f.Every
			if f.Drain > 0 {
				w.after(max(at-f.Drain-w.now, 0), one, stepDrain)
			}
			w.after(at-w.now, one, stepBegin)
			if f.For > 0 {
				w.after(at+f.For-w.now, one, stepEnd)
			}
		}
	}
}

// victims are the replicas that a fault happens to: several lots, if it moves on.
func (w *world) victims(f *Fault, r *rand.Rand) [][]*server {
	s := w.service(f.Service)
	n := f.Count
	if f.Share > 0 {
		n = int(f.Share*float64(len(s.servers)) + 0.5)
	}
	n = min(max(n, 1), len(s.servers))
	var order []*server
	for _, i := range f.Replicas {
		order = append(order, s.servers[i])
	}
	if order == nil {
		for _, i := range r.Perm(len(s.servers)) {
			order = append(order, s.servers[i])
		}
	} else if f.Count == 0 && f.Every == 0 {
		n = len(order)
	}
	if f.Every == 0 {
		return [][]*server{order[:n]}
	}
	var lots [][]*server
	for len(order) > 0 {
		k := min(n, len(order))
		lots, order = append(lots, order[:k]), order[k:]
	}
	return lots
}

func (f *fault) act(s step) {
	w := f.servers[0].w
	for _, x := range f.servers {
		switch s {
		case stepDrain:
			x.draining = true
		case stepBegin:
			x.faults = append(x.faults, f.Fault)
			x.suffer()
		case stepEnd:
			x.ends(f.Fault)
			x.suffer()
		case stepWarm:
			if w.now >= x.warm { // it was not restarted again meanwhile
				x.cold = 1
				x.tune()
			}
		}
	}
	if s == stepEnd && f.ColdFor > 0 {
		w.after(f.ColdFor, f, stepWarm)
	}
}

// comeBack gives a replica that was away another address.
func (x *server) comeBack() {
	x.life++
	x.inst.Addr = fmt.Sprintf("%s-%d.%d", x.of.Name, x.index, x.life)
	x.of.byAddr[x.inst.Addr] = x
}
