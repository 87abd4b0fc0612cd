package rota

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// WeightedRoundRobin returns a Balancer that takes the nodes in turn, each as often as its weight says: the Weight of its
// instance, times what it can do as its replies tell, Load.Rate/(Load.Utilization + failures*ErrorPenalty), where failures
// is the share of this client's attempts there that failed or were refused (gRFC A58). A replica's Rate must count all
// that it answers, what failed included: one that counts successes alone gets fewer calls the more of them fail, and looks
// well again when hardly any are left.
//
// A node whose weight is not known has the mean of the others; where fewer than two are known only Instance.Weight
// counts. What is reported gives a node at least a tenth of the mean and at most ten times. Weights are computed off the
// pick path, by Tick; a pick takes no lock, and as many tries as the largest weight is greater than the mean.
func WeightedRoundRobin(params WeightedRoundRobinParams) Balancer {
	p, state := params.withDefaults(), new(weightedState)
	return func(nodes []*Node) Picker {
		w := &weightedPicker{params: p, nodes: nodes, notes: make([]*weightNote, len(nodes)), weightedState: state}
		for i, n := range nodes {
			w.notes[i] = notesOn[weightNote](n)
		}
		if t := state.updated.Load(); t > 0 {
			w.next = time.Duration(t) + p.Update
		}
		w.stride.Store(w.schedule())
		return w
	}
}

// WeightedRoundRobinParams are the settings of WeightedRoundRobin. The defaults are those of gRFC A58, and a Tau.
type WeightedRoundRobinParams struct {
	// Update is the time between two computations of the weights; 0 = 1 s, and no less than 100 ms.
	Update time.Duration
	// Blackout is how long a node's reports are not believed after the first of them, while it warms up; 0 = 10 s,
	// negative = not at all.
	Blackout time.Duration
	// Expiration is how long after the last report a weight is not known any more; 0 = 3 min, negative = never.
	Expiration time.Duration
	// Tau is the time constant of the moving averages of what is reported; 0 = 10 s, negative = the mean of the last
	// Update alone.
	Tau time.Duration
	// ErrorPenalty is what a share of failures adds to the utilization; 0 = 1, negative = nothing.
	ErrorPenalty float64
}

func (p WeightedRoundRobinParams) withDefaults() WeightedRoundRobinParams {
	p.Update = max(or(max(p.Update, 0), time.Second), 100*time.Millisecond)
	p.Blackout = or(p.Blackout, 10*time.Second)
	p.Expiration = or(p.Expiration, 3*time.Minute)
	p.Tau = or(p.Tau, 10*time.Second)
	p.ErrorPenalty = setting(p.ErrorPenalty, 1)
	return p
}

type weightedPicker struct {
	params WeightedRoundRobinParams
	nodes  []*Node
	notes  []*weightNote // of the nodes
	stride atomic.Pointer[stride]
	next   time.Duration // when the weights are to be computed again; Tick's
	*weightedState
}

// weightedState outlives the pickers.
type weightedState struct {
	turns   turns
	updated atomic.Int64 // when weights were computed last
}

func (w *weightedPicker) Pick(p *Pick) *Node {
	counter, from, s := &w.turns.first, w.turns.from(p), *w.stride.Load()
	if p.plan.sent > 0 {
		counter = &w.turns.other
	}
	size := uint64(len(w.nodes))
	for met := 0; met < redraws; { // the heaviest has a turn in every round, so somebody is met
		turn := from + counter.Add(1) - 1
		if i := turn % size; s.due(i, turn/size) {
			if n := w.nodes[i]; p.take(n) {
				return n
			}
			met++
		}
	}
	return firstUsable(p, w.nodes, below(p.Rand(), len(w.nodes)))
}

func (w *weightedPicker) Ended(n *Node, e *End) {
	if note, ok := n.noted().(*weightNote); ok && e.Verdict != Ignored {
		note.add(e)
	}
}

func (w *weightedPicker) Tick(t *Tick) time.Duration {
	if t.Now() >= w.next {
		for _, n := range w.notes {
			n.update(t.Now(), &w.params)
		}
		w.stride.Store(w.schedule())
		w.updated.Store(int64(t.Now()))
		w.next = t.Now() + w.params.Update
	}
	return w.next - t.Now()
}

// The least and the most that reports make of a node, in means.
const (
	leastWeight = 0.1
	mostWeight  = 10
)

