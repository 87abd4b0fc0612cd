package sim

import (
	"time"

	"github.com/rota-go/rota"
)

// caller is a process that calls one service: a client, or a replica that calls further down. It has a Cluster of its own,
// which is the one that ships.
type caller struct {
	w       *world
	name    string
	to      *service
	cluster *rota.Cluster
	tick    timer
	subset  rota.Subset // nil = all
	host    *server     // whose process it is part of; nil = a client's
	once    bool        // its calls may not be repeated
	bare    bool        // it passes nothing on
	keys    func() uint64
	idle    []*call
}

// epoch is the beginning of all times. A simulation knows no other.
var epoch = time.Unix(0, 0).UTC()

func (w *world) at() time.Time { return epoch.Add(w.now) }

// newCaller returns a caller that has its first set.
func (w *world) newCaller(name string, to *service, p *calling) *caller {
	c := &caller{w: w, name: name, to: to, host: p.host, subset: p.policy.NewSubset(name, len(to.callers))}
	c.tick.who = c
	to.callers = append(to.callers, c)
	w.callers++
	random := w.streamOf("choices of "+name, int(w.callers))
	c.cluster = rota.NewCluster(rota.ClusterParams{
		Service: to.Name, Policy: p.policy.Policy, Balancer: p.balancer(), Now: epoch,
		Rand: random.Uint64, Probe: c.probe, Observer: rota.Observer{BreakerChanged: to.breakerChanged},
	})
	c.update()
	return c
}

// deaf reports whether replies do not reach the caller.
func (c *caller) deaf() bool { return c.host != nil && c.host.blackhole }

// update tells the caller which instances there are.
func (c *caller) update() {
	set := c.to.set
	if c.subset != nil {
		set = c.subset(set)
	}
	c.cluster.Update(c.w.at(), set)
	c.w.set(&c.tick, c.w.now)
}

// act is the time that a balancer wants to be told of.
func (c *caller) act(s step) {
	if c.host.postpones(c, s) {
		return
	}
	if pause := c.cluster.Tick(c.w.at()); pause > 0 {
		c.w.set(&c.tick, c.w.now+pause)
	}
}

// probe is what the balancer asks with.
func (c *caller) probe(n *rota.Node) bool {
	s := c.to.serverOf(n.Instance().Addr)
	if s == nil {
		return false
	}
	w := c.w
	var p *probe
	if n := len(w.probes); n > 0 {
		p, w.probes = w.probes[n-1], w.probes[:n-1]
	} else {
		p = new(probe)
	}
	*p = probe{c: c, node: n, to: s}
	w.current.probes++
	w.after(w.delay(), p, stepArrive)
	return true
}

// probe is a question on its way, and its answer.
type probe struct {
	c    *caller
	node *rota.Node
	to   *server
	load rota.Load
}

func (p *probe) act(s step) {
	w := p.c.w
	if s == stepReplied {
		if p.c.host.postpones(p, s) {
			return
		}
		p.c.cluster.Probed(w.at(), p.node, p.load)
		*p = probe{}
		w.probes = append(w.probes, p)
		return
	}
	switch t := p.to; {
	case t.paused, t.blackhole:
		w.after(w.e.Network.ProbeTimeout, p, stepReplied)
		return
	case !t.down:
		t.spend(t.of.server.ProbeWork)
		p.load = t.load(t.report.Load(w.now))
	}
	w.after(w.delay(), p, stepReplied)
}

// call is a call under way: a Plan, and what it has sent.
type call struct {
	c      *caller
	plan   *rota.Plan
	wake   timer
	sent   [rota.MaxAttempts]*request
	number int // what the first attempt's number is, less one

	user  *user    // on whose behalf it is; or
	above *request // that

	began    time.Duration
	deadline time.Duration
	seed     uint64
	work     time.Duration
	over     bool
}

// begin makes a call, and returns it if it is not over at once. One of user and above is nil.
func (c *caller) begin(deadline time.Duration, seed uint64, u *user, above *request) *call {
	w := c.w
	k := c.newCall()
	k.user, k.above, k.seed, k.began, k.deadline = u, above, seed, w.now, deadline
	k.work = c.to.server.Work.draw(w.random(seed, drawWork, 0))
	todo := rota.Call{Idempotent: !c.once}
	if above != nil && !c.bare {
		k.number = above.number - 1
		todo.Idempotent = todo.Idempotent && k.number == 0 // one layer repeats
	}
	if c.keys != nil {
		todo.Key = max(w.random(c.keys(), drawKey, 0).Uint64(), 1)
	}
	k.plan = c.cluster.Plan(w.at(), epoch.Add(deadline), todo)
	if k.drive() {
		return nil
	}
	return k
}

func (c *caller) newCall() *call {
	if n := len(c.idle); n > 0 {
		k := c.idle[n-1]
		c.idle = c.idle[:n-1]
		*k = call{c: c, wake: k.wake}
		return k
	}
	k := &call{c: c}
	k.wake.who = k
	return k
}

func (k *call) act(s step) {
	if !k.c.host.postpones(k, s) {
		k.drive()
	}
}

// drive does what the plan says, and reports whether the call is over.
func (k *call) drive() bool {
	w := k.c.w
	for !k.over {
		switch s := k.plan.Next(w.at()); s.Kind {
		case rota.StepSend:
			k.send(s.Attempt)
		case rota.StepCancel:
			k.letGo(k.sent[s.Attempt.Number()-1])
			k.plan.Ended(w.at(), s.Attempt, rota.Outcome{Verdict: rota.Failure, Err: errCanceled})
		case rota.StepWait:
			if !s.At.IsZero() {
				w.set(&k.wake, s.At.Sub(epoch))
			}
			return false
		case rota.StepDone:
			k.finish()
		}
	}
	return true
}

// send lets an attempt travel.
func (k *call) send(a *rota.Attempt) {
	w := k.c.w
	r := w.newRequest()
	r.to = k.c.to.serverOf(a.Instance().Addr)
	r.call, r.attempt, r.number = k, a, k.number+a.Number()
	r.seed, r.base, r.deadline = k.seed, k.work, k.deadline
	if t, ok := a.Deadline(); ok {
		r.deadline = min(r.deadline, t.Sub(epoch))
	}
	r.allowed = (r.deadline - w.now + time.Millisecond - 1).Truncate(time.Millisecond)
	k.sent[a.Number()-1] = r
	w.sent(k, r)
	w.travel(r, stepArrive)
}

// letGo is how a request ends that nobody waits for any more.
func (k *call) letGo(r *request) {
	r.left = true
	r.call, r.attempt = nil, nil
	k.c.w.travel(r, stepLeft)
}

// replied takes a reply from the network.
func (k *call) replied(r *request) {
	a, o := r.attempt, r.outcome
	k.sent[a.Number()-1] = nil
	r.call, r.attempt = nil, nil
	k.plan.Ended(k.c.w.at(), a, o)
	k.drive()
}

// leave ends a call whose caller does not want it any more.
func (k *call) leave() {
	if k.over {
		return
	}
	k.above = nil
	k.plan.Cancel(k.c.w.at(), errCanceled)
	k.drive()
}

func (k *call) finish() {
	w := k.c.w
	k.over = true
	w.stop(&k.wake)
	err, u, above := k.plan.Err(), k.user, k.above
	k.plan.Close()
	k.plan = nil
	k.c.idle = append(k.c.idle, k)
	switch {
	case u != nil:
		u.ended(err)
	case above != nil:
		above.belowEnded(err)
	}
}
