package rota

import (
	"context"
	"sync"
	"time"
)

// What a transport needs of its client beside Do: which replicas there are, a place for its goroutines, and a way to
// tell what it finds out about replicas.

// watchers are told of every set.
type watchers struct {
	telling sync.Mutex // one call at a time, and the latest set last
	funcs   []func([]Instance)
}

// Watch calls f with the complete set, now if there is one, and after every update, one call at a time. A transport that
// has connections to a replica that is not in it any more may close those that are idle.
func (c *Client) Watch(f func([]Instance)) {
	w := &c.watchers
	w.telling.Lock()
	defer w.telling.Unlock()
	w.funcs = append(w.funcs, f)
	if c.cluster.Ready() {
		f(c.cluster.instances())
	}
}

func (w *watchers) tell(cl *Cluster) {
	w.telling.Lock()
	defer w.telling.Unlock()
	for _, f := range w.funcs {
		f(cl.instances())
	}
}

func (cl *Cluster) instances() []Instance {
	nodes := cl.list()
	set := make([]Instance, len(nodes))
	for i, n := range nodes {
		set[i] = n.Instance()
	}
	return set
}

// Go runs f on a goroutine of its own. Close ends its context and waits for it. On a closed client f is not run, and Go
// reports false.
func (c *Client) Go(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return false
	}
	c.behind++
	c.spawn(f)
	return true
}

// Checked takes the result of an active check of the replica at addr into account: a good one ends its ejection, a bad
// one takes it out of use, if another replica is left. It does nothing without a Breaker.
func (c *Client) Checked(addr string, good bool) { c.cluster.Checked(c.now(), addr, good) }

// Eject takes a replica out of use by hand, if another is left: it comes back as any that failed does, by a trial. It does
// nothing without a Breaker. It reports whether the replica is out.
func (c *Client) Eject(addr string) bool { return c.cluster.Eject(c.now(), addr) }

// ProbeWith lets a transport make the probes that the client's balancer asks for: the first that offers makes them all.
// probe must not block. It reports whether there will be a probe, whose answer is then for Probed.
func (c *Client) ProbeWith(probe func(*Node) bool) { c.prober.CompareAndSwap(nil, &probe) }

// Probed tells the answer to a probe; if there was none, l is the zero Load.
func (c *Client) Probed(n *Node, l Load) { c.cluster.Probed(c.now(), n, l) }

// Draining takes into account that a replica has said that it is going away, when it was probed: it is what
// Outcome.Draining does for a reply.
func (c *Client) Draining(n *Node) { c.cluster.Draining(c.now(), n) }

func (c *Client) probe(n *Node) bool {
	f := c.prober.Load()
	return f != nil && (*f)(n)
}

// tick calls the balancer when it wants to be.
func (c *Client) tick(ctx context.Context) {
	for {
		pause := c.cluster.Tick(c.now())
		if pause == 0 {
			pause = never // until there is another
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-c.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Apply puts another policy in force, and another balancer unless that is nil: it must not be any other Client's. Nothing
// is forgotten that is known about replicas, but what the balancer before kept for itself; calls under way go on as they
// began. It returns an error, and changes nothing, if the policy is not valid.
func (c *Client) Apply(p Policy, balancer Balancer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	c.cluster.Apply(c.now(), p, balancer)
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return nil
}

// Ready waits until the first set of instances is there. It returns ErrClosed of a closed client, or else what kept the set
// from coming until ctx ended.
func (c *Client) Ready(ctx context.Context) error { return c.await(ctx, 0) }
