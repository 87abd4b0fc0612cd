package rotahttp

import (
	"context"
	"time"
)

const (
	quiet     = time.Second           // without a request, until callers are thought to have moved
	drainPoll = 50 * time.Millisecond // how often to look whether requests have ended
)

// Drain lets the callers go elsewhere: it announces at once that the server is going away, and waits until they have
// moved, which is when no request is in flight and none has arrived for a second, or until ctx ends; then it returns
// ctx's error. Requests are served all the while. Each reply says state=draining in Rota-Load, and closes its
// connection: with Connection: close on HTTP/1, by GOAWAY on HTTP/2.
//
// There is no way back. Health checks that pass through the Gate are requests like others, and so keep Drain waiting if
// there is one a second. Runner does all this and more.
func (g *Gate) Drain(ctx context.Context) error {
	g.startDrain()
	return g.awaitMoved(ctx, g.quiet)
}

// Draining reports whether a drain has begun: a server that drains is not ready.
func (g *Gate) Draining() bool { return g.draining.Load() }

func (g *Gate) startDrain() {
	g.arrived.CompareAndSwap(0, max(int64(g.now()), 1))
	g.draining.Store(true)
}

// quiet reports whether no request is in flight, and none has arrived for a while.
func (g *Gate) quiet() bool {
	return g.report.RIF() == 0 && g.now()-time.Duration(g.arrived.Load()) >= quiet
}

// awaitMoved waits until moved says so, or ctx ends.
func (g *Gate) awaitMoved(ctx context.Context, moved func() bool) error {
	if moved() {
		return nil
	}
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if moved() {
				return nil
			}
		}
	}
}
