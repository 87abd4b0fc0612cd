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
	nodes             int
	guarded           bool    // by breakers
	meanLatency, mean float64 // averages over all nodes: latency, and RIF
}

func (e *echo) view(now time.Duration, nodes int, guarded bool) view {
	return view{echo: e, now: now, nodes: nodes, guarded: guarded, meanLatency: e.latency.value(), mean: e.meanRIF()}
}

// unknown is how many times as slow as the average a node is taken to be that is new among others.
func (v *view) unknown() float64 {
	if int(v.latency.seen.Load()) < min(v.nodes, typicalEnough) {
		return 1 // all are new: the first one called, whatever it is like, must not look better than the others
	}
	if v.nodes <= fewNodes {
		return 1 + (v.params.Unknown-1)*v.mean/(1+v.mean)
	}
	return v.params.Unknown
}

// fewNodes is up to how many nodes a client without much to do tries a new one soon.
const fewNodes = 8

// freshAnswers is for how many answers' time, about, the RIF of a report counts alone.
const freshAnswers = 2

// fresh is what is left, after age, of the last report's claim to be true alone.
func (v *view) fresh(age time.Duration) float64 {
	return fadeBy(age, 1/(16*freshAnswers*v.meanLatency))
}

// score is what a call at n is expected to cost, what is in flight there before it, and whether what is known of it is stale.
func (v *view) score(n *echoNode) (cost, queue float64, stale bool) {
	if n.breaker.Due(v.now) {
		return 0, 0, false // what is known of it is what took it out of use, and only a trial tells whether it still holds
	}
	latency, rif, own := v.meanLatency, v.mean, float64(n.InFlight())
	switch at := n.note.at.Load(); {
	case at > 0:
		age := v.now - time.Duration(at)
		last, _ := unpackPair(n.note.last.Load())
		knownLatency, knownRIF := unpackPair(n.note.averages.Load())
		if last != knownRIF { // as they are where nobody has much to do; two divisions less
			knownRIF += (last - knownRIF) * v.fresh(age)
		}
		known := v.remembered(n.note, age)
		stale = age > staleAfter
		latency += (knownLatency - latency) * known
		rif += (knownRIF - rif) * known
	case at == 0:
		n.note.at.CompareAndSwap(0, -1-int64(v.now))
		latency *= v.unknown()
	default:
		latency += latency * (v.unknown() - 1) * v.drifted(v.now+time.Duration(at))
	}
	if at := n.note.failed.Load(); at > 0 {
		if held := v.held(v.now - time.Duration(at)); held > 0 {
			latency += n.note.fault() * held
			own += float64(min(n.breaker.Row(), maxRow)) * held
		}
	}
	queue = (rif + v.params.Own*own) * n.perWeight
	return latency * (1 + queue), queue, stale
}

// remembered is what is left of what answers told of a node: less than that of reports, if it reports nothing. A report is
// the replica's own average; what we measure is a few calls of ours, and may be of a bad moment that is long over.
func (e *echo) remembered(note *echoNote, age time.Duration) float64 {
	if note.silent.Load() {
		return leftOf(age, silentFactor*e.perDrift)
	}
	return e.drifted(age)
}

const silentFactor = 20

// held is what is left of a failure. Where breakers keep away from who fails on and on, it is forgiven soon: or one
// failure would keep a replica idle whose neighbours are idle too.
func (v *view) held(age time.Duration) float64 {
	if v.guarded {
		return leftOf(age, 1/float64(forgiven))
	}
	return v.drifted(age)
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
	failed   atomic.Int64  // when the last failure was; 0 = never
	faults   atomic.Uint32 // average of what failures cost, in nanoseconds, an answer counting for nothing; a float32
	restarts atomic.Uint32 // of the node, when the last report came
	good     atomic.Bool   // its picker remembers it, or did
	silent   atomic.Bool   // it reports nothing
}

const (
	// failedAnswers is how many times as long as an answer takes a failure counts for.
	failedAnswers = 10
	// forgiven is when a failure counts for nothing any more, if no other has come.
	forgiven = 2 * time.Second
)

