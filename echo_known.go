package rota

import (
	"math"
	"sync/atomic"
	"time"
)

// view is what is true of all nodes at the time of a pick.
type view struct {
	*echo
	now               time.Duration
	meanLatency, mean float64 // averages over all nodes: latency, and RIF
	unknown           float64 // the factor for nodes that are new among others
	perFresh          float64 // see fadeBy
}

func (e *echo) view(now time.Duration, nodes int) view {
	v := view{echo: e, now: now, meanLatency: e.latency.value(), mean: e.meanRIF(), unknown: e.params.Unknown}
	if nodes <= fewNodes {
		v.unknown = 1 + (v.unknown-1)*v.mean/(1+v.mean)
	}
	if int(e.latency.seen.Load()) < min(nodes, typicalEnough) {
		v.unknown = 1 // all are new: the first one called, whatever it is like, must not look better than the others
	}
	v.perFresh = 1 / (16 * freshAnswers * v.meanLatency)
	return v
}

// fewNodes is up to how many nodes a client without much to do tries a new one soon.
const fewNodes = 8

// freshAnswers is for how many answers' time, about, the RIF of a report counts alone.
const freshAnswers = 2

// score is what a call at n is expected to cost.
func (v *view) score(n *echoNode) float64 {
	latency, rif, own := v.meanLatency, v.mean, float64(n.InFlight())
	row := float64(min(n.breaker.Row(), maxRow))
	switch at := n.note.at.Load(); {
	case at > 0:
		age := v.now - time.Duration(at)
		last, _ := unpackPair(n.note.last.Load())
		knownLatency, knownRIF := unpackPair(n.note.averages.Load())
		knownRIF += (last - knownRIF) * fadeBy(age, v.perFresh)
		known := v.drifted(age)
		latency += (knownLatency - latency) * known
		rif += (knownRIF - rif) * known
		own += row * known
	case at == 0:
		n.note.at.CompareAndSwap(0, -1-int64(v.now))
		latency *= v.unknown
	default:
		latency += latency * (v.unknown - 1) * v.drifted(v.now+time.Duration(at))
	}
	return latency * (1 + (rif+v.params.Own*own)/n.weight)
}

// drifted is what is left of something known for so long: all at first, less as by exp(-age/Drift), and nothing after
// twice Drift. An exponential would never let go of a replica that was a hundred times as slow as the others.
func (e *echo) drifted(age time.Duration) float64 { return leftOf(age, e.perDrift) }

// leftOf is what is left of something after age, when it is gone after 1/per.
func leftOf(age time.Duration, per float64) float64 {
	left := max(1-float64(max(age, 0))*per, 0)
	return left * left
}

// meanRIF is the average over all nodes.
func (e *echo) meanRIF() float64 { return max(e.busy.value()/perRIF-1, 0) }

// echoNote is what is known of a node. Of two reports at the same instant one may be lost.
type echoNote struct {
	averages atomic.Uint64 // latency in nanoseconds, and RIF
	last     atomic.Uint64 // RIF of the last report, and how many reports there were
	at       atomic.Int64  // when it was heard of last; negative: never, since it was first looked at; 0 = not yet
	good     atomic.Bool   // its picker remembers it, or did
}

// failedAnswers is how many times as long as an answer takes a failure counts for.
const failedAnswers = 10

// Ended takes a report, or what stands for one.
func (e *echoPicker) Ended(n *Node, end *End) {
	note, ok := n.notes.(*echoNote)
	if !ok {
		return
	}
	latency, rif := unpackPair(note.averages.Load())
	last, reports := unpackPair(note.last.Load())
	took := max(float64(end.Took), 1)
	sample := took
	switch end.Verdict {
	case Success:
		if l := end.Load.Latency; end.Load.Known && l > 0 {
			sample = float64(l)
		} else if end.Load.Known {
			sample = e.latency.value() // it does not know either
			break
		}
		e.latency.observe(end.Now, time.Duration(sample))
	case Ignored:
		if took <= latency {
			return // that it would have taken longer than it was given says nothing
		}
	default:
		sample = max(took, failedAnswers*e.latency.value())
	}
	rifSample := last
	switch {
	case end.Load.Known:
		rifSample = float64(min(max(end.Load.RIF, 0), oneAnswer))
		e.busy.observe(end.Now, time.Duration((1+rifSample)*perRIF))
	case end.Verdict == Success || reports == 0:
		rifSample = e.meanRIF()
	}
	gain := max(e.params.Gain, 1/(reports+1)) // the first are a plain mean
	if at := note.at.Load(); at > 0 {
		gain = max(gain, 1-e.drifted(end.Now-time.Duration(at)))
	}
	note.averages.Store(packPair(latency+(sample-latency)*gain, rif+(rifSample-rif)*gain))
	note.last.Store(packPair(rifSample, min(reports+1, mostReports)))
	note.at.Store(int64(max(end.Now, 1)))
}

const mostReports = 1 << 20

func packPair(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func unpackPair(w uint64) (a, b float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}
