package conformance

import (
	"net/http"
	"sync/atomic"
)

// A request that cannot be sent is an error, and its body is closed.
var invalidCases = []testCase{
	{"url-nil", onAll, contract, invalid(func(r *http.Request) { r.URL = nil })},
	{"header-nil", onAll, custom, invalid(func(r *http.Request) { r.Header = nil })},
	{"host-missing", onAll, contract, invalid(func(r *http.Request) { r.URL.Host, r.Host = "", "" })},
	{"scheme-missing", onAll, contract, invalid(func(r *http.Request) { r.URL.Scheme = "" })},
	{"scheme-unknown", onAll, contract, invalid(func(r *http.Request) { r.URL.Scheme = "ftp" })},
	{"method-with-space", onAll, contract, invalid(func(r *http.Request) { r.Method = "GET /" })},
	{"method-with-newline", onAll, contract, invalid(func(r *http.Request) { r.Method = "GET\r\nX:" })},
	{"method-not-ascii", onAll, contract, invalid(func(r *http.Request) { r.Method = "GÉT" })},
	{"header-name-empty", onAll, contract, invalidHeader("", "value")},
	{"header-name-with-space", onAll, contract, invalidHeader("X Key", "value")},
	{"header-name-with-colon", onAll, contract, invalidHeader("X:Key", "value")},
	{"header-name-with-newline", onAll, contract, invalidHeader("X\r\nKey", "value")},
	{"header-value-with-newline", onAll, contract, invalidHeader("X-Key", "value\r\nX-More: smuggled")},
	{"header-value-with-bare-lf", onAll, contract, invalidHeader("X-Key", "value\nX-More: smuggled")},
	{"header-value-with-bare-cr", onAll, contract, invalidHeader("X-Key", "value\rmore")},
	{"header-value-with-nul", onAll, contract, invalidHeader("X-Key", "value\x00more")},
	{"trailer-with-newline", onAll, contract, invalid(func(r *http.Request) {
		r.ContentLength, r.GetBody = -1, nil
		r.Trailer = http.Header{"X-Key": {"value\r\nX-More: smuggled"}}
	})},
	{"smuggled-in-host", onAll, contract, invalidSmuggled(func(r *http.Request) { r.Host = "a.test\r\nX-More: smuggled" })},
	{"smuggled-in-path", onHTTP1 | 1<<H2C, contract, invalidSmuggled(func(r *http.Request) {
		r.URL.Opaque = "//" + host + "/a HTTP/1.1\r\nX-More: smuggled\r\n"
	})},
	{"smuggled-in-query", onHTTP1, contract, invalidSmuggled(func(r *http.Request) {
		r.URL.RawQuery = "q HTTP/1.1\r\nX-More: smuggled\r\n"
	})},
}

// invalid is a case of a request that was spoilt.
func invalid(spoil func(*http.Request)) func(*env) {
	return func(e *env) {
		var requests atomic.Int64
		e.serve(func(http.ResponseWriter, *http.Request) { requests.Add(1) })
		req := e.request("POST", "/", nil)
		body := replayable(req, "what is sent")
		spoil(req)
		if resp, err := e.try(req); err == nil {
			e.read(resp)
			e.Errorf("RoundTrip() = %s, want an error", resp.Status)
		}
		e.closed(body)
		if n := requests.Load(); n != 0 {
			e.Errorf("the server saw %d requests, want none", n)
		}
	}
}

func invalidHeader(key, value string) func(*env) {
	return invalid(func(r *http.Request) { r.Header[key] = []string{"fine", value} })
}

// invalidSmuggled is a case of a request that may fail or be mended, but must not become another one.
func invalidSmuggled(spoil func(*http.Request)) func(*env) {
	return func(e *env) {
		var smuggled atomic.Int64
		e.serve(func(_ http.ResponseWriter, r *http.Request) {
			if r.Header["X-More"] != nil {
				smuggled.Add(1)
			}
		})
		req := e.request("POST", "/", nil)
		body := replayable(req, "what is sent")
		spoil(req)
		if resp, err := e.try(req); err == nil {
			e.read(resp)
		}
		e.closed(body)
		if smuggled.Load() != 0 {
			e.Error("a header that was smuggled in has arrived")
		}
	}
}
