package sim

import (
	"math"
	"math/bits"
	"time"
)

// processor is cores that running requests share: each gets one, or an equal part when there are more requests than cores.
//
// Every running request has had the same amount of work since the processor was idle last, so one number, attained, tells
// for all how far they are: a request whose work is w ends when attained has grown by w. Work is in nanoseconds of one core.
type processor struct {
	cores float64 // what there is now
	slow  float64 // how much longer everything takes; infinite = nothing moves

	attained int64
	part     uint64 // of a nanosecond more, in 2^-32: to look at it often must not make it slower
	touched  time.Duration
	rate     uint64 // at which attained grows, in 2^-32 a nanosecond
	running  []*request
	used     float64 // core-nanoseconds
	using    float64 // cores in use
}

// advance brings attained up to date.
func (p *processor) advance(now time.Duration) {
	dt := now - p.touched
	p.touched = now
	if dt <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(dt), p.rate)
	lo, carry := bits.Add64(lo, p.part, 0)
	p.attained += int64((hi+carry)<<32 | lo>>32)
	p.part = lo & (1<<32 - 1)
	p.used += p.using * float64(dt)
}

// changed works out the rate anew. advance was called.
func (p *processor) changed() {
	n := float64(len(p.running))
	if n == 0 {
		p.attained, p.part, p.rate, p.using = 0, 0, 0, 0
		return
	}
	p.using = min(n, p.cores)
	p.rate = 0
	if !math.IsInf(p.slow, 1) {
		p.rate = uint64(min(1, p.cores/n) / p.slow * (1 << 32))
	} else {
		p.using = 0
	}
}

// due returns when the next request ends; false if none does as things are.
func (p *processor) due() (time.Duration, bool) {
	if len(p.running) == 0 || p.rate == 0 {
		return 0, false
	}
	need := uint64(max(p.running[0].tag-p.attained, 0))
	if need == 0 {
		return p.touched, true
	}
	lo, borrow := bits.Sub64(need<<32, p.part, 0)
	hi := need>>32 - borrow
	if hi >= p.rate {
		return 0, false
	}
	d, rest := bits.Div64(hi, lo, p.rate)
	if rest > 0 {
		d++
	}
	if d > longest {
		return 0, false // nobody waits for so long
	}
	return p.touched + time.Duration(d), true
}

// add lets a request run.
func (p *processor) add(r *request, work time.Duration) {
	r.tag = p.attained + int64(work)
	p.running = append(p.running, r)
	r.pos = len(p.running)
	p.sift(r.pos - 1)
}

// remove takes a running request out.
func (p *processor) remove(r *request) {
	i, n := r.pos-1, len(p.running)-1
	last := p.running[n]
	p.running[n] = nil
	p.running = p.running[:n]
	r.pos = 0
	if i < n {
		p.running[i] = last
		last.pos = i + 1
		p.sift(i)
	}
}

// finish takes out the request that ends now. What rounding has left of its work is forgiven.
func (p *processor) finish() *request {
	r := p.running[0]
	p.attained = max(p.attained, r.tag)
	p.remove(r)
	return r
}

func (p *processor) sift(i int) {
	h := p.running
	r := h[i]
	for i > 0 && less(r, h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		h[i].pos = i + 1
		i = (i - 1) / 2
	}
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && less(h[c+1], h[c]) {
			c++
		}
		if !less(h[c], r) {
			break
		}
		h[i] = h[c]
		h[i].pos = i + 1
		i = c
	}
	h[i] = r
	r.pos = i + 1
}

func less(a, b *request) bool { return a.tag < b.tag || a.tag == b.tag && a.id < b.id }
