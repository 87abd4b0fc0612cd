package rota

import (
	"github.com/rota-go/rota/internal/hist"
	"github.com/rota-go/rota/internal/window"
)

// Route is a kind of calls of one service that take about the same time, such as those of one method. What is measured
// of them decides when calls of this route are hedged; retries, hedges and ejections are the service's. Methods may be
// called concurrently.
type Route struct {
	cl    *Cluster
	name  string
	cells []cell
	latencies
}

// MaxRoutes is how many routes a service may have; further ones are one.
const MaxRoutes = 256

// cell holds what every call of a route counts. There are as many as processors, so that calls on different ones
// do not fight for a cache line; a Plan keeps the seat it was dealt, and sync.Pool keeps plans on their processor.
type cell struct {
	calls   window.Counter
	latency hist.Hist // of winning answers
	_       [64]byte
}

func (cl *Cluster) newRoute(name string) *Route {
	return &Route{cl: cl, name: name, cells: make([]cell, cl.seats)}
}

// Name returns the name; "" for calls without a Route.
func (r *Route) Name() string { return r.name }

// Route returns the route of this name, for Call.Route. It takes a lock: keep the result.
func (c *Client) Route(name string) *Route { return c.cluster.Route(name) }

// Route returns the route of this name, for Call.Route. It takes a lock: keep the result.
func (cl *Cluster) Route(name string) *Route {
	cl.routing.Lock()
	defer cl.routing.Unlock()
	list := *cl.routes.Load()
	for _, r := range list {
		if r.name == name {
			return r
		}
	}
	if len(list) > MaxRoutes {
		return list[len(list)-1]
	}
	if len(list) == MaxRoutes {
		name = "other"
	}
	r := cl.newRoute(name)
	next := append(list[:len(list):len(list)], r)
	cl.routes.Store(&next)
	return r
}

// routeOf returns the route of a call; calls without one, or with one of another client, have the first.
func (cl *Cluster) routeOf(call Call) *Route {
	if r := call.Route; r != nil && r.cl == cl {
		return r
	}
	return (*cl.routes.Load())[0]
}

// started returns how many calls were begun.
func (r *Route) started() uint64 {
	var n uint64
	for i := range r.cells {
		n += r.cells[i].calls.Total()
	}
	return n
}

// addAnswers adds the latencies of all winning answers to c.
func (r *Route) addAnswers(c *hist.Counts) {
	for i := range r.cells {
		r.cells[i].latency.AddTo(c)
	}
}
