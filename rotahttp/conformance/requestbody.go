package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing/iotest"
)

var bodyCases = []testCase{
	{"none", onAll, contract, bodyNone},
	{"empty", onAll, contract, bodyEmpty},
	{"known-length", onAll, contract, bodyKnownLength},
	{"unknown-length", onAll, contract, bodyUnknownLength},
	{"read-in-pieces", onAll, contract, bodyInPieces},
	{"with-its-eof", onAll, contract, bodyWithEOF},
	{"too-short", onAll, contract, bodyTooShort},
	{"too-long", onAll, contract, bodyTooLong},
	{"fails", onAll, contract, bodyFails},
	{"fails-at-once", onAll, contract, bodyFailsAtOnce},
	{"closed", onAll, contract, bodyClosed},
	{"closed-when-refused", onAll, contract, bodyClosedWhenRefused},
	{"closed-without-reply", onAll, contract, bodyClosedWithoutReply},
	{"closed-when-cancelled", onAll, contract, bodyClosedWhenCancelled},
	{"not-read-after-close", onHTTP1, custom, bodyNotReadAfterClose},
	{"close-blocks", onHTTP1, custom, bodyCloseBlocks},
	{"trailers", onAll, contract, bodyTrailers},
}

// arrived is a request's body as the server saw it.
type arrived struct {
	body   string
	err    error
	length int64
	header http.Header
	coding []string
	trail  http.Header
}

// collect starts a server that tells what arrives.
func (e *env) collect() <-chan arrived {
	c := make(chan arrived, 16)
	e.serve(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		c <- arrived{string(b), err, r.ContentLength, r.Header, r.TransferEncoding, r.Trailer}
	})
	return c
}

func bodyNone(e *env) {
	got := e.collect()
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "HEAD"} {
		for _, body := range []io.ReadCloser{nil, http.NoBody} {
			req := e.request(method, "/", nil)
			req.Body = body
			e.read(e.must(req))
			a := wait(e, got, "the request to arrive")
			if a.body != "" || a.err != nil || a.length != 0 || a.coding != nil {
				e.Errorf("%s with a Body of %v arrives with %q, length %d, %v, want none", method, body, a.body, a.length, a.coding)
			}
			if n := a.header.Get("Content-Length"); (method == "POST" || method == "PUT") && n != "0" {
				e.Errorf("%s with a Body of %v arrives with a Content-Length of %q, want 0", method, body, n)
			}
		}
	}
}

// A body that turns out to be empty, whatever was announced.
func bodyEmpty(e *env) {
	got := e.collect()
	for _, method := range []string{"GET", "POST", "PUT", "PATCH"} {
		for _, length := range []int64{0, -1} {
			req := e.request(method, "/", nil)
			body := text("")
			req.Body, req.ContentLength = body, length
			e.read(e.must(req))
			e.closed(body)
			if a := wait(e, got, "the request to arrive"); a.body != "" || a.err != nil || a.length > 0 {
				e.Errorf("%s, length %d: arrives with %q, %v", method, length, a.body, a.err)
			}
		}
	}
}

func bodyKnownLength(e *env) {
	got := e.collect()
	for _, n := range []int{1, 100, 4096, 65_535, 65_536, 1 << 20} {
		req := e.request("POST", "/", nil)
		want := payload(n)
		body := replayable(req, want)
		e.read(e.must(req))
		e.closed(body)
		a := wait(e, got, "the request to arrive")
		if a.body != want || a.err != nil || a.length != int64(n) {
			e.Errorf("%d bytes: %d of them arrive, announced as %d, %v", n, len(a.body), a.length, a.err)
		}
	}
}

// A ContentLength of -1 is not known, and neither is one of 0 with a Body.
func bodyUnknownLength(e *env) {
	got := e.collect()
	for _, length := range []int64{-1, 0} {
		for _, n := range []int{1, 2, 4095, 1 << 20} {
			want := payload(n)
			body := text(want)
			req := e.request("POST", "/", nil)
			req.Body, req.ContentLength = body, length
			e.read(e.must(req))
			e.closed(body)
			a := wait(e, got, "the request to arrive")
			if a.body != want || a.err != nil || a.length != -1 {
				e.Errorf("%d bytes of no known length: %d of them arrive, announced as %d, %v", n, len(a.body), a.length, a.err)
			}
			if e.proto.major() == 1 && !slices.Equal(a.coding, []string{"chunked"}) {
				e.Errorf("the transfer coding is %v, want chunked", a.coding)
			}
		}
	}
}