// Ended takes a report, or what stands for one.
func (e *echoPicker) Ended(n *Node, end *End) {
	note, ok := n.noted().(*echoNote)
	if !ok {
		return
	}
	if r := n.restarts.Load(); note.restarts.Swap(r) != r {
		note.begin()
	}
	switch end.Verdict {
	case Success:
		if f := note.fault(); f > 0 {
			note.setFault(f * (1 - e.params.Gain))
		}
		e.learn(note, end)
	case Ignored:
		if latency, _ := unpackPair(note.averages.Load()); float64(end.Took) > latency {
			e.learn(note, end) // it would have taken at least this long
		}
	default:
		e.blame(note, end)
		if end.Load.Known {
			e.learn(note, end)
		}
	}
}

// begin forgets what the replica was like before it was out of use.
func (t *echoNote) begin() {
	t.last.Store(0)
	t.faults.Store(0)
	t.failed.Store(0)
}

func (t *echoNote) fault() float64 { return float64(math.Float32frombits(t.faults.Load())) }

func (t *echoNote) setFault(f float64) { t.faults.Store(math.Float32bits(float32(f))) }

// blame counts a failure. It is kept apart from what answers say, because it is forgotten sooner.
func (e *echoPicker) blame(note *echoNote, end *End) {
	_, reports := unpackPair(note.last.Load())
	cost, f := max(float64(end.Took), failedAnswers*e.latency.value()), note.fault()
	note.setFault(f + (cost-f)*e.gain(reports))
	note.failed.Store(int64(max(end.Now, 1)))
}

// gain is what one more counts for after so many reports: the first are a plain mean.
func (e *echo) gain(reports float64) float64 { return max(e.params.Gain, 1/(reports+1)) }

// learn takes a report into the averages.
func (e *echoPicker) learn(note *echoNote, end *End) {
	latency, rif := unpackPair(note.averages.Load())
	last, reports := unpackPair(note.last.Load())
	known := 0.0 // what is left of it
	if at := note.at.Load(); at > 0 && reports > 0 {
		known = e.remembered(note, end.Now-time.Duration(at))
	}
	sample := max(float64(end.Took), 1)
	if known < halfForgotten && e.latency.seen.Load() > 0 {
		sample = min(sample, e.latency.value()) // a connection is in it, perhaps, or a start
	}
	switch l := end.Load; {
	case l.Known && l.Latency > 0:
		if end.Verdict == Success {
			e.took.observe(end.Now, end.Took)
		}
		sample = max(float64(l.Latency), e.took.value()/noticed)
	case l.Known:
		sample = e.latency.value() // it does not know either
	}
	if end.Verdict == Success && (!end.Load.Known || end.Load.Latency > 0) {
		e.latency.observe(end.Now, time.Duration(sample))
	}
	if end.Verdict == Success && note.silent.Load() == end.Load.Known {
		note.silent.Store(!end.Load.Known)
	}
	rifSample := last
	switch {
	case end.Load.Known:
		rifSample = float64(min(max(end.Load.RIF, 0), oneAnswer))
		e.busy.observe(end.Now, time.Duration((1+rifSample)*perRIF))
	case end.Verdict == Success || reports == 0:
		rifSample = e.meanRIF()
	}
	gain, most := max(e.gain(reports), 1-known), float64(mostAnswers)
	if end.Load.Known && end.Load.RIF <= 0 {
		gain, most = max(gain, idleGain), idleAnswers
	}
	sample = min(sample, most*e.latency.value())
	note.averages.Store(packPair(latency+(sample-latency)*gain, rif+(rifSample-rif)*gain))
	note.last.Store(packPair(rifSample, min(reports+1, mostReports)))
	note.at.Store(int64(max(end.Now, 1)))
}

// idleGain is what a report of a replica with nothing else to do counts for at least: it is not noise of its load, and where
// there is little to do there are few reports.
const idleGain = 0.5

// noticed is the part of what a call takes its caller that what a replica says of itself counts for at least. A replica whose
// time is mostly that of others, the network's say, is several times as slow when it is cold as when it is warm, and who called
// it less for that would keep it cold, for nothing that a caller could notice.
const noticed = 3

// mostAnswers is how many times as long as an answer takes one report counts for at most: a single bad one, of a process that
// has just started say, must not make a node look so slow that it is not asked for the next. One of idleGain is soon believed,
// so it counts for less.
const (
	mostAnswers = 16
	idleAnswers = 4
)

// halfForgotten is how little is left of what is known of a node whose next answer is like a first one.
const halfForgotten = 0.5

const mostReports = 1 << 20

func packPair(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func unpackPair(w uint64) (a, b float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}
