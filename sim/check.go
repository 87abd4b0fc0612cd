package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/internal/tree"
)

// checker collects what cannot be meant in an experiment whose defaults are filled in.
type checker struct {
	*Experiment
	doc  *tree.Node // nil = written in Go
	errs []*tree.Error
}

// check returns all that cannot be meant, with the lines of doc.
func (e *Experiment) check(doc *tree.Node) error {
	c := checker{Experiment: e, doc: doc}
	c.whole()
	c.network()
	for i := range e.Services {
		c.service(i)
	}
	c.cycles()
	for i := range e.Clients {
		c.client(i)
	}
	for i := range e.Faults {
		c.fault(i)
	}
	for i := range e.Policies {
		c.variant(i)
	}
	for i := range e.Published {
		c.published(i)
	}
	for i, name := range e.Lists {
		c.metric(fmt.Sprintf("lists[%d]", i), name)
	}
	return tree.Join(c.errs)
}

func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, c.doc.Errorf(path, format, args...))
}

// want is fail unless ok. got is what was found.
func (c *checker) want(ok bool, path string, got any, want string) {
	if !ok {
		c.fail(path, "%v, want %s", got, want)
	}
}

func (c *checker) natural(path string, got int) { c.want(got >= 0, path, got, ">= 0") }
func (c *checker) least(path string, got, least int) {
	c.want(got >= least, path, got, fmt.Sprintf(">= %d", least))
}
func (c *checker) time(path string, got time.Duration) { c.want(got >= 0, path, got, ">= 0") }
func (c *checker) share(path string, got float64)      { c.want(got >= 0 && got <= 1, path, got, "0 to 1") }

// positive is a number above 0, not-negative one that may be 0. Neither is NaN or infinite.
func (c *checker) positive(path string, got float64) {
	c.want(got > 0 && got <= math.MaxFloat64, path, got, "> 0")
}

func (c *checker) notNegative(path string, got float64) {
	c.want(got >= 0 && got <= math.MaxFloat64, path, got, ">= 0")
}

// dist checks a distribution that was not read from a document, where it has checked itself.
func (c *checker) dist(path string, d *Dist) {
	if d != nil && c.doc == nil {
		if err := d.Validate(); err != nil {
			c.fail(path, "%w", err)
		}
	}
}

// oneOf wants got to be one of known, an empty string included if it is among them.
func (c *checker) oneOf(path, what, got string, known ...string) bool {
	if slices.Contains(known, got) {
		return true
	}
	c.fail(path, "%q: %s", got, tree.Unknown(what, got, known))
	return false
}

// unique wants names that differ.
func (c *checker) unique(n int, path, key string, name func(int) string) {
	first := make(map[string]int)
	for i := range n {
		at := fmt.Sprintf("%s[%d].%s", path, i, key)
		if was, ok := first[name(i)]; ok {
			c.fail(at, "%q is %s[%d] already", name(i), path, was)
			continue
		}
		first[name(i)] = i
		c.want(name(i) != "", at, `""`, "a name")
	}
}

func (c *checker) whole() {
	c.want(goodName(c.Name), "name", fmt.Sprintf("%q", c.Name), "letters, digits and . _ -, because files are called so")
	c.want(c.Seeds >= 1 && c.Seeds <= 10_000, "seeds", c.Seeds, "1 to 10000")
	c.time("warmup", c.Warmup)
	c.want(c.Measure > 0, "measure", c.Measure, "> 0")
	if len(c.Loads) > 0 && len(c.Steps) > 0 {
		c.fail("loads", "there are steps as well: a load for each run, or steps of one run, not both")
	}
	c.want(len(c.Loads)+len(c.Steps) > 0, "loads", "none", "at least one load, or steps")
	for i, l := range c.Loads {
		path := fmt.Sprintf("loads[%d]", i)
		c.positive(path, l)
		c.want(slices.Index(c.Loads, l) == i, path, l, "every load once")
	}
	for i, s := range c.Steps {
		path := fmt.Sprintf("steps[%d]", i)
		c.want(s.For > 0, path+".for", s.For, "> 0")
		c.notNegative(path+".load", s.Load)
	}
	c.unique(len(c.Steps), "steps", "name", func(i int) string { return c.Steps[i].Name })
	c.want(len(c.Services) > 0, "services", "none", "at least one")
	c.want(len(c.Clients) > 0, "clients", "none", "at least one")
	c.want(len(c.Policies) > 0, "policies", "none", "at least one")
	c.unique(len(c.Services), "services", "name", func(i int) string { return c.Services[i].Name })
	c.unique(len(c.Policies), "policies", "name", func(i int) string { return c.Policies[i].Name })
	c.unique(len(c.Clients), "clients", "name", func(i int) string { return c.Clients[i].Name })
}

// goodName reports whether a file may be called so everywhere.
func goodName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r) {
			return false
		}
	}
	return name != "" && len(name) <= 100 && name[0] != '.' && name[0] != '-'
}