// What a Reader returns is sent, not what it leaves in the buffer; (0, nil) is not the end.
func bodyInPieces(e *env) {
	got := e.collect()
	want := payload(3000)
	for _, length := range []int64{-1, int64(len(want))} {
		req := e.request("POST", "/", nil)
		req.Body, req.ContentLength = newSource(&hesitant{r: iotest.OneByteReader(strings.NewReader(want))}), length
		e.read(e.must(req))
		if a := wait(e, got, "the request to arrive"); a.body != want || a.err != nil {
			e.Errorf("length %d: %q arrives, %v", length, brief(a.body), a.err)
		}
	}
}

// hesitant returns nothing every other time.
type hesitant struct {
	r    io.Reader
	turn bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.turn = !h.turn; h.turn {
		return 0, nil
	}
	return h.r.Read(p)
}

// The last bytes may come along with io.EOF.
func bodyWithEOF(e *env) {
	got := e.collect()
	want := payload(1000)
	for _, length := range []int64{-1, int64(len(want))} {
		req := e.request("POST", "/", nil)
		req.Body, req.ContentLength = newSource(iotest.DataErrReader(strings.NewReader(want))), length
		e.read(e.must(req))
		if a := wait(e, got, "the request to arrive"); a.body != want || a.err != nil {
			e.Errorf("length %d: %q arrives, %v", length, brief(a.body), a.err)
		}
	}
}

// A body that is shorter than announced cannot be sent: the server would wait for ever, or take the next request for
// the rest.
func bodyTooShort(e *env) {
	e.serve(echo)
	for _, sent := range []string{"", "x", payload(9999)} {
		req := e.request("POST", "/", nil)
		body := text(sent)
		req.Body, req.ContentLength = body, 10_000
		e.fails(req)
		e.closed(body)
		e.undisturbed()
	}
}

// A body that is longer than announced may be an error. If it is not, what was announced arrives; and the rest is not
// taken for the next request.
func bodyTooLong(e *env) {
	e.serve(echo)
	const announced = "announced"
	for _, rest := range []string{"!", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", payload(100_000)} {
		req := e.request("POST", "/", nil)
		body := text(announced + rest)
		req.Body, req.ContentLength = body, int64(len(announced))
		if resp, err := e.try(req); err == nil {
			if got, err := e.read(resp); err == nil && got != announced {
				e.Errorf("%q arrives, want %q or an error", brief(got), announced)
			}
		}
		e.closed(body)
		e.undisturbed()
	}
}

var errBody = errors.New("conformance: the body has failed")

// A body that fails half way is an error, and the server does not take the half for the whole.
func bodyFails(e *env) { e.bodyFails(payload(50_000)) }

func bodyFailsAtOnce(e *env) { e.bodyFails("") }

func (e *env) bodyFails(half string) {
	e.serve(echo)
	for _, length := range []int64{-1, 100_000} {
		req := e.request("POST", "/", nil)
		body := newSource(io.MultiReader(strings.NewReader(half), iotest.ErrReader(errBody)))
		req.Body, req.ContentLength = body, length
		if err := e.fails(req); e.custom() && !errors.Is(err, errBody) {
			e.Errorf("length %d: err = %v, want the body's", length, err)
		}
		e.closed(body)
		e.undisturbed()
	}
}

// RoundTrip must always close the body.
func bodyClosed(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" {
			io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	for _, path := range []string{"/read", "/unread"} {
		for _, n := range []int{0, 10, 1 << 20} {
			for _, length := range []int64{-1, int64(n)} {
				req := e.request("POST", path, nil)
				body := text(payload(n))
				req.Body, req.ContentLength = body, length
				if resp, err := e.try(req); err == nil {
					e.read(resp)
				}
				e.closed(body)
			}
		}
	}
}

func bodyClosedWhenRefused(e *env) {
	e.nobody()
	req := e.request("POST", "/", nil)
	body := replayable(req, "what is sent")
	e.fails(req)
	e.closed(body)
	req = e.request("POST", "/", nil)
	body = text("what is sent")
	req.Body = body
	e.fails(req)
	e.closed(body)
}

func bodyClosedWithoutReply(e *env) {
	e.serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, body := range []*source{text("what is sent"), text(""), newSource(endless{})} {
		req := e.request("POST", "/", nil)
		req.Body = body
		e.fails(req)
		e.closed(body)
	}
}

func bodyClosedWhenCancelled(e *env) {
	e.serve(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	ctx, cancel := context.WithCancel(e.Context())
	req := e.requestWith(ctx, "POST", "/", nil)
	body := newSource(endless{})
	req.Body = body
	pending := e.start(req)
	wait(e, body.started, "the body to be read")
	cancel()
	if _, err := e.end(pending); err == nil {
		e.Error("RoundTrip() = nil, want an error")
	}
	e.closed(body)
}
