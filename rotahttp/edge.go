package rotahttp

import (
	"net/http"
	"strings"
)

// stripped returns the headers of a request from outside as ServerPolicy.Edge says, in a copy.
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
