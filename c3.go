package rota

import "time"

// C3Params are the settings of C3. A zero field is its default.
type C3Params struct {
	// Probing is how answers to probes are come by and kept; its HotQuantile is not used.
	Probing PrequalParams
	// Weight is what a new sample counts for in an average; 0.9, as in the authors' simulator. A client of many replicas
	// hears of each but now and then, and what it heard the time before last was another load. With 100 of 100 and half of
	// them slow, 0.3 has 3 % less at the 99th percentile, and 0.1 no less than that.
	Weight float64
	// Drift is how long without an answer R lasts: it comes to be taken for the mean of all, so that a replica that was slow
	// to answer this client, though it is not by its own report, is tried again. 0 = 20 s.
	Drift time.Duration
	// Clients is how many clients share the replicas. 0: estimated for each, as its requests in flight over those of them
	// that are ours.
	Clients float64
}

// C3 returns a Balancer that takes, from a probe pool like that of Prequal, the node with the least score
// R - S + q^3*S (L. Suresh and others, "C3: Cutting Tail Latency in Cloud Data Stores via Adaptive Replica Selection",
// NSDI 2015): R is the average time to a reply, S the average latency that the replica reports, and q = 1 + its average
// requests in flight + Clients times those of ours. It has neither the paper's rate control nor its backpressure. A
// replica that was not called yet has R = S; one that does not know its latency has S = 0 and ranks first.
func C3(p C3Params) Balancer {
	p.Probing.HotQuantile = 1
	g := newPooling(p.Probing, &c3{
		weight: min(setting(p.Weight, 0.9), 1), clients: max(p.Clients, 0), per: 1 / float64(or(max(p.Drift, 0), 20*time.Second)),
	})
	g.learns = true
	return g.build
}

type c3 struct {
	weight, clients float64
	per             float64 // 1/Drift
	mean            float64 // of the times to a reply
}

func (c *c3) enter(e *pooled, k *known, l Load) {
	c.average(&k.queue, float64(l.RIF))
	e.rif, e.latency, e.reply, e.own = float64(k.queue), 0, c.reply(k, e.at), float64(e.node.InFlight())
	if l.Latency > 0 {
		c.average(&k.service, float64(l.Latency))
		e.latency = float64(k.service)
	}
}

func (c *c3) cost(e *pooled) float64 {
	ours := e.own * c.clients
	if c.clients == 0 && e.own > 0 {
		ours = max(e.own, e.rif)
	}
	q := 1 + e.rif + ours
	queued := q * q * q * e.latency
	if e.reply == 0 || e.latency == 0 {
		return queued
	}
	return e.reply - e.latency + queued
}

// reply is what is known at the time now of how long a reply takes.
func (c *c3) reply(k *known, now time.Duration) float64 {
	if k.reply == 0 {
		return 0
	}
	return c.mean + (float64(k.reply)-c.mean)*leftOf(now-k.replied, c.per)
}

func (c *c3) answered(k *known, now, took time.Duration) {
	sample := max(float64(took), 1)
	if c.mean == 0 {
		c.mean = sample
	}
	c.mean += (sample - c.mean) * meanWeight
	k.reply = float32(c.reply(k, now)) // what has drifted away does not come back
	c.average(&k.reply, sample)
	k.replied = now
}

// average adds a sample. The first counts whole, and one after an average of 0 does: nearly, with the default.
func (c *c3) average(avg *float32, sample float64) {
	if *avg == 0 {
		*avg = float32(sample)
		return
	}
	*avg += float32((sample - float64(*avg)) * c.weight)
}
