// Package config provides what users write in files about calls: a service's policy with its balancer. It is the same
// block for a live program and for an experiment of package sim.
package config

import (
	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/tree"
)

// Policy says how a service is called. In a file its keys are the names of the fields in lower case with underscores,
// those of rota.Policy among them; a part is on with its defaults as {} and off as null, false or off.
type Policy struct {
	// Balancer chooses among replicas. In a file it is a name, or a mapping with name and parameters:
	// {name: p2c, choices: 3}.
	Balancer Balancer
	rota.Policy
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
func (p *Policy) NewBalancer() rota.Balancer { return p.Balancer.New() }

// Validate returns an error that names the first field whose value cannot be meant.
func (p *Policy) Validate() error {
	if err := p.Balancer.Validate(); err != nil {
		return err
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
