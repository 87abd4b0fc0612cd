package rotahttp

import (
	"net/http"
	"strings"
)

// stripped returns the headers of a request from outside the trust edge without what only our own callers may say, as a
// copy if anything changes:
//
//	Rota-*                             removed: trail, attempt, time, debug
//	Connect-Timeout-Ms, Grpc-Timeout   removed: how long a request may take is decided at the edge
//	X-Envoy-*                          removed: an Envoy's own word, as Envoy does at its edge
//	Traceparent, Tracestate, Baggage   removed: a trace begins at the edge; nobody outside decides what is sampled
//	X-Request-Id                       replaced by a random one: it is written to logs
//	anything else                      stays, Idempotency-Key too: it is between the caller and the service
func stripped(h http.Header) http.Header {
	clean := make(http.Header, len(h)+1)
	for key, values := range h {
		if !insiders(key) {
			clean[key] = values
		}
	}
	clean[headerRequestID] = []string{newID()}
	return clean
}

// insiders reports whether a header of a request is ours to set.
func insiders(key string) bool {
	switch key {
	case headerConnectTimeout, headerGRPCTimeout, headerTraceID, headerTraceState, headerBaggage, headerRequestID:
		return true
	}
	return strings.HasPrefix(key, "Rota-") || strings.HasPrefix(key, "X-Envoy-")
}

// hide removes what a reply must not say outside, such as what a replica behind a proxy said of itself.
func hide(h http.Header) {
	for key := range h {
		if strings.HasPrefix(key, "Rota-") {
			delete(h, key)
		}
	}
}
