package conformance

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

var replyCases = []testCase{
	{"fields", onAll, contract, replyFields},
	{"header", onAll, contract, replyHeader},
	{"header-canonical", onHTTP1, contract, replyCanonical},
	{"status", onAll, contract, replyStatus},
	{"reason", onHTTP1, contract, replyReason},
	{"not-followed", onAll, contract, replyNotFollowed},
	{"lengths", onAll, contract, replyLengths},
	{"head", onAll, contract, replyHead},
	{"without-body", onAll, contract, replyWithoutBody},
	{"trailers", onAll, contract, replyTrailers},
	{"trailers-not-announced", onAll, custom, replyTrailersUnannounced},
	{"streamed", onAll, contract, replyStreamed},
	{"big", onAll, contract, replyBig},
	{"end-is-final", onAll, contract, replyEndIsFinal},
	{"compressed", onAll, contract, replyCompressed},
	{"compression-asked-for", onAll, contract, replyCompressionAskedFor},
	{"closed-twice", onAll, contract, replyClosedTwice},
	{"read-after-close", onAll, custom, replyReadAfterClose},
}

func replyFields(e *env) {
	e.serve(seen)
	req := e.request("GET", "/fields", nil)
	resp := e.must(req)
	if resp.Request != req {
		e.Errorf("Request is %p, want the request %p", resp.Request, req)
	}
	if resp.StatusCode != 200 || resp.Status != "200 OK" {
		e.Errorf("StatusCode, Status = %d, %q, want 200, %q", resp.StatusCode, resp.Status, "200 OK")
	}
	proto := fmt.Sprintf("HTTP/%d.%d", resp.ProtoMajor, resp.ProtoMinor)
	if want := []string{1: "HTTP/1.1", 2: "HTTP/2.0"}[e.proto.major()]; proto != want || resp.Proto != want {
		e.Errorf("Proto = %q, %s, want %s", resp.Proto, proto, want)
	}
	if resp.ContentLength != 7 {
		e.Errorf("ContentLength = %d, want 7", resp.ContentLength)
	}
	if (resp.TLS != nil) != e.proto.tls() {
		e.Errorf("TLS = %v on %s", resp.TLS, e.proto)
	}
	if resp.TLS != nil && (!resp.TLS.HandshakeComplete || len(resp.TLS.PeerCertificates) == 0) {
		e.Errorf("TLS is not the state of the connection: %+v", resp.TLS)
	}
	if got, err := e.read(resp); got != "/fields" || err != nil {
		e.Errorf("the body is %q, %v", got, err)
	}
}

func replyHeader(e *env) {
	want := map[string][]string{
		"X-Many": {"one", "two, three", "four"}, "X-Empty": {""}, "X-Utf8": {"世界"}, "Set-Cookie": {"a=b", "c=d"},
		"X-Space": {"a  b"}, "X-Long": {payload(10_000)},
	}
	e.serve(func(w http.ResponseWriter, _ *http.Request) {
		for key, v := range want {
			w.Header()[key] = v
		}
	})
	for range 3 {
		resp := e.must(e.request("GET", "/", nil))
		e.read(resp)
		for key, v := range want {
			if !slices.Equal(resp.Header[key], v) {
				e.Errorf("%s = %q, want %q", key, resp.Header[key], v)
			}
		}
		resp.Header.Set("X-Mine", "changed") // it is the caller's
	}
}

