package rotahttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
)

// The headers that travel between processes.
const (
	HeaderTimeout = "Rota-Timeout-Ms" // the time that is left, in whole milliseconds
	HeaderHops    = "Rota-Hops"       // the ids of the processes that the call has passed
	HeaderAttempt = "Rota-Attempt"    // the number of the attempt, from 2 on; without it, it is the first
	HeaderLoad    = "Rota-Load"       // what a server says of itself: rif=3, latency-us=1200, rate=57, util=0.53, state=ok|draining
)

const (
	maxHops          = 16
	timeoutDigits    = 10
	maxTimeout       = 9_999_999_999 * time.Millisecond // what has so many digits: 115 days
	maxRetryAfter    = 24 * time.Hour
	headerTraceID    = "Traceparent"
	headerTraceState = "Tracestate"
	headerBaggage    = "Baggage"
	headerRequestID  = "X-Request-Id"
)

// passed are the headers that belong to the caller and go on unchanged.
var passed = [...]string{headerTraceID, headerTraceState, headerBaggage, headerRequestID}

// inbound is what a call brought along that concerns the calls made for it.
type inbound struct {
	hops   string // the trail, this process included
	header [len(passed)][]string

	attempt     int // which of the caller's attempts this is, from 1
	retriesLeft int // how many more the caller may make; -1 = it did not say
	exhausted   atomic.Bool
}

type inboundKey struct{}

func inboundOf(ctx context.Context) *inbound {
	in, _ := ctx.Value(inboundKey{}).(*inbound)
	return in
}

// outbound returns h with what an attempt tells the replica: the time that is left, the number of the attempt from the
// second on, how many may follow, the trail, and what the caller passed along. shared says that h is not to be changed; it is copied then,
// if there is anything to add, which the second result tells.
func outbound(ctx context.Context, h http.Header, shared bool, a *rota.Attempt) (http.Header, bool) {
	in := inboundOf(ctx)
	deadline, timed := a.Deadline()
	number := a.Number()
	if in != nil {
		number += in.attempt - 1 // what is repeated above is repeated here
	}
	if !timed && in == nil && number == 1 {
		return h, false
	}
	if shared {
		own := make(http.Header, len(h)+4) // what follows, but for what the caller passed along and h has not
		for k, v := range h {
			own[k] = v
		}
		h = own
	}
	values := make([]string, 0, 4) // one allocation for all
	set := func(key, value string) {
		values = append(values, value)
		h[key] = values[len(values)-1 : len(values) : len(values)]
	}
	if timed {
		set(HeaderTimeout, formatTimeout(time.Until(deadline)))
	}
	if number > 1 {
		set(HeaderAttempt, formatCount(number))
	}
	if number > 1 || in != nil {
		set(HeaderRetriesLeft, formatCount(a.Left()))
	}
	if in == nil {
		return h, true
	}
	set(HeaderHops, in.hops)
	for i, v := range in.header {
		if v != nil && h[passed[i]] == nil {
			h[passed[i]] = v
		}
	}
	return h, true
}

// formatTimeout writes d in whole milliseconds. What is left of the last one is rounded up: 0 would mean that it is
// too late already.
func formatTimeout(d time.Duration) string {
	d = min(max(d, 0), maxTimeout)
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}

// parseTimeout reads what formatTimeout writes. It reports false for what it would not write.
func parseTimeout(s string) (time.Duration, bool) {
	if len(s) == 0 || len(s) > timeoutDigits {
		return 0, false
	}
	ms, err := strconv.ParseUint(s, 10, 63)
	return time.Duration(ms) * time.Millisecond, err == nil
}

// extendTrail adds id to a trail. It reports false if id is on it already, or the trail is too long to go on.
func extendTrail(trail, id string) (string, bool) {
	switch {
	case !extends(trail, id):
		return "", false
	case trail == "":
		return id, true
	}
	return trail + "," + id, true
}

// extends reports whether id can be added to a trail.
func extends(trail, id string) bool {
	if trail == "" {
		return true
	}
	if len(trail) > maxHops*64 {
		return false
	}
	n := 1
	for hop := range strings.SplitSeq(trail, ",") {
		if n++; n > maxHops || strings.TrimSpace(hop) == id {
			return false
		}
	}
	return true
}

// newID draws a process's name on the trail.
func newID() string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// parseRetryAfter reads a Retry-After, in seconds or as a date (RFC 9110, 10.2.3); 0 for anything else.
func parseRetryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
