package rotahttp

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
)

// The bounds of a load header. What is beyond them is taken for the bound, and a header that is too long for nothing.
const (
	maxLoadLen     = 256
	maxLoadRIF     = 1_000_000
	maxLoadLatency = time.Hour
	maxLoadRate    = 1_000_000
	maxLoadUtil    = 100
)

// parseLoad reads a load header: fields in any order, of which it ignores those that it does not know. The load is known
// if rif was said.
func parseLoad(s string) (l rota.Load, draining bool) {
	if len(s) > maxLoadLen {
		return l, false
	}
	for field := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "rif":
			var n int64
			n, l.Known = parseThousandths(value, maxLoadRIF)
			l.RIF = int(n / 1000)
		case "latency-us":
			n, _ := parseThousandths(value, int64(maxLoadLatency/time.Microsecond))
			l.Latency = time.Duration(n/1000) * time.Microsecond
		case "rate":
			n, _ := parseThousandths(value, maxLoadRate)
			l.Rate = float64(n) / 1000
		case "util":
			n, _ := parseThousandths(value, maxLoadUtil)
			l.Utilization = float64(n) / 1000
		case "state":
			draining = draining || value == "draining"
		}
	}
	if !l.Known {
		l = rota.Load{}
	}
	return l, draining
}

// parseThousandths reads digits with or without a fraction, as at most limit; what is less than a thousandth is left out.
// It reports false for anything else.
func parseThousandths(s string, limit int64) (int64, bool) {
	n, scale := int64(0), int64(1000)
	point := false
	for _, c := range []byte(s) {
		switch {
		case c == '.' && !point:
			point = true
		case c < '0' || c > '9':
			return 0, false
		case point:
			scale /= 10
			n += int64(c-'0') * scale
		default:
			n = min(n*10+int64(c-'0')*1000, limit*1000)
		}
	}
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return 0, false
	}
	return min(n, limit*1000), true
}

// said is what a load header says. Numbers have two digits: the text is made anew whenever one changes.
type said struct {
	rif      int64
	micros   uint32 // of latency
	rate     uint32 // in thousandths; 0 = it is not said
	util     uint32 // the same
	draining bool
}

// append writes s as the value of a header.
func (s said) append(b []byte) []byte {
	b = append(b, "rif="...)
	b = strconv.AppendInt(b, s.rif, 10)
	b = append(b, ", latency-us="...)
	b = strconv.AppendUint(b, uint64(s.micros), 10)
	if s.rate > 0 {
		b = appendThousandths(append(b, ", rate="...), s.rate)
	}
	if s.util > 0 {
		b = appendThousandths(append(b, ", util="...), s.util)
	}
	if s.draining {
		return append(b, ", state=draining"...)
	}
	return append(b, ", state=ok"...)
}

// appendThousandths writes n/1000.
func appendThousandths(b []byte, n uint32) []byte {
	b = strconv.AppendUint(b, uint64(n/1000), 10)
	if n %= 1000; n > 0 {
		b = append(b, '.')
		for unit := uint32(100); n > 0; unit /= 10 {
			b = append(b, byte('0'+n/unit))
			n %= unit
		}
	}
	return b
}

// thousandths returns v in thousandths, to two digits; at least one if it is more than nothing, for 0 means that it is not
// said.
func thousandths(v, limit float64) uint32 {
	if v <= 0 {
		return 0
	}
	return max(twoDigits(uint32(min(v, limit)*1000)), 1)
}

// twoDigits sets all digits of n to zero but the first two.
func twoDigits(n uint32) uint32 {
	unit := uint32(1)
	for n/unit > 99 {
		unit *= 10
	}
	return n / unit * unit
}

// loadText is a value of HeaderLoad, and what it says.
type loadText struct {
	said
	value [1]string // to be a header without another allocation
}

// loads remembers texts of load headers, so that few replies have to write one.
type loads [256]atomic.Pointer[loadText]

// of returns the header's value. It is shared: nobody may change it.
func (c *loads) of(s said) []string {
	slot := &c[(uint64(s.rif)<<32|uint64(s.micros))*0x9e3779b97f4a7c15>>56] // by what changes from reply to reply
	t := slot.Load()
	if t == nil || t.said != s {
		t = &loadText{said: s}
		t.value[0] = string(s.append(make([]byte, 0, 96)))
		slot.Store(t)
	}
	return t.value[:]
}