// Keys are canonical however they come; values have no space around them.
func replyCanonical(e *env) {
	e.script(func(c *rawConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-lower-case: a\r\nX-UPPER-CASE:b\r\nx-Space:  \t c \t \r\n\r\nok")
	})
	resp := e.must(e.request("GET", "/", nil))
	e.read(resp)
	for key, want := range map[string]string{"X-Lower-Case": "a", "X-Upper-Case": "b", "X-Space": "c"} {
		if got := resp.Header[key]; !slices.Equal(got, []string{want}) {
			e.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

// RoundTrip must return err == nil if it obtained a response, regardless of the response's status.
func replyStatus(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(code)
		if code != 204 && code != 304 {
			fmt.Fprintf(w, "body of %d", code)
		}
	})
	for _, code := range []int{200, 201, 203, 206, 299, 300, 400, 401, 404, 407, 417, 418, 429, 451, 500, 502, 503, 504, 599, 999} {
		resp := e.must(e.request("GET", fmt.Sprintf("/%d", code), nil))
		body, err := e.read(resp)
		if want := fmt.Sprintf("body of %d", code); resp.StatusCode != code || body != want || err != nil {
			e.Errorf("%d arrives as %s, %q, %v", code, resp.Status, body, err)
		}
	}
}

func replyReason(e *env) {
	reasons := []string{"200 Fine By Me", "404 ", "500", "200 with\ttab", "299 ÄÖ"}
	next := make(chan string, 1)
	defer close(next)
	e.script(func(c *rawConn) {
		for {
			c.request()
			c.send("HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nok", <-next) // "" is malformed
		}
	})
	for _, reason := range reasons {
		next <- reason
		resp := e.must(e.request("GET", "/", nil))
		e.read(resp)
		if strings.TrimSpace(resp.Status) != strings.TrimSpace(reason) {
			e.Errorf("Status = %q, want %q", resp.Status, reason)
		}
	}
}

// RoundTrip should not attempt to handle redirects, authentication, or cookies.
func replyNotFollowed(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		w.Header().Set("Location", "/200")
		w.Header().Set("WWW-Authenticate", "Basic realm=a")
		w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
		w.WriteHeader(code)
	})
	for _, code := range []int{301, 302, 303, 307, 308, 401} {
		req := e.request("GET", fmt.Sprintf("/%d", code), nil)
		resp := e.must(req)
		e.read(resp)
		if resp.StatusCode != code || resp.Header.Get("Location") != "/200" {
			e.Errorf("%d arrives as %s", code, resp.Status)
		}
		if resp.Header.Get("X-Cookie") != "" {
			e.Errorf("a cookie of an earlier reply was sent: %q", resp.Header.Get("X-Cookie"))
		}
	}
}

// Lengths around those of buffers and frames, announced and not.
func replyLengths(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if r.URL.RawQuery == "known" {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		} else {
			http.NewResponseController(w).Flush()
		}
		io.WriteString(w, payload(n))
	})
	for _, n := range []int{0, 1, 2, 2048, 4095, 4096, 4097, 16_384, 65_535, 65_536, 300_000} {
		for _, query := range []string{"known", "unknown"} {
			resp := e.must(e.request("GET", fmt.Sprintf("/%d?%s", n, query), nil))
			length := resp.ContentLength
			body, err := e.read(resp)
			if body != payload(n) || err != nil {
				e.Errorf("%d bytes, %s: %d arrive, %v", n, query, len(body), err)
			}
			if want := int64(n); query == "known" && length != want || query == "unknown" && n > 0 && length != -1 {
				e.Errorf("%d bytes, %s: ContentLength = %d", n, query, length)
			}
		}
	}
}

// A reply to HEAD has the length and no body; the next reply on the connection is not taken for the body.
func replyHead(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", "1000")
		}
		if r.Method == "GET" {
			seen(w, r)
		}
	})
	for range 3 {
		resp := e.must(e.request("HEAD", "/known", nil))
		if resp.ContentLength != 1000 {
			e.Errorf("ContentLength = %d, want 1000", resp.ContentLength)
		}
		if body, err := e.read(resp); body != "" || err != nil {
			e.Errorf("the body is %q, %v, want none", body, err)
		}
		resp = e.must(e.request("HEAD", "/unknown", nil))
		if body, err := e.read(resp); body != "" || err != nil {
			e.Errorf("the body is %q, %v, want none", body, err)
		}
		e.get("/next", "/next")
	}
}

func replyWithoutBody(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/304":
			w.Header().Set("Etag", `"a"`)
			w.WriteHeader(http.StatusNotModified)
		case "/empty":
		default:
			seen(w, r)
		}
	})
	for range 3 {
		for _, path := range []string{"/204", "/304", "/empty"} {
			resp := e.must(e.request("GET", path, nil))
			if resp.ContentLength > 0 {
				e.Errorf("%s: ContentLength = %d", path, resp.ContentLength)
			}
			n, err := resp.Body.Read(make([]byte, 10))
			if n != 0 || !errors.Is(err, io.EOF) {
				e.Errorf("%s: Read() = %d, %v, want 0, io.EOF", path, n, err)
			}
			e.closeBody(resp)
			e.get("/next", "/next")
		}
	}
}

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.Bytes()
}
