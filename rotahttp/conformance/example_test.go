package conformance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rota-go/rota/rotahttp/conformance"
)

// The body of a test that runs every case against a RoundTripper, which here is an http.Transport that sends all requests
// to the server of the case. What it does otherwise on purpose is skipped by name.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		conformance.Run(t, conformance.Params{
			New: func(tb testing.TB, s conformance.Server) http.RoundTripper {
				rt := &http.Transport{DialContext: s.DialContext, TLSClientConfig: s.TLS, DisableKeepAlives: true}
				tb.Cleanup(rt.CloseIdleConnections)
				return rt
			},
			Protocols: []conformance.Protocol{conformance.HTTP1, conformance.HTTP1TLS},
			Skip: map[string]string{
				"conn/reuse":            "it keeps no connections",
				"trace/reused":          "it keeps no connections",
				"HTTP1/upgrade/refused": "of HTTP/1.1 without TLS alone",
			},
		})
	}
	// Output:
}

// A Server is an address and how to reach it; what a RoundTripper over an http.Transport needs is one call.
func ExampleServer_NewTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from ", r.Host) }))
	defer server.Close()
	s := conformance.Server{
		Protocol: conformance.HTTP1,
		Addr:     server.Listener.Addr().String(),
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("tcp", server.Listener.Addr().String())
		},
	}
	rt := s.NewTransport()
	defer rt.CloseIdleConnections()
	req, err := http.NewRequest("GET", "http://conformance.test/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: hello from conformance.test <nil>
}