func (c *checker) network() {
	n := &c.Network
	c.dist("network.delay", n.Delay)
	c.want(n.Loss >= 0 && n.Loss < 1, "network.loss", n.Loss, "0 to less than 1")
	c.time("network.retransmit", n.Retransmit)
	c.time("network.probe_timeout", n.ProbeTimeout)
}

func (c *checker) known(path, service string) bool {
	return c.oneOf(path, "service", service, c.names()...)
}

func (e *Experiment) names() []string {
	names := make([]string, len(e.Services))
	for i := range e.Services {
		names[i] = e.Services[i].Name
	}
	return names
}

// at returns a service by its name, which is known.
func (e *Experiment) at(service string) *Service {
	return &e.Services[slices.Index(e.names(), service)]
}

func (c *checker) client(i int) {
	l, path := &c.Clients[i], fmt.Sprintf("clients[%d]", i)
	if c.known(path+".service", l.Service) && l.Rate == 0 {
		s := &c.at(l.Service).Server
		c.want(costs(s.Work) || costs(s.PerAttempt), path+".rate", 0, "a rate: requests to "+l.Service+" cost nothing, so no number of them is a share of what it can do")
	}
	c.want(l.Count >= 1 && l.Count <= 1_000_000, path+".count", l.Count, "1 to 1000000")
	c.notNegative(path+".rate", l.Rate)
	c.share(path+".share", l.Share)
	if l.Rate > 0 && l.Share > 0 {
		c.fail(path+".share", "there is a rate as well: one of them says how much")
	} else if l.Rate == 0 && l.Share == 0 {
		c.fail(path, "no rate, and the shares of other clients leave nothing of 1")
	}
	c.notNegative(path+".skew", l.Skew)
	c.oneOf(path+".arrivals", "kind of arrivals", l.Arrivals, "poisson", "even")
	c.want(l.Timeout > 0, path+".timeout", l.Timeout, "> 0")
	c.least(path+".fanout", l.Fanout, 1)
	c.want(l.Keys >= 0 && l.Keys <= 10_000_000, path+".keys", l.Keys, "0 to 10000000")
	c.notNegative(path+".key_skew", l.KeySkew)
}

// costs reports whether a distribution is of more than 0. One that is not valid has its error elsewhere.
func costs(d *Dist) bool { return d != nil && (d.Validate() != nil || d.mean() > 0) }

func (c *checker) variant(i int) {
	v, path := &c.Policies[i], fmt.Sprintf("policies[%d]", i)
	if c.doc == nil { // otherwise it has checked itself
		if err := v.Policy.Validate(); err != nil {
			c.fail(path+".policy", "%w", err)
		}
	}
	for _, name := range sortedKeys(v.Calls) {
		if p := v.Calls[name]; c.known(path+".calls."+name, name) && c.doc == nil {
			if err := p.Validate(); err != nil {
				c.fail(path+".calls."+name, "%w", err)
			}
		}
	}
	for _, name := range sortedKeys(v.Servers) {
		if s := v.Servers[name]; c.known(path+".servers."+name, name) {
			c.server(path+".servers."+name, &s)
		}
	}
	for j, l := range v.Only {
		c.want(slices.Contains(c.Loads, l), fmt.Sprintf("%s.only[%d]", path, j), l, fmt.Sprintf("one of the loads %v", c.Loads))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *checker) published(i int) {
	p, path := &c.Published[i], fmt.Sprintf("published[%d]", i)
	policies := make([]string, len(c.Policies))
	for j := range c.Policies {
		policies[j] = c.Policies[j].Name
	}
	known := c.oneOf(path+".policy", "policy", p.Policy, policies...)
	if len(c.Steps) > 0 {
		steps := make([]string, len(c.Steps))
		for j := range c.Steps {
			steps[j] = c.Steps[j].Name
		}
		c.oneOf(path+".step", "step", p.Step, steps...)
	} else {
		c.want(p.Step == "", path+".step", fmt.Sprintf("%q", p.Step), "none, because there are no steps")
		loads := c.Loads
		if known {
			if only := c.Policies[slices.Index(policies, p.Policy)].Only; only != nil {
				loads = only
			}
		}
		c.want(slices.Contains(loads, p.Load), path+".load", p.Load, fmt.Sprintf("one of the loads %v", loads))
	}
	c.metric(path+".metric", p.Metric)
	c.notNegative(path+".within", p.Within)
	c.want(!math.IsNaN(p.Value) && p.Value != 0, path+".value", p.Value, "what was published")
}

func (c *checker) metric(path, name string) {
	var sample Row
	for _, s := range c.names() {
		sample.Services = append(sample.Services, ServiceRun{Name: s})
	}
	if _, ok := sample.Metric(name); ok || slices.Contains(Metrics(), name) {
		return
	}
	c.fail(path, "%q: %s", name, tree.Unknown("metric", cmp.Or(name, "?"), Metrics()))
}
