package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Complete returns a copy with its defaults filled in, and an error that lists all that cannot be meant. Parse and Run do
// it by themselves: it is for those who want to see the defaults.
func (e *Experiment) Complete() (*Experiment, error) {
	f := e.withDefaults()
	return f, f.check(nil)
}

// withDefaults returns a copy with every default that does not depend on how it runs.
func (e *Experiment) withDefaults() *Experiment {
	f := *e
	f.Seed, f.Seeds = cmp.Or(f.Seed, 1), cmp.Or(f.Seeds, 1)
	f.Measure = cmp.Or(f.Measure, 120*time.Second)
	if f.Loads == nil && f.Steps == nil {
		f.Loads = []float64{1}
	}
	f.Steps = slices.Clone(f.Steps)
	for i := range f.Steps {
		s := &f.Steps[i]
		s.Name, s.For, s.Load = cmp.Or(s.Name, fmt.Sprintf("step %d", i+1)), cmp.Or(s.For, f.Measure), cmp.Or(s.Load, 1)
	}
	f.Network.fill()
	f.Services = slices.Clone(f.Services)
	for i := range f.Services {
		f.Services[i].fill()
	}
	f.fillClients()
	f.fillFaults()
	f.Policies = slices.Clone(f.Policies)
	for i := range f.Policies {
		v := &f.Policies[i]
		servers := v.Servers
		if servers != nil {
			v.Servers = make(map[string]Server, len(servers))
		}
		for name, s := range servers {
			s.fill()
			v.Servers[name] = s
		}
	}
	f.fillPublished()
	return &f
}

func (n *Network) fill() {
	if n.Delay == nil {
		least, more := 100*time.Microsecond, 50*time.Microsecond
		n.Delay = &Dist{Sum: []Dist{{Const: &least}, {Exp: &more}}}
	}
	n.Retransmit = cmp.Or(n.Retransmit, 200*time.Millisecond)
	n.ProbeTimeout = cmp.Or(n.ProbeTimeout, 100*time.Millisecond)
}

func (s *Service) fill() {
	s.Replicas = cmp.Or(s.Replicas, 1)
	s.Server.fill()
	s.Groups, s.Calls = slices.Clone(s.Groups), slices.Clone(s.Calls)
	for i := range s.Groups {
		g := &s.Groups[i]
		g.Work, g.Weight = cmp.Or(g.Work, 1), cmp.Or(g.Weight, 1)
	}
	for i := range s.Calls {
		s.Calls[i].Count = cmp.Or(s.Calls[i].Count, 1)
	}
}

func (s *Server) fill() {
	s.Cores = cmp.Or(s.Cores, float64(max(s.Workers, 1)))
	s.Order = cmp.Or(s.Order, "fifo")
}

func (e *Experiment) fillClients() {
	e.Clients = slices.Clone(e.Clients)
	given := make(map[string]float64) // shares
	asked := make(map[string]int)     // groups that want what is left
	for i := range e.Clients {
		c := &e.Clients[i]
		if c.Name == "" {
			c.Name = fmt.Sprintf("clients %d", i+1)
		}
		c.Count, c.Fanout = cmp.Or(c.Count, 1), cmp.Or(c.Fanout, 1)
		c.Service = cmp.Or(c.Service, e.first())
		c.Arrivals, c.Timeout = cmp.Or(c.Arrivals, "poisson"), cmp.Or(c.Timeout, 5*time.Second)
		given[c.Service] += c.Share
		if c.Rate == 0 && c.Share == 0 {
			asked[c.Service]++
		}
	}
	for i := range e.Clients {
		if c := &e.Clients[i]; c.Rate == 0 && c.Share == 0 {
			c.Share = max(1-given[c.Service], 0) / float64(asked[c.Service])
		}
	}
}

func (e *Experiment) fillFaults() {
	e.Faults = slices.Clone(e.Faults)
	for i := range e.Faults {
		f := &e.Faults[i]
		f.Service = cmp.Or(f.Service, e.first())
		if f.Replicas == nil && f.Share == 0 {
			f.Count = cmp.Or(f.Count, 1)
		}
		if f.Kind == "errors" || f.Kind == "overload" {
			f.Rate = cmp.Or(f.Rate, 1)
		}
	}
}

// fillPublished fills in the only load, or the only step, there is, and the load of a step.
func (e *Experiment) fillPublished() {
	e.Published = slices.Clone(e.Published)
	for i := range e.Published {
		p := &e.Published[i]
		if len(e.Loads) == 1 {
			p.Load = cmp.Or(p.Load, e.Loads[0])
		}
		if len(e.Steps) == 1 {
			p.Step = cmp.Or(p.Step, e.Steps[0].Name)
		}
		for _, s := range e.Steps {
			if s.Name == p.Step {
				p.Load = s.Load
			}
		}
	}
}

func (e *Experiment) first() string {
	if len(e.Services) == 0 {
		return ""
	}
	return e.Services[0].Name
}
