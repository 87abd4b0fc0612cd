package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// EchoParams prototype.
type EchoParams struct {
	Choices  int
	Remember int
	Gain     float64
	Own      float64
	Drift    time.Duration
	Fresh    float64 // in mean latencies
}

func Echo(p EchoParams) Balancer {
	p.Choices = setting(p.Choices, 3)
	p.Remember = setting(p.Remember, 5)
	p.Gain = setting(p.Gain, .1)
	p.Own = setting(p.Own, 3)
	p.Drift = setting(p.Drift, 20*time.Second)
	p.Fresh = setting(p.Fresh, 1)
	mean := new(echoNote)
	return func(nodes []*Node) Picker {
		for _, n := range nodes {
			if _, ok := n.notes.(*echoNote); !ok {
				n.notes = new(echoNote)
			}
		}
		return &echoPicker{p: p, nodes: nodes, mean: mean}
	}
}

type echoNote struct {
	word  atomic.Uint64 // latency f32 | rif f32
	last  atomic.Uint64 // rif f32 | count
	stamp atomic.Int64
}

type echoPicker struct {
	p     EchoParams
	nodes []*Node
	mean  *echoNote
	best  [16]atomic.Pointer[Node]
}

func two(w uint64) (float64, float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}

func both(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func (e *echoPicker) score(n *Node, now time.Duration, mlat, mrif float64) float64 {
	note := n.notes.(*echoNote)
	lat, rif := two(note.word.Load())
	if at := note.stamp.Load(); at == 0 {
		lat, rif = mlat, mrif
	} else {
		age := now - time.Duration(at)
		f := fade(age, e.p.Drift)
		if e.p.Fresh > 0 {
			last, _ := two(note.last.Load())
			rif += (last - rif) * fade(age, time.Duration(e.p.Fresh*mlat))
		}
		lat = mlat + (lat-mlat)*f
		rif = mrif + (rif-mrif)*f
	}
	return lat * (1 + rif + e.p.Own*float64(n.Load()))
}

func (e *echoPicker) Pick(p *Pick) *Node {
	mlat, mrif := two(e.mean.word.Load())
	now := p.Now()
	var best, found *Node
	least, foundLeast := math.Inf(1), math.Inf(1)
	worst, worstScore := -1, -1.0
	for i := range e.p.Remember {
		node := e.best[i].Load()
		if node == nil {
			worst, worstScore = i, math.Inf(1)
			continue
		}
		s := e.score(node, now, mlat, mrif)
		if s > worstScore {
			worst, worstScore = i, s
		}
		if s < least && p.Usable(node) {
			best, least = node, s
		}
	}
	n := len(e.nodes)
	start := below(p.Rand(), n)
	r := p.Rand()
	for k := 0; k < min(e.p.Choices, n); k++ {
		i := start
		if k > 0 {
			r = r*6364136223846793005 + 1442695040888963407
			i = below(r, n)
		}
		node := e.nodes[i]
		if s := e.score(node, now, mlat, mrif); s < foundLeast && p.Usable(node) {
			found, foundLeast = node, s
		}
	}
	if worst >= 0 && found != nil && foundLeast < worstScore {
		in := false
		for i := range e.p.Remember {
			in = in || e.best[i].Load() == found
		}
		if !in {
			e.best[worst].Store(found)
		}
	}
	if foundLeast < least {
		best = found
	}
	if best == nil {
		return firstUsable(p, e.nodes, start)
	}
	return best
}

func (e *echoPicker) Ended(n *Node, end *End) {
	if !end.Load.Known {
		return
	}
	lat, rif := float64(end.Load.Latency), float64(end.Load.RIF)
	ml, mr := two(e.mean.word.Load())
	if lat == 0 {
		lat = ml
	}
	note := n.notes.(*echoNote)
	_, count := two(note.last.Load())
	gain := max(e.p.Gain, 1/(count+1))
	l, r := two(note.word.Load())
	note.word.Store(both(l+(lat-l)*gain, r+(rif-r)*gain))
	note.last.Store(both(rif, min(count+1, 100)))
	note.stamp.Store(int64(max(end.Now, 1)))
	_, count = two(e.mean.last.Load())
	g := max(.01, 1/(count+1))
	e.mean.last.Store(both(rif, min(count+1, 100)))
	e.mean.word.Store(both(ml+(lat-ml)*g, mr+(rif-mr)*g))
}
