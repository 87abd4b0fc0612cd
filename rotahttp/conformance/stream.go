package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Trailers are announced with the headers, and there at the end of the body.
func replyTrailers(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Other")
		io.WriteString(w, payload(100_000))
		w.Header().Set("X-Sum", "42")
		w.Header().Set("X-Other", "other")
	})
	for range 3 {
		resp := e.must(e.request("GET", "/", nil))
		if _, ok := resp.Trailer["X-Sum"]; !ok || resp.Trailer.Get("X-Sum") != "" {
			e.Errorf("with the headers: Trailer = %v, want the keys alone", resp.Trailer)
		}
		body, err := e.read(resp)
		if len(body) != 100_000 || err != nil {
			e.Errorf("the body has %d bytes, %v", len(body), err)
		}
		if resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Other") != "other" {
			e.Errorf("after the body: Trailer = %v, want the values", resp.Trailer)
		}
		if resp.Header.Get("X-Sum") != "" {
			e.Error("a trailer is among the headers")
		}
	}
}

func replyTrailersUnannounced(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "42")
	})
	resp := e.must(e.request("GET", "/", nil))
	if body, err := e.read(resp); body != "body" || err != nil || resp.Trailer.Get("X-Sum") != "42" {
		e.Errorf("the reply is %q, %v, with the trailer %v", body, err, resp.Trailer)
	}
}

// What the server has sent can be read before it sends more; the client is not done with the headers.
func replyStreamed(e *env) {
	more := make(chan struct{})
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		for range 20 {
			io.WriteString(w, "a word\n")
			http.NewResponseController(w).Flush()
			select {
			case <-more:
			case <-r.Context().Done():
				return
			}
		}
	})
	resp := e.must(e.request("GET", "/", nil))
	for range 20 {
		if got := e.readN(resp.Body, 7); got != "a word\n" {
			e.Fatalf("read %q", got)
		}
		wait(e, func() chan struct{} {
			c := make(chan struct{})
			go func() { more <- struct{}{}; close(c) }()
			return c
		}(), "the server to hear that a word was read")
	}
	if rest, err := e.read(resp); rest != "" || err != nil {
		e.Errorf("at the end: %q, %v, want io.EOF", rest, err)
	}
}

// 8 MiB that come as slowly as they are read, under a context that can end but does not.
func replyBig(e *env) {
	const piece, pieces = 128 << 10, 64
	e.serve(func(w http.ResponseWriter, _ *http.Request) {
		for i := range pieces {
			io.WriteString(w, strings.Repeat(string(rune('A'+i%26)), piece))
			http.NewResponseController(w).Flush()
		}
	})
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	resp := e.must(e.requestWith(ctx, "GET", "/", nil))
	for i := range pieces {
		if got := e.readN(resp.Body, piece); strings.Trim(got, string(rune('A'+i%26))) != "" {
			e.Fatalf("piece %d is not what was sent", i)
		}
	}
	if rest, err := e.read(resp); rest != "" || err != nil {
		e.Errorf("at the end: %q, %v, want io.EOF", rest, err)
	}
}

// After the end, Read says io.EOF again and again, and takes nothing of a later reply.
func replyEndIsFinal(e *env) {
	e.serve(seen)
	for range 3 {
		resp := e.must(e.request("GET", "/first", nil))
		if got, err := io.ReadAll(resp.Body); string(got) != "/first" || err != nil {
			e.Errorf("the body is %q, %v", got, err)
		}
		later := e.must(e.request("GET", "/later", nil))
		for range 3 {
			if n, err := resp.Body.Read(make([]byte, 10)); n != 0 || err == nil {
				e.Errorf("Read() after the end = %d, %v, want 0, io.EOF", n, err)
			}
		}
		e.closeBody(resp)
		if got, err := e.read(later); got != "/later" || err != nil {
			e.Errorf("the later reply is %q, %v", got, err)
		}
	}
}

// A RoundTripper may ask for gzip on its own, and then takes it off again and says so.
func replyCompressed(e *env) {
	want := payload(100_000)
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(gzipped(want))
			return
		}
		io.WriteString(w, want)
	})
	for range 3 {
		req := e.request("GET", "/", nil)
		resp := e.must(req)
		body, err := e.read(resp)
		if body != want || err != nil {
			e.Errorf("%d bytes arrive, %v, want %d", len(body), err, len(want))
		}
		if resp.Header.Get("Content-Encoding") != "" {
			e.Errorf("Content-Encoding = %q, and nobody asked for it", resp.Header.Get("Content-Encoding"))
		}
		if resp.Uncompressed && (resp.ContentLength != -1 || resp.Header.Get("Content-Length") != "") {
			e.Errorf("Uncompressed, with a ContentLength of %d", resp.ContentLength)
		}
		if req.Header.Get("Accept-Encoding") != "" {
			e.Error("the request was modified")
		}
	}
}

// Who asks for gzip gets it.
func replyCompressionAskedFor(e *env) {
	want := string(gzipped("what is sent"))
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, want)
	})
	req := e.request("GET", "/", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	resp := e.must(req)
	body, err := e.read(resp)
	if body != want || err != nil || resp.Uncompressed || resp.Header.Get("Content-Encoding") != "gzip" {
		e.Errorf("the reply is %q, %v, Uncompressed = %t, want it as it was sent", brief(body), err, resp.Uncompressed)
	}
}

// A second Close, also one that comes when the connection has another reader, does nothing.
func replyClosedTwice(e *env) {
	e.serve(seen)
	first := e.must(e.request("GET", "/first", nil))
	e.read(first)
	for range 3 {
		later := e.must(e.request("GET", "/later", nil))
		e.closeBody(first)
		if got, err := e.read(later); got != "/later" || err != nil {
			e.Errorf("the later reply is %q, %v", got, err)
		}
		first = later
	}
}

func replyReadAfterClose(e *env) {
	e.serve(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, payload(100_000)) })
	resp := e.must(e.request("GET", "/", nil))
	e.readN(resp.Body, 10)
	e.closeBody(resp)
	if n, err := resp.Body.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		e.Errorf("Read() after Close = %d, %v, want an error", n, err)
	}
}
