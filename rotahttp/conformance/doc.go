// Package conformance provides a suite of tests for any http.RoundTripper that makes requests over the network.
//
// A test hands Run a function that makes the RoundTripper:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Params{
//			New: func(tb testing.TB, s conformance.Server) http.RoundTripper {
//				return &http.Transport{DialContext: s.DialContext, TLSClientConfig: s.TLS, …} // or s.NewTransport()
//			},
//		})
//	}
//
// and gets a subtest for every promise, on HTTP/1.1 with and without TLS, HTTP/2 and h2c. Each is named
// protocol/group/case, so that -run TestConformance/HTTP2/context is what is said about contexts over HTTP/2.
//
// # What is asked
//
// First what the documentation of http.RoundTripper, http.Request and http.Response promises, and what a client owes to
// RFC 9110, 9112 and 9113: the request is not modified and its body closed; there is a reply or an error; nothing is cut
// short without an error; a request's body is sent whole or its failure is told; what must not be sent twice is not;
// every request gets its own reply, whatever was on the connection before; the context bounds all of it; and when a case
// has ended and idle connections are closed, neither a connection nor a goroutine is left.
//
// Second what http.Transport does beyond that, and programs have come to rely on: that requests one after another share a
// connection, that truncation is io.ErrUnexpectedEOF, that a body's own error comes back, that heads without end are not
// read without end, that hooks of net/http/httptrace are called. Params.ContractOnly leaves these out.
//
// What a RoundTripper does differently on purpose is named in Params.Skip, with the reason. http.Transport itself passes
// with nothing skipped.
//
// # How it works
//
// Every case starts a server of its own on loopback: an http.Server, or a script that plays one byte by byte, where
// servers misbehave. Requests are for the host conformance.test, which is nobody's; New sees to it that they end up at the
// Server. No case asserts how fast anything is: waits end when what they wait for happens, and after Params.Patience the
// case fails as hung. Run it with -race: some of the promises are kept only if the race detector says nothing.
//
// Goroutines are told apart by a pprof label that those started by a case inherit. A RoundTripper that sets labels of its
// own on its goroutines hides them from the count.
package conformance
