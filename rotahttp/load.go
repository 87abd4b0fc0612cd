package rotahttp

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The bounds of a load header. What is beyond them is taken for the bound, and a header that is too long for nothing.
const (
	maxLoadLen     = 256
	maxLoadRIF     = 1_000_000
	maxLoadLatency = time.Hour
)

// load is what a server says of itself in HeaderLoad.
type load struct {
	rif      int           // requests in flight, beside the one answered
	latency  time.Duration // of recent replies, the median; 0 = it has not answered any
	numbers  bool          // rif and latency were both said
	draining bool
}

// parseLoad reads a load header: fields in any order, of which it ignores those that it does not know.
func parseLoad(s string) load {
	var l load
	if len(s) > maxLoadLen {
		return l
	}
	var rif, latency bool
	for field := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "rif":
			var n int64
			if n, rif = parseBounded(value, maxLoadRIF); rif {
				l.rif = int(n)
			}
		case "latency-us":
			var n int64
			if n, latency = parseBounded(value, int64(maxLoadLatency/time.Microsecond)); latency {
				l.latency = time.Duration(n) * time.Microsecond
			}
		case "state":
			l.draining = l.draining || value == "draining"
		}
	}
	l.numbers = rif && latency
	if !l.numbers {
		l.rif, l.latency = 0, 0
	}
	return l
}

// parseBounded reads digits, as at most limit. It reports false for anything else.
func parseBounded(s string, limit int64) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), limit)
	}
	return n, true
}

// loadText is a value of HeaderLoad, and what it says.
type loadText struct {
	rif      int64
	micros   uint32
	draining bool
	value    [1]string // to be a header without another allocation
}

// loads remembers texts of load headers, so that few replies have to write one.
type loads [64]atomic.Pointer[loadText]

// of returns the header's value. It is shared: nobody may change it.
func (c *loads) of(rif int64, micros uint32, draining bool) []string {
	slot := &c[uint64(rif)%uint64(len(c))]
	t := slot.Load()
	if t == nil || t.rif != rif || t.micros != micros || t.draining != draining {
		t = &loadText{rif: rif, micros: micros, draining: draining}
		b := append(make([]byte, 0, 64), "rif="...)
		b = strconv.AppendInt(b, rif, 10)
		b = append(b, ", latency-us="...)
		b = strconv.AppendUint(b, uint64(micros), 10)
		if draining {
			b = append(b, ", state=draining"...)
		} else {
			b = append(b, ", state=ok"...)
		}
		t.value[0] = string(b)
		slot.Store(t)
	}
	return t.value[:]
}

// recent keeps the median of the last 16 latencies. A median, because one slow request says little of the next; of so
// few, because a balancer asks what the replica is like now. The zero value has seen nothing. Methods may be called
// concurrently.
type recent struct {
	n      atomic.Uint32
	last   [16]atomic.Uint32 // microseconds
	median atomic.Uint32
}

func (r *recent) observe(d time.Duration) {
	n := r.n.Add(1)
	r.last[(n-1)%16].Store(uint32(min(max(d, time.Microsecond), maxLoadLatency) / time.Microsecond))
	if n >= 16 && n%4 != 0 {
		return // three of four change it little
	}
	var sorted [16]uint32
	seen := sorted[:min(n, 16)]
	for i := range seen {
		seen[i] = r.last[i].Load()
	}
	slices.Sort(seen)
	r.median.Store(twoDigits(seen[len(seen)/2]))
}

// micros returns the median in microseconds, to two digits; 0 when nothing was observed.
func (r *recent) micros() uint32 { return r.median.Load() }

// twoDigits sets all digits of n to zero but the first two: the load header is made anew whenever it changes.
func twoDigits(n uint32) uint32 {
	unit := uint32(1)
	for n/unit > 99 {
		unit *= 10
	}
	return n / unit * unit
}
