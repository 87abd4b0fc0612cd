package rota

// PowerOfTwo returns a Balancer that draws d different usable nodes at random (2 when d is 0) and takes the one with
// the least Load (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). Of
// equals, the one drawn first: the draw is the tie-break. One that would be passed over because it failed is taken every
// 64th time, to see whether it still does.
func PowerOfTwo(d int) Balancer {
	if d <= 0 {
		d = 2
	}
	return func(nodes []*Node) Picker { return &choicesPicker{nodes, min(d, len(nodes))} }
}

type choicesPicker struct {
	nodes []*Node
	d     int
}

func (c *choicesPicker) Pick(p *Pick) *Node {
	var best *Node
	i := below(p.Rand(), len(c.nodes))
	// Twice as many draws as choices: with half of the nodes out of use, d are still found most of the time.
	for found, draws := 0, 2*c.d; found < c.d && draws > 0; draws-- {
		if n := c.nodes[i]; p.Usable(n) {
			found++
			p.Looked(n, float64(n.Load()))
			if best == nil || n.Load() < best.Load() || n.breaker.Row() > 0 && p.Rand()%64 == 0 {
				best = n
			}
		}
		if len(c.nodes) == 1 {
			break
		}
		i = (i + 1 + below(p.Rand(), len(c.nodes)-1)) % len(c.nodes) // any but the one just seen
	}
	if best == nil {
		return firstUsable(p, c.nodes, i)
	}
	return best
}
