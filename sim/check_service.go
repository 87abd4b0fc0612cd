package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

func (c *checker) service(i int) {
	s, path := &c.Services[i], fmt.Sprintf("services[%d]", i)
	c.want(s.Replicas >= 1 && s.Replicas <= 1_000_000, path+".replicas", s.Replicas, "1 to 1000000")
	c.server(path+".server", &s.Server)
	share, count := 0.0, 0
	for j := range s.Groups {
		g, at := &s.Groups[j], fmt.Sprintf("%s.groups[%d]", path, j)
		c.share(at+".share", g.Share)
		c.natural(at+".count", g.Count)
		if (g.Share > 0) == (g.Count > 0) {
			c.fail(at, "share %v and count %d, want one of them", g.Share, g.Count)
		}
		c.positive(at+".work", g.Work)
		c.notNegative(at+".cores", g.Cores)
		c.natural(at+".weight", g.Weight)
		share, count = share+g.Share, count+g.Count
	}
	if most := float64(s.Replicas); most > 0 && float64(count)+share*most > most*(1+1e-9) {
		c.fail(path+".groups", "%v replicas of %d", float64(count)+share*most, s.Replicas)
	}
	for j, d := range s.Calls {
		at := fmt.Sprintf("%s.calls[%d]", path, j)
		c.known(at+".service", d.Service)
		c.least(at+".count", d.Count, 1)
	}
}

func (c *checker) server(path string, s *Server) {
	c.natural(path+".workers", s.Workers)
	c.positive(path+".cores", s.Cores)
	c.oneOf(path+".order", "order", s.Order, "fifo", "lifo")
	c.natural(path+".queue", s.Queue)
	if s.Workers == 0 && (s.Queue > 0 || s.Order == "lifo") {
		c.fail(path+".workers", "0, want some: without, all requests are worked on at once, and none waits in a queue")
	}
	c.dist(path+".work", s.Work)
	c.dist(path+".per_attempt", s.PerAttempt)
	c.dist(path+".wait", s.Wait)
	c.time(path+".probe_work", s.ProbeWork)
	if l := s.Limit; l != nil {
		c.natural(path+".limit.max", l.Max)
		c.natural(path+".limit.min", l.Min)
		if err := l.Validate(); err != nil && c.doc == nil {
			c.fail(path+".limit", "%w", err)
		}
	}
	if s.Capacity == nil {
		return
	}
	c.time(path+".capacity.dwell", s.Capacity.Dwell)
	total := 0.0
	for i, t := range s.Capacity.Strata {
		at := fmt.Sprintf("%s.capacity.strata[%d]", path, i)
		c.share(at+".share", t.Share)
		if !(t.From >= 0 && t.From <= t.To && t.To <= math.MaxFloat64) {
			c.fail(at, "from %v to %v, want them ascending from 0", t.From, t.To)
		}
		total += t.Share
	}
	if math.Abs(total-1) > 1e-9 {
		c.fail(path+".capacity.strata", "the shares add up to %v, want 1", total)
	}
}

// Validate returns an error for an algorithm or a discipline that nobody knows.
func (l *Limit) Validate() error {
	return limit.Config{Algorithm: limit.Algorithm(l.Algorithm), Discipline: limit.Discipline(l.Discipline)}.Validate()
}

// cycles finds services whose requests would never end.
func (c *checker) cycles() {
	done := make(map[string]bool)
	var visit func(name string, way []string)
	visit = func(name string, way []string) {
		i := slices.Index(c.names(), name)
		if i < 0 || done[name] {
			return
		}
		way = append(way, name)
		for j, d := range c.Services[i].Calls {
			if at := slices.Index(way, d.Service); at >= 0 {
				c.fail(fmt.Sprintf("services[%d].calls[%d]", i, j), "a cycle of calls: %s -> %s",
					strings.Join(way[at:], " -> "), d.Service)
				continue
			}
			visit(d.Service, way)
		}
		done[name] = true
	}
	for _, name := range c.names() {
		visit(name, nil)
	}
}

// faultKinds are the kinds of faults, and which of the fields that not all have each of them uses.
var faultKinds = []struct{ name, uses string }{
	{"down", "drain"}, {"restart", "cold cold_for drain"}, {"leave", "cold cold_for drain"}, {"pause", ""},
	{"blackhole", ""}, {"slow", "factor"}, {"capacity", "factor"}, {"errors", "rate after"}, {"overload", "rate after"},
}

func (c *checker) fault(i int) {
	f, path := &c.Faults[i], fmt.Sprintf("faults[%d]", i)
	c.want(f.At >= 0 && f.At < c.length(), path+".at", f.At, fmt.Sprintf("0 to less than %v, when the run ends", c.length()))
	c.time(path+".for", f.For)
	c.time(path+".every", f.Every)
	if c.known(path+".service", f.Service) {
		c.victims(path, f, c.at(f.Service).Replicas)
	}
	var kinds []string
	for _, k := range faultKinds {
		kinds = append(kinds, k.name)
	}
	if !c.oneOf(path+".kind", "kind of fault", f.Kind, kinds...) {
		return
	}
	uses := strings.Fields(faultKinds[slices.Index(kinds, f.Kind)].uses)
	for _, field := range []struct {
		key   string
		value float64
	}{
		{"factor", f.Factor}, {"rate", f.Rate}, {"after", f.After.Seconds()},
		{"cold", f.Cold}, {"cold_for", f.ColdFor.Seconds()}, {"drain", f.Drain.Seconds()},
	} {
		if at := path + "." + field.key; slices.Contains(uses, field.key) {
			c.notNegative(at, field.value)
		} else {
			c.want(field.value == 0, at, field.value, "none: "+f.Kind+" does not use it")
		}
	}
	c.want(f.Rate <= 1, path+".rate", f.Rate, "0 to 1")
	if slices.Contains(uses, "cold") && (f.ColdFor > 0 || f.Cold > 0) {
		c.positive(path+".cold", f.Cold)
		c.want(f.ColdFor > 0, path+".cold_for", f.ColdFor, "> 0: cold for how long")
	}
	if slices.Contains(uses, "factor") {
		c.want(f.Factor != 0, path+".factor", 0, "a factor")
	}
}

// length is how long a run is measured.
func (e *Experiment) length() (sum time.Duration) {
	for _, s := range e.Steps {
		sum += s.For
	}
	if len(e.Steps) == 0 {
		return e.Measure
	}
	return sum
}

// victims checks which of n replicas are meant.
func (c *checker) victims(path string, f *Fault, n int) {
	ways := 0
	for _, given := range []bool{f.Replicas != nil, f.Count != 0, f.Share != 0} {
		if given {
			ways++
		}
	}
	if moves := f.Replicas != nil && f.Count != 0 && f.Every > 0; ways > 1 && (ways > 2 || !moves) {
		c.fail(path, "want one of replicas, count and share")
	}
	for j, r := range f.Replicas {
		at := fmt.Sprintf("%s.replicas[%d]", path, j)
		c.want(r >= 0 && r < n, at, r, fmt.Sprintf("0 to %d", n-1))
		c.want(slices.Index(f.Replicas, r) == j, at, r, "every replica once")
	}
	c.want(f.Count >= 0 && f.Count <= n, path+".count", f.Count, fmt.Sprintf("1 to %d, the replicas there are", n))
	c.share(path+".share", f.Share)
}
