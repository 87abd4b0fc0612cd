package sim

import (
	"slices"
	"time"
)

// timeline is what happened moment by moment, from the end of the warm-up on.
type timeline struct {
	w     *world
	from  time.Duration
	every time.Duration // between two points of the plots

	seconds []second
	moments []moment // every tenth of a second
	points  []point
	took    []time.Duration // in the point under way
	watched []*server
	timer   timer
}

// second is the calls begun in one second.
type second struct{ begun, good int64 }

// moment is the attempts sent in a tenth of a second.
type moment struct{ all, faulty int64 }

const momentLength = 100 * time.Millisecond

// point is one of the plots.
type point struct {
	begun, good, failed, sent, faulty int64
	p99                               time.Duration
	rif                               []int
}

// maxPoints and maxWatched bound what a report holds.
const (
	maxPoints  = 600
	maxWatched = 8
)

func (t *timeline) start(w *world, length time.Duration) {
	t.w, t.from = w, w.now
	t.every = max(time.Second, (length / maxPoints).Round(time.Second))
	t.timer.who = t
	t.points = append(t.points, point{})
	servers := w.sources[0].group.to.servers
	n := min(len(servers), maxWatched)
	for i := range n {
		t.watched = append(t.watched, servers[i*len(servers)/n])
	}
	w.set(&t.timer, w.now+t.every)
}

// act ends a point.
func (t *timeline) act(step) {
	p := t.last()
	if n := len(t.took); n > 0 {
		slices.Sort(t.took)
		p.p99 = t.took[(n*99+99)/100-1]
	}
	t.took = t.took[:0]
	for _, x := range t.watched {
		p.rif = append(p.rif, x.inFlight)
	}
	t.points = append(t.points, point{})
	t.w.set(&t.timer, t.w.now+t.every)
}

// stop ends the timeline, and the point that ends now.
func (t *timeline) stop() {
	if t.timer.at == t.w.now {
		t.act(0)
	}
	t.w.stop(&t.timer)
}

func (t *timeline) last() *point { return &t.points[len(t.points)-1] }

func (t *timeline) started() bool { return t.w != nil }

// at returns the element of list for a time, which it makes if need be.
func at[T any](list *[]T, d, every time.Duration) *T {
	i := int(d / every)
	for len(*list) <= i {
		var zero T
		*list = append(*list, zero)
	}
	return &(*list)[i]
}

func (t *timeline) begun(now time.Duration) {
	if t.started() {
		at(&t.seconds, now-t.from, time.Second).begun++
		t.last().begun++
	}
}

func (t *timeline) sent(now time.Duration, faulty bool) {
	if !t.started() {
		return
	}
	m := at(&t.moments, now-t.from, momentLength)
	m.all++
	t.last().sent++
	if faulty {
		m.faulty++
		t.last().faulty++
	}
}

func (t *timeline) answered(now, began time.Duration) {
	if !t.started() {
		return
	}
	if began >= t.from {
		at(&t.seconds, began-t.from, time.Second).good++
	}
	t.last().good++
	t.took = append(t.took, now-began)
}

func (t *timeline) failed(took time.Duration) {
	if t.started() {
		t.last().failed++
		t.took = append(t.took, took)
	}
}

// enough is the share of calls that are answered when a service works.
const enough = 0.95

// recovery is how long after end, in seconds, it takes until enough calls are answered, for good; -1 = they never are.
func (t *timeline) recovery(end, until time.Duration) float64 {
	first := int(end / time.Second)
	last := min(int(until/time.Second), len(t.seconds))
	for i := last - 1; i >= first; i-- {
		s := t.seconds[i]
		if float64(s.good) < enough*float64(s.begun) {
			if i == last-1 {
				return -1
			}
			return float64(i + 1 - first)
		}
	}
	return 0
}

// shed is how long after the beginning of a fault, in seconds, the share of attempts at faulty replicas is below a tenth of
// fair for a second, before it ends; -1 = it never is.
func (t *timeline) shed(begin, end time.Duration, fair float64) float64 {
	first := int(begin / momentLength)
	last := min(int(end/momentLength), len(t.moments))
	const span = 10 // moments: few attempts say little
	for i := first; i+span <= last; i++ {
		var all, faulty int64
		for _, m := range t.moments[i : i+span] {
			all, faulty = all+m.all, faulty+m.faulty
		}
		if float64(faulty) < fair/10*float64(all) {
			return float64(i-first) * momentLength.Seconds()
		}
	}
	return -1
}

// series is the plots' data.
func (t *timeline) series() *Series {
	s := &Series{Every: t.every.Seconds()}
	faults := len(t.w.e.Faults) > 0
	for _, x := range t.watched {
		s.Load = append(s.Load, Replicas{Name: x.inst.Addr})
	}
	for _, p := range t.points[:len(t.points)-1] {
		per := func(n int64) float64 { return round(float64(n) / t.every.Seconds()) }
		s.Offered = append(s.Offered, per(p.begun))
		s.Goodput = append(s.Goodput, per(p.good))
		s.Errors = append(s.Errors, per(p.failed))
		s.Sent = append(s.Sent, per(p.sent))
		s.P99 = append(s.P99, round(float64(p.p99)/millisecond))
		if faults {
			s.Victims = append(s.Victims, round(float64(p.faulty)/max(float64(p.sent), 1)))
		}
		for i, n := range p.rif {
			s.Load[i].RIF = append(s.Load[i].RIF, float64(n))
		}
	}
	return s
}
