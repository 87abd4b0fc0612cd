package sim

import (
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
)

// Parse reads an experiment from JSON and fills its defaults in. The error is all that cannot be meant, with line and key.
func Parse(data []byte) (*Experiment, error) {
	n, err := tree.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	return FromTree(n)
}

// FromTree is Parse for a document that is read already. A policy may be the name of a balancer alone. What a variant
// says is laid over the experiment's policy, and over the servers of the services, key by key; the policies of its calls
// are laid over its own.
func FromTree(n *tree.Node) (*Experiment, error) {
	n = laidOut(n)
	var e Experiment
	if err := tree.Decode(n, &e); err != nil {
		return nil, err
	}
	filled := e.withDefaults()
	if err := filled.check(n); err != nil {
		return nil, err
	}
	return filled, nil
}

// laidOut returns the document with every variant's policies and servers in full. What has the wrong form stays, for the
// decoder to complain about.
func laidOut(n *tree.Node) *tree.Node {
	variants := n.Get("policies")
	if variants == nil || variants.Kind != tree.List {
		return n
	}
	out := &tree.Node{Kind: tree.List, Line: variants.Line}
	for _, v := range variants.Items {
		if v.Kind == tree.String {
			v = named(v)
		}
		if v.Kind == tree.Map {
			v = variantOf(n, v)
		}
		out.Items = append(out.Items, v)
	}
	return n.With("policies", out)
}

// named is the variant that is called as its balancer, and is otherwise as the experiment's policy.
func named(name *tree.Node) *tree.Node {
	var none *tree.Node
	return none.With("name", name).With("policy", none.With("balancer", name))
}

func variantOf(n, v *tree.Node) *tree.Node {
	policy := config.Merge(n.Get("policy"), v.Get("policy"))
	if policy != nil {
		v = v.With("policy", policy)
	}
	v = overEach(v, "calls", func(_ string, over *tree.Node) *tree.Node { return config.Merge(policy, over) })
	return overEach(v, "servers", func(service string, over *tree.Node) *tree.Node {
		return tree.Merge(serverOf(n, service), over, "work", "per_attempt", "wait") // a distribution is of one kind
	})
}

// overEach replaces the values of the mapping that v has under key.
func overEach(v *tree.Node, key string, replace func(string, *tree.Node) *tree.Node) *tree.Node {
	old := v.Get(key)
	if old == nil || old.Kind != tree.Map {
		return v
	}
	out := &tree.Node{Kind: tree.Map, Line: old.Line}
	for _, f := range old.Fields {
		out.Fields = append(out.Fields, tree.Field{Key: f.Key, Line: f.Line, Value: replace(f.Key, f.Value)})
	}
	return v.With(key, out)
}

func serverOf(n *tree.Node, service string) *tree.Node {
	if services := n.Get("services"); services != nil {
		for _, s := range services.Items {
			if name := s.Get("name"); name != nil && name.Text == service {
				return s.Get("server")
			}
		}
	}
	return nil
}

// DecodeTree reads a mapping of one kind, or a duration alone, which is constant.
func (d *Dist) DecodeTree(n *tree.Node) error {
	if n.Kind == tree.String || n.Kind == tree.Number {
		return tree.Decode(n, &d.Const)
	}
	type plain Dist
	return tree.Decode(n, (*plain)(d))
}
