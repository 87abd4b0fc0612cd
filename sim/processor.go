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
	running  heap[*request]
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
	p.running.push(r)
}

// finish takes out the request that ends now. What rounding has left of its work is forgiven.
func (p *processor) finish() *request {
	r := p.running[0]
	p.attained = max(p.attained, r.tag)
	p.running.remove(r)
	return r
}

func (r *request) before(o *request) bool { return r.tag < o.tag || r.tag == o.tag && r.id < o.id }
func (r *request) slot() *int             { return &r.pos }
