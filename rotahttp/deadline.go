package rotahttp

import (
	"net/http"
	"strconv"
	"time"
)

// The headers in which others send the time that is left.
const (
	headerConnectTimeout = "Connect-Timeout-Ms"             // connectrpc.com: at most 10 digits
	headerGRPCTimeout    = "Grpc-Timeout"                   // gRPC over HTTP/2: at most 8 digits and a unit
	headerEnvoyTimeout   = "X-Envoy-Expected-Rq-Timeout-Ms" // Envoy, of the upstream request
	maxDeadline          = 24 * time.Hour                   // of a request's context
	grpcDigits           = 8
)

// timeLeft returns the shortest time that a request says is left, at most maxDeadline. What does not parse is ignored:
// a time that means nothing limits nothing. It reports false if there is none.
func timeLeft(h http.Header) (time.Duration, bool) {
	left, found := maxDeadline, false
	take := func(values []string, parse func(string) (time.Duration, bool)) {
		for _, v := range values {
			if d, ok := parse(v); ok {
				left, found = min(left, d), true
			}
		}
	}
	take(h[HeaderTimeout], parseTimeout)
	take(h[headerConnectTimeout], parseTimeout)
	take(h[headerEnvoyTimeout], parseTimeout)
	take(h[headerGRPCTimeout], parseGRPCTimeout)
	return left, found
}

// parseGRPCTimeout reads a grpc-timeout: 1 to 8 digits, then H, M, S, m, u or n. More than 24 hours are 24 hours.
func parseGRPCTimeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > grpcDigits+1 {
		return 0, false
	}
	unit := grpcUnit(s[len(s)-1])
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 63)
	if unit == 0 || err != nil {
		return 0, false
	}
	if n > uint64(maxDeadline/unit) {
		return maxDeadline, true
	}
	return time.Duration(n) * unit, true
}

func grpcUnit(c byte) time.Duration {
	switch c {
	case 'H':
		return time.Hour
	case 'M':
		return time.Minute
	case 'S':
		return time.Second
	case 'm':
		return time.Millisecond
	case 'u':
		return time.Microsecond
	case 'n':
		return time.Nanosecond
	}
	return 0
}
