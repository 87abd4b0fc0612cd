package conformance_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/conformance"
)

// viaRota sends requests through a service of one replica. own says that short requests of HTTP/1.1 go over connections
// of rota's own, as they do unless the base says that replies are to be decompressed.
func viaRota(policy rota.Policy, maxReplay int64, own bool) func(testing.TB, conformance.Server) http.RoundTripper {
	return func(tb testing.TB, s conformance.Server) http.RoundTripper {
		client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs(s.URL()), Policy: policy})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { client.Close() })
		base := s.NewTransport()
		base.DisableCompression = own
		return &rotahttp.Transport{Client: client, Base: base, MaxReplay: maxReplay}
	}
}

func TestRotaTransport(t *testing.T) {
	t.Parallel()
	const whole = "a body of a known length up to MaxReplay, without a GetBody, is read whole and closed before anything is sent"
	conformance.Run(t, conformance.Params{
		New:       viaRota(rota.Policy{}, 0, false),
		Protocols: []conformance.Protocol{conformance.HTTP1, conformance.HTTP2},
		Skip:      map[string]string{"body/close-blocks": whole, "early/reply-then-rest": whole},
	})
}

// Without a memory for bodies there is nothing that needs to be skipped for it.
func TestRotaConnections(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Params{
		New: viaRota(rota.Policy{}, -1, true), Protocols: []conformance.Protocol{conformance.HTTP1},
		Skip: map[string]string{"reply/compression-asked-for": "the base asks for none"},
	})
}

// The other driver: with a deadline, a try time and hedges.
func TestRotaTimed(t *testing.T) {
	t.Parallel()
	timed := rota.Policy{Timeout: time.Minute, Retry: &rota.Retry{Attempts: 1, TryTimeout: 30 * time.Second}, Hedge: &rota.Hedge{}}
	conformance.Run(t, conformance.Params{
		New: viaRota(timed, -1, true), Protocols: []conformance.Protocol{conformance.HTTP1TLS, conformance.H2C},
		Skip: map[string]string{"reply/compression-asked-for": "the base asks for none"},
	})
}
