package conformance_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/rotahttp/conformance"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// around breaks an http.Transport.
func around(broken func(*http.Transport, *http.Request) (*http.Response, error)) func(testing.TB, conformance.Server) http.RoundTripper {
	return func(tb testing.TB, s conformance.Server) http.RoundTripper {
		base := s.NewTransport()
		tb.Cleanup(base.CloseIdleConnections)
		return struct {
			roundTripFunc
			*closer
		}{func(req *http.Request) (*http.Response, error) { return broken(base, req) }, &closer{base}}
	}
}

type closer struct{ base *http.Transport }

func (c *closer) CloseIdleConnections() { c.base.CloseIdleConnections() }

// replaced is a body that reads as another one.
type replaced struct {
	io.Reader
	io.Closer
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

func nothing() error { return nil }

// sabotage is RoundTrippers with one fault each, the case that is to find it, and what that says.
var sabotage = []struct {
	name  string
	cases []string
	says  string
	new   func(testing.TB, conformance.Server) http.RoundTripper
}{
	{"modifies the header", []string{"request/unmodified", "request/unmodified-after-failure"}, "modified the request: Header",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			req.Header.Set("X-Attempt", "1")
			return rt.RoundTrip(req)
		})},
	{"modifies the URL", []string{"request/unmodified"}, "modified the request: URL",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			req.URL.Path += "/"
			return rt.RoundTrip(req)
		})},
	{"modifies the request when the reply is read", []string{"request/unmodified"}, "by the time that the reply was read",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil {
				body := resp.Body
				resp.Body = replaced{body, closeFunc(func() error { req.Close = !req.Close; return body.Close() })}
			}
			return resp, err
		})},
	{"returns another request", []string{"reply/fields"}, "want the request",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			return rt.RoundTrip(req.Clone(req.Context()))
		})},
	{"does not close the body", []string{"body/closed", "body/closed-when-refused", "body/closed-without-reply", "invalid/method-with-space"},
		"waiting for the request's body to be closed",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			out := req.Clone(req.Context())
			if req.Body != nil {
				out.Body = io.NopCloser(req.Body)
			}
			return rt.RoundTrip(out)
		})},
	{"does not close the body of a request that it does not send", []string{"context/ended-before"}, "to be closed",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			if err := req.Context().Err(); err != nil {
				return nil, err
			}
			return rt.RoundTrip(req)
		})},
	{"returns a reply and an error", []string{"reply/status"}, "a reply (400 Bad Request) and an error",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil && resp.StatusCode >= 400 {
				err = errors.New(resp.Status)
			}
			return resp, err
		})},
	{"makes a status an error", []string{"reply/status"}, "/500: 500 Internal Server Error",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil && resp.StatusCode >= 500 {
				resp.Body.Close()
				return nil, errors.New(resp.Status)
			}
			return resp, err
		})},
	{"returns nothing", []string{"reply/fields"}, "neither a reply nor an error",
		around(func(*http.Transport, *http.Request) (*http.Response, error) { return nil, nil })},
	{"panics", []string{"invalid/url-nil"}, "panicked",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			_ = req.URL.Host
			return rt.RoundTrip(req)
		})},
	{"ends the context with the headers", []string{"reply/streamed", "concurrent/unread-reply-is-no-obstacle"}, "context canceled",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancel(req.Context())
			defer cancel()
			return rt.RoundTrip(req.WithContext(ctx))
		})},
	{"has a timeout of its own", []string{"context/in-body", "context/waiting-for-headers"}, "context deadline exceeded",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), 100*time.Millisecond)
			context.AfterFunc(ctx, cancel)
			return rt.RoundTrip(req.WithContext(ctx))
		})},
	{"ignores the context", []string{"context/waiting-for-headers", "context/dial", "context/blocked-write", "context/in-body"}, "hung",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			return rt.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
		})},
	{"repeats with an empty body", []string{"replay/closed-after-request", "replay/reset-after-head", "conn/no-reply"}, "",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err != nil && req.URL != nil && req.Context().Err() == nil {
				again := req.Clone(req.Context())
				again.Body, again.ContentLength = http.NoBody, 0
				return rt.RoundTrip(again)
			}
			return resp, err
		})},
	{"repeats what must not be", []string{"replay/closed-after-request", "conn/no-reply"}, "arrived 2 times",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err != nil && req.GetBody != nil {
				again := req.Clone(req.Context())
				again.Body, _ = req.GetBody()
				return rt.RoundTrip(again)
			}
			return resp, err
		})},
	{"forgets replies that are dropped", []string{"conn/closed-mid-body", "conn/closed-mid-body-held"}, "connections leaked",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil {
				resp.Body = replaced{resp.Body, closeFunc(nothing)}
			}
			return resp, err
		})},
	{"leaves a goroutine", []string{"reply/fields"}, "goroutines leaked", leavesGoroutine},
	{"follows redirects", []string{"reply/not-followed"}, "arrives as 200 OK",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			return (&http.Client{Transport: rt}).Do(req)
		})},
	{"hides informational replies", []string{"interim/traced"}, "Got1xxResponse saw []",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			return rt.RoundTrip(req.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{})))
		})},
	{"takes a cut body for a whole one", []string{"framing/length-cut", "framing/chunk-cut", "framing/aborted"}, "it was cut short",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil {
				resp.Body = replaced{wholesome{resp.Body}, resp.Body}
			}
			return resp, err
		})},
	{"reads the whole reply first", []string{"reply/streamed", "early/full-duplex-http1"}, "hung: waiting for RoundTrip", readsWhole},
	{"leaves gzip on", []string{"reply/compressed"}, "nobody asked for it",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			out := req.Clone(req.Context())
			out.Header.Set("Accept-Encoding", "gzip")
			return rt.RoundTrip(out)
		})},
	{"takes gzip off that was asked for", []string{"reply/compression-asked-for"}, "want it as it was sent",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil && resp.Header.Get("Content-Encoding") == "gzip" {
				r, _ := gzip.NewReader(resp.Body)
				resp.Body = replaced{r, resp.Body}
			}
			return resp, err
		})},
	{"sends the address as the host", []string{"request/host"}, `arrives, want "conformance.test"`,
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			out := req.Clone(req.Context())
			out.Host = "127.0.0.1"
			return rt.RoundTrip(out)
		})},
	{"forgets the request's trailer", []string{"body/trailers"}, "the trailer arrives as",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			out := req.Clone(req.Context())
			out.Trailer = nil
			return rt.RoundTrip(out)
		})},
	{"forgets the reply's trailer", []string{"reply/trailers"}, "Trailer = map[]",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil {
				resp.Trailer = nil
			}
			return resp, err
		})},
	{"makes a connection for every request", []string{"conn/reuse"}, "made 20 more connections", noKeepAlive},
	{"hides that a connection can be written", []string{"upgrade/both-ways"}, "cannot be written",
		around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
			resp, err := rt.RoundTrip(req)
			if err == nil {
				resp.Body = replaced{resp.Body, resp.Body}
			}
			return resp, err
		})},

	// Clients of their own.
	{"writes before it reads", []string{"early/reply-to-blocked-writer", "early/full-duplex-http1"}, "hung: waiting for RoundTrip", newNaive(none)},
	{"has no limit for heads", []string{"malformed/headers-endless", "malformed/status-line-endless"}, "the client took 64 MiB", newNaive(none)},
	{"keeps a connection with unread bytes", []string{"conn/closed-unread", "conn/closed-mid-body"}, "", newNaive(keepsDirty)},
	{"keeps a connection that the server closes", []string{"conn/close-said-by-server", "framing/http-1.0"}, "", newNaive(ignoresClose)},
	{"takes unsolicited bytes for a reply", []string{"conn/reply-twice", "conn/garbage-after-reply", "conn/unsolicited-when-idle", "conn/body-after-204"},
		"", newNaive(trustsIdle)},
	{"takes an idle connection for a live one", []string{"replay/closed-long-ago", "replay/reset-long-ago"}, "it failed", newNaive(trustsIdle)},
	{"takes an informational reply for the reply", []string{"interim/skipped", "interim/continue-unasked", "interim/expect-waits"}, "", newNaive(returnsInterim)},
	{"loses what came with the head of an upgrade", []string{"upgrade/bytes-after-head"}, "", newNaive(losesBuffered)},
	{"keeps a connection that was upgraded", []string{"upgrade/closed-by-client"}, "waiting for the server to see the end", newNaive(keepsUpgraded)},
	{"listens to a context whose request is over", []string{"context/after-the-end"}, "", newNaive(keepsContext)},
	{"does not count what it sends", []string{"body/too-short", "body/too-long"}, "", newNaive(sendsRaw)},
}

