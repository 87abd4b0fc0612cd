package h1

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// MaxBody is the longest body of a request that fits, in bytes: what a connection's buffers take without waiting for
// the server, more or less.
const MaxBody = 64 << 10

// Fits reports whether a request can be sent by RoundTrip. Everything else is for net/http: bodies that are long or come
// from elsewhere, trailers, upgrades, Expect, tracing, and what is not valid, which gets its error there.
func Fits(ctx context.Context, req *http.Request) bool {
	switch {
	case req.URL == nil || req.URL.Host == "" || req.Close || old(req) || len(req.Trailer) > 0 || len(req.TransferEncoding) > 0:
		return false
	case !letters(req.Method) || req.Method == http.MethodConnect:
		return false
	case req.Body != nil && req.Body != http.NoBody && (req.GetBody == nil || req.ContentLength <= 0 || req.ContentLength > MaxBody):
		return false
	case req.Header == nil || httptrace.ContextClientTrace(ctx) != nil:
		return false
	}
	for key, values := range req.Header {
		if special(key) || !token(key) {
			return false
		}
		for _, v := range values {
			if !printable(v) {
				return false
			}
		}
	}
	return true
}

// old reports whether a request is ended in the way of before there were contexts.
func old(req *http.Request) bool {
	//lint:ignore SA1019 net/http heeds it, so whoever still sets it goes there
	return req.Cancel != nil
}

// special reports whether a header changes how a request travels. Keys that are not canonical are looked at as such.
func special(key string) bool {
	switch len(key) {
	case len("Expect"):
		return strings.EqualFold(key, "Expect")
	case len("Upgrade"): // and of Trailer
		return strings.EqualFold(key, "Upgrade") || strings.EqualFold(key, "Trailer")
	case len("Connection"): // and of Keep-Alive
		return strings.EqualFold(key, "Connection") || strings.EqualFold(key, "Keep-Alive")
	case len("Proxy-Connection"), len("Transfer-Encoding"):
		return strings.EqualFold(key, "Proxy-Connection") || strings.EqualFold(key, "Transfer-Encoding")
	}
	return false
}

func letters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// token reports whether a header's key is surely valid.
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(s) > 0
}

// printable reports whether a header's value is surely valid.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