// schedule makes of what the notes say who is due when.
func (w *weightedPicker) schedule() *stride {
	weights, known, mean := make([]float64, len(w.nodes)), 0, 0.0
	for i, n := range w.notes {
		if weights[i] = n.known(); weights[i] > 0 {
			known++
			mean += (weights[i] - mean) / float64(known)
		}
	}
	for i, n := range w.nodes {
		switch {
		case known < 2:
			weights[i] = 1
		case weights[i] == 0:
			weights[i] = mean
		default:
			weights[i] = min(max(weights[i], leastWeight*mean), mostWeight*mean)
		}
		weights[i] *= float64(n.Instance().weight())
	}
	return newStride(weights)
}

// stride says in which rounds of turns a node is due: in as many of strideScale as its weight, evenly spread, and not in
// the same as its neighbour (gRFC A58, "static stride scheduler"). nil = in all.
type stride []uint16

const strideScale = math.MaxUint16

func (s stride) due(node, round uint64) bool {
	if s == nil {
		return true
	}
	w := uint64(s[node])
	return (w*round+node*(strideScale/2))%strideScale >= strideScale-w
}

// newStride scales weights so that the largest is due in every round; but none counts for more than maxRound means, or
// a pick would take too many tries to meet it.
func newStride(weights []float64) *stride {
	sum, most, even := 0.0, 0.0, true
	for _, w := range weights {
		sum, most, even = sum+w, max(most, w), even && w == weights[0]
	}
	if even {
		return new(stride)
	}
	most = min(most, maxRound*sum/float64(len(weights)))
	s := make(stride, len(weights))
	for i, w := range weights {
		s[i] = uint16(max(1, math.Round(strideScale*min(w/most, 1))))
	}
	return &s
}

// weightNote is what is known about a node's weight.
type weightNote struct {
	mu sync.Mutex
	// Since the last update:
	reports          uint32
	newRate, newUtil float32 // the means of what was reported
	// Moving averages:
	rate, util    float32
	ended, failed float32 // attempts
	weight        float32 // 0 = not known
	// In milliseconds, modulo 49 days:
	first uint32 // when it began to report; 0 = it has not, seasoned = it did so more than Blackout ago
	last  uint32 // when reports were last taken in; 0 = never
}

// add takes note of an attempt's end.
func (n *weightNote) add(e *End) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended++
	if e.Verdict != Success {
		n.failed++
	}
	rate, util := e.Load.Rate, e.Load.Utilization
	if !e.Load.Known || !(rate > 0 && rate <= math.MaxFloat32 && util > 0 && util <= math.MaxFloat32) {
		return
	}
	if n.reports == 0 && n.first == 0 {
		n.first = stampOf(e.Now)
	}
	n.reports++
	n.newRate += (float32(rate) - n.newRate) / float32(n.reports)
	n.newUtil += (float32(util) - n.newUtil) / float32(n.reports)
}

// seasoned is no stamp.
const seasoned = 1

// stampOf returns now as notes have it, where they must be small; since how long ago that was.
func stampOf(now time.Duration) uint32 { return max(uint32(now/time.Millisecond), seasoned+1) }

func since(stamp uint32, now time.Duration) time.Duration {
	return time.Duration(stampOf(now)-stamp) * time.Millisecond
}

// update computes the weight.
func (n *weightNote) update(now time.Duration, p *WeightedRoundRobinParams) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reports > 0 {
		keep := float32(0)
		if n.last > 0 && p.Tau > 0 {
			keep = float32(fade(since(n.last, now), p.Tau))
		}
		n.rate, n.util = n.newRate+(n.rate-n.newRate)*keep, n.newUtil+(n.util-n.newUtil)*keep
		n.reports, n.newRate, n.newUtil, n.last = 0, 0, 0, stampOf(now)
	}
	if p.Expiration > 0 && since(n.last, now) > p.Expiration {
		n.first, n.last = 0, 0
	}
	n.weight = 0
	if n.first > seasoned && since(n.first, now) >= p.Blackout {
		n.first = seasoned
	}
	if n.last > 0 && n.first == seasoned {
		share := n.failed / max(n.ended, 1)
		n.weight = n.rate / (n.util + share*float32(p.ErrorPenalty))
	}
	keep := float32(0)
	if p.Tau > 0 {
		keep = float32(fade(p.Update, p.Tau))
	}
	n.ended, n.failed = n.ended*keep, n.failed*keep
}

// known returns the weight as it was computed last; 0 = it is not known.
func (n *weightNote) known() float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return float64(n.weight)
}
