package rota

import (
	"sync"
	"sync/atomic"
	"time"
)

// RecorderParams are the settings of a Recorder. A zero field means its default.
type RecorderParams struct {
	Size      int     // how many decisions are kept; 512
	PerSecond float64 // how many calls are traced a second, and how many are kept of others that failed or were repeated; 20
}

// Recorder keeps the Decisions of the last calls. Of many calls it has some traced, evenly over time; what the others cost
// it is one atomic load. It may serve several Clients and be used concurrently.
type Recorder struct {
	sampler sampler

	mu   sync.Mutex
	ring []*Decision
	seq  uint64        // of the next one
	news chan struct{} // closed when there is one more
}

// sampler draws which calls are traced, evenly over time, and which of the others are taken that failed or were repeated.
type sampler struct {
	every         time.Duration
	traces, fails gate
}

const usualPerSecond = 20

func newSampler(perSecond float64) sampler {
	if !(perSecond > 0) {
		perSecond = usualPerSecond
	}
	return sampler{every: time.Duration(float64(time.Second) / perSecond)}
}

func (s *sampler) traced(now time.Time) bool { return s.traces.open(now, s.every) }

func (s *sampler) takes(d *Decision) bool {
	return d.Traced || s.fails.open(d.Start.Add(d.Took), s.every)
}

// gate lets one through now and then.
type gate struct{ next atomic.Int64 }

func (g *gate) open(now time.Time, every time.Duration) bool {
	t, next := now.UnixNano(), g.next.Load()
	return t >= next && g.next.CompareAndSwap(next, t+int64(every))
}

// NewRecorder returns a Recorder that has nothing yet.
func NewRecorder(p RecorderParams) *Recorder {
	size := p.Size
	if size <= 0 {
		size = 512
	}
	return &Recorder{sampler: newSampler(p.PerSecond), ring: make([]*Decision, 0, size), news: make(chan struct{})}
}

// Observer returns what has decisions come to the Recorder; see Observers for how to join it with another.
func (r *Recorder) Observer() Observer {
	return Observer{
		Traced: r.sampler.traced,
		Decided: func(d *Decision) {
			if r.sampler.takes(d) {
				r.add(d)
			}
		},
	}
}

func (r *Recorder) add(d *Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, d)
	} else {
		r.ring[r.seq%uint64(cap(r.ring))] = d
	}
	r.seq++
	close(r.news)
	r.news = make(chan struct{})
}

// Since returns the decisions kept whose number is at least from, the oldest first, and the number of the next. Numbers
// count from 0. more is closed as soon as there is another.
func (r *Recorder) Since(from uint64) (list []*Decision, next uint64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.seq - uint64(len(r.ring))
	for n := max(from, oldest); n < r.seq; n++ {
		list = append(list, r.ring[n%uint64(cap(r.ring))])
	}
	return list, r.seq, r.news
}
