package config

import (
	"fmt"
	"slices"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/tree"
)

// Balancer is the name of a balancer and its parameters.
type Balancer struct {
	Name   string // one of Balancers(); "" = the default of the library, echo
	Params any    // such as a Choices, see Balancers; nil = all defaults
}

// Choices are the parameters of p2c.
type Choices struct {
	Choices int // how many replicas are drawn; default 2
}

// Validate says what is wrong with the draw.
func (c Choices) Validate() error {
	if c.Choices < 0 {
		return fmt.Errorf("config: Choices = %d, want 0 (the default) or more", c.Choices)
	}
	return nil
}

// balancers are all balancers that have a name, in the order of the documentation.
var balancers = []kind{
	simple("random", rota.Random),
	simple("rr", rota.RoundRobin),
	with("wrr", rota.WeightedRoundRobin),
	simple("ll", rota.LeastLoaded),
	with("ll-p2c", powerOf), // p2c, as papers call it
	with("p2c", powerOf),
	with("peak-ewma", rota.PeakEWMA),
	with("yarp", rota.YARP),
	with("linear", rota.Linear),
	with("c3", rota.C3),
	with("prequal", rota.Prequal),
	with("echo", rota.Echo),
	with("rendezvous", rota.Rendezvous),
	with("ring", rota.Ring),
	with("maglev", rota.Maglev),
}

func powerOf(c Choices) rota.Balancer { return rota.PowerOfTwo(c.Choices) }

// Balancers returns the names of all balancers.
func Balancers() []string {
	names := make([]string, len(balancers))
	for i, k := range balancers {
		names[i] = k.name
	}
	return names
}

// kind is how a balancer is read and built.
type kind struct {
	name   string
	params any // the zero value
	decode func(*tree.Node) (any, error)
	check  func(params any) error
	build  func(params any) rota.Balancer // nil = defaults
}

// none is no parameters.
type none struct{}

func simple(name string, build func() rota.Balancer) kind {
	return with(name, func(none) rota.Balancer { return build() })
}

func with[P any](name string, build func(P) rota.Balancer) kind {
	return kind{
		name:   name,
		params: *new(P),
		decode: func(n *tree.Node) (any, error) {
			var p P
			err := tree.Decode(n, &p)
			return p, err
		},
		check: func(params any) error {
			p, ok := params.(P)
			if params != nil && !ok {
				return fmt.Errorf("config: Balancer.Params = %T, want %T for %s", params, p, name)
			}
			if v, ok := any(p).(interface{ Validate() error }); ok {
				return v.Validate()
			}
			return nil
		},
		build: func(params any) rota.Balancer {
			p, _ := params.(P)
			return build(p)
		},
	}
}

func lookup(name string) (kind, bool) {
	if name == "" {
		name = "echo"
	}
	i := slices.IndexFunc(balancers, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return balancers[i], true
}

// New returns the balancer, with nothing learned. It panics if Validate has an error.
func (b Balancer) New() rota.Balancer {
	if err := b.Validate(); err != nil {
		panic(err)
	}
	k, _ := lookup(b.Name)
	return k.build(b.Params)
}

// Validate returns an error if there is no such balancer, or if its parameters are not meant.
func (b Balancer) Validate() error {
	k, ok := lookup(b.Name)
	if !ok {
		return fmt.Errorf("config: Balancer.Name = %q, want one of %q", b.Name, Balancers())
	}
	return k.check(b.Params)
}

// DecodeTree reads a name, or a mapping of a name and parameters.
func (b *Balancer) DecodeTree(n *tree.Node) error {
	name, params := n, &tree.Node{Kind: tree.Map, Line: n.Line}
	if n.Kind == tree.Map {
		if name = n.Get("name"); name == nil {
			return n.Errorf("", "no name, want one of %q", Balancers())
		}
		params.Fields = slices.DeleteFunc(slices.Clone(n.Fields), func(f tree.Field) bool { return f.Key == "name" })
	}
	if name.Kind != tree.String {
		return name.Errorf("", "want the name of a balancer, or a mapping of name and parameters")
	}
	k, ok := lookup(name.Text)
	if !ok || name.Text == "" {
		return name.Errorf("", "%q: %s", name.Text, tree.Unknown("balancer", name.Text, Balancers()))
	}
	p, err := k.decode(params)
	b.Name, b.Params = k.name, p
	return err
}