// wholesome takes any error for the end.
type wholesome struct{ io.Reader }

func (w wholesome) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func leavesGoroutine(tb testing.TB, s conformance.Server) http.RoundTripper {
	ended := make(chan struct{})
	tb.Cleanup(func() { time.AfterFunc(2*patience, func() { close(ended) }) })
	return around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
		go func() { <-ended }()
		return rt.RoundTrip(req)
	})(tb, s)
}

func noKeepAlive(_ testing.TB, s conformance.Server) http.RoundTripper {
	rt := s.NewTransport()
	rt.DisableKeepAlives = true
	return rt
}

func readsWhole(tb testing.TB, s conformance.Server) http.RoundTripper {
	return around(func(rt *http.Transport, req *http.Request) (*http.Response, error) {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(strings.NewReader(string(body)))
		return resp, err
	})(tb, s)
}

// patience is enough for a failure to show; some take their time.
const patience = 2 * time.Second

// Every fault is found by the case that is there to find it. Most of the time goes into waiting for what does not
// happen, so several wait at once.
func TestSabotage(t *testing.T) {
	t.Parallel()
	if underRace {
		t.Skip("the clients are broken on purpose; the run without the race detector shows that this is found out")
	}
	free := make(chan struct{}, 16)
	var report []func()
	for _, test := range sabotage {
		for _, name := range test.cases {
			p := conformance.Params{New: test.new, Patience: patience}
			if strings.HasSuffix(name, "-endless") {
				p.Patience = time.Minute
			}
			result := make(chan *recorder, 1)
			go func() {
				free <- struct{}{}
				defer func() { <-free }()
				result <- record(t, func(tb testing.TB) { conformance.Check(tb, p, conformance.HTTP1, name) })
			}()
			report = append(report, func() {
				t.Run(test.name+"/"+name, func(t *testing.T) {
					r := <-result
					if said := r.output(); !r.Failed() || !strings.Contains(said, test.says) {
						t.Errorf("failed = %t, said %q, want a failure that says %q", r.Failed(), said, test.says)
					}
				})
			})
		}
	}
	for _, f := range report {
		f()
	}
}

// The naive client without a bug keeps what its buggy brothers break: it is the bug that is found.
func TestNaiveClient(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"conn/closed-unread", "conn/closed-mid-body", "conn/close-said-by-server", "framing/http-1.0", "conn/reply-twice",
		"conn/garbage-after-reply", "conn/unsolicited-when-idle", "conn/body-after-204", "replay/closed-long-ago",
		"replay/reset-long-ago", "interim/skipped", "interim/continue-unasked", "upgrade/bytes-after-head",
		"upgrade/closed-by-client", "context/after-the-end", "body/too-short", "body/too-long",
	} {
		t.Run(name, func(t *testing.T) {
			conformance.Check(t, conformance.Params{New: newNaive(none)}, conformance.HTTP1, name)
		})
	}
}
