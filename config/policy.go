// Package config provides what users write in files about calls: a service's policy with its balancer. It is the same
// block for a live program and for an experiment of package sim.
package config

import (
	"cmp"
	"fmt"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/tree"
)

// Policy says how a service is called. In a file its keys are the names of the fields in lower case with underscores,
// those of rota.Policy among them; a part is on with its defaults as {} and off as null, false or off.
type Policy struct {
	// Balancer chooses among replicas. In a file it is a name, or a mapping with name and parameters:
	// {name: p2c, choices: 3}.
	Balancer Balancer
	// Zone keeps calls in the caller's own zone while that can carry them; nil = off. Where Zone.Zone is empty it is what
	// NewBalancerIn is told.
	Zone *rota.ZoneParams
	// Subset is how many of the replicas a client uses; nil = all.
	Subset *Subset
	rota.Policy
}

// Subset says how a client chooses whom to use.
type Subset struct {
	Kind   string // "rendezvous" (the default) or "deterministic"
	Size   int    // replicas of each priority that a client uses; required
	ByZone bool   // Size of each zone instead
}

// Validate returns an error that names the first field whose value cannot be meant.
func (s *Subset) Validate() error {
	switch {
	case s.Kind != "" && s.Kind != "rendezvous" && s.Kind != "deterministic":
		return fmt.Errorf("config: Subset.Kind = %q, want rendezvous or deterministic", s.Kind)
	case s.Size < 1:
		return fmt.Errorf("config: Subset.Size = %d, want >= 1", s.Size)
	}
	return nil
}

// Parse reads a policy. The error names the line and the key of everything that is wrong with it.
func Parse(n *tree.Node) (Policy, error) {
	var p Policy
	err := tree.Decode(n, &p)
	return p, err
}

// ParseJSON reads a policy from a JSON object. The error names the line and the key of everything that is wrong with it.
func ParseJSON(data []byte) (Policy, error) {
	n, err := tree.ParseJSON(data)
	if err != nil {
		return Policy{}, err
	}
	return Parse(n)
}

// NewBalancer returns a balancer for one Cluster: a balancer may keep what it learns, which is of no use to another.
func (p *Policy) NewBalancer() rota.Balancer { return p.NewBalancerIn("") }

// NewBalancerIn is NewBalancer for a caller in a zone, unless Zone names one.
func (p *Policy) NewBalancerIn(zone string) rota.Balancer {
	b := p.Balancer.New()
	if p.Zone == nil {
		return b
	}
	params := *p.Zone
	params.Zone = cmp.Or(params.Zone, zone)
	return rota.PreferZone(params, b)
}

// NewSubset returns what chooses a client's replicas, nil if it uses all. id tells clients apart, and index is the
// client's number, from 0 on without gaps; the first is for rendezvous and the second for deterministic subsets.
func (p *Policy) NewSubset(id string, index int) rota.Subset {
	if p.Subset == nil {
		return nil
	}
	params := rota.SubsetParams{Size: p.Subset.Size, ByZone: p.Subset.ByZone, ID: id, Index: index}
	if p.Subset.Kind == "deterministic" {
		return rota.DeterministicSubset(params)
	}
	return rota.RendezvousSubset(params)
}

// Validate returns an error that names the first field whose value cannot be meant.
func (p *Policy) Validate() error {
	if err := p.Balancer.Validate(); err != nil {
		return err
	}
	if z := p.Zone; z != nil && !(z.MinHealthy >= 0 && z.MinHealthy <= 1) {
		return fmt.Errorf("config: Zone.MinHealthy = %v, want 0 to 1", z.MinHealthy)
	}
	if p.Subset != nil {
		if err := p.Subset.Validate(); err != nil {
			return err
		}
	}
	return p.Policy.Validate()
}

// Merge lays the policy over on base, key by key, before either is parsed. Of a balancer only parameters are laid over
// those of the same one: another name leaves none of them.
func Merge(base, over *tree.Node) *tree.Node {
	below, above := base.Get("balancer"), over.Get("balancer")
	if above != nil && above.Kind == tree.Map {
		if name := above.Get("name"); name == nil && below != nil && below.Kind == tree.String {
			base = base.With("balancer", (*tree.Node)(nil).With("name", below)) // parameters for what was only named
		} else if was := below.Get("name"); name != nil && (was == nil || was.Text != name.Text) {
			return tree.Merge(base, over, "balancer")
		}
	}
	return tree.Merge(base, over)
}
