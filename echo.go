package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// EchoParams prototype.
type EchoParams struct {
	Choices int
	Gain    float64
	Tau     time.Duration
	Own     float64
	Drift   time.Duration
	Power   float64
	RIFPow  float64
	Goal    float64
}

func Echo(p EchoParams) Balancer {
	p.Choices = setting(p.Choices, 30)
	p.Gain = setting(p.Gain, .1)
	p.Own = setting(p.Own, 3)
	p.Drift = setting(p.Drift, 20*time.Second)
	p.Power = setting(p.Power, 1)
	p.RIFPow = setting(p.RIFPow, 1)
	p.Goal = setting(p.Goal, 1)
	mean := new(echoNote)
	return func(nodes []*Node) Picker {
		for _, n := range nodes {
			if _, ok := n.notes.(*echoNote); !ok {
				n.notes = new(echoNote)
			}
		}
		return &echoPicker{p, nodes, mean}
	}
}

type echoNote struct {
	word  atomic.Uint64 // latency f32 | rif f32
	stamp atomic.Int64
}

type echoPicker struct {
	p     EchoParams
	nodes []*Node
	mean  *echoNote
}

func (e *echoNote) values() (lat, rif float64) {
	w := e.word.Load()
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}

func (e *echoNote) set(lat, rif float64) {
	e.word.Store(uint64(math.Float32bits(float32(lat)))<<32 | uint64(math.Float32bits(float32(rif))))
}

func (e *echoPicker) score(n *Node, now time.Duration, mlat, mrif float64) float64 {
	note := n.notes.(*echoNote)
	lat, rif := note.values()
	if at := note.stamp.Load(); at == 0 {
		lat, rif = mlat*e.p.Goal, mrif*e.p.Goal
	} else {
		f := fade(now-time.Duration(at), e.p.Drift)
		lat = e.p.Goal*mlat + (lat-e.p.Goal*mlat)*f
		rif = e.p.Goal*mrif + (rif-e.p.Goal*mrif)*f
	}
	s := 1 + rif + e.p.Own*float64(n.Load())
	if e.p.RIFPow != 1 {
		s = math.Pow(s, e.p.RIFPow)
	}
	return lat * s
}

func (e *echoPicker) Pick(p *Pick) *Node {
	mlat, mrif := e.mean.values()
	now := p.Now()
	var best *Node
	least := math.Inf(1)
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
		if s := e.score(node, now, mlat, mrif); s < least && p.Usable(node) {
			best, least = node, s
		}
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
	if lat == 0 {
		lat, _ = e.mean.values()
	}
	note := n.notes.(*echoNote)
	if note.stamp.Load() == 0 {
		note.set(lat, rif)
	} else {
		l, r := note.values()
		note.set(l+(lat-l)*e.p.Gain, r+(rif-r)*e.p.Gain)
	}
	note.stamp.Store(int64(max(end.Now, 1)))
	ml, mr := e.mean.values()
	if e.mean.stamp.Load() == 0 {
		e.mean.set(lat, rif)
		e.mean.stamp.Store(1)
		return
	}
	g := .01
	e.mean.set(ml+(lat-ml)*g, mr+(rif-mr)*g)
}
