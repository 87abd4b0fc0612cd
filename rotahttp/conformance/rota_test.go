package conformance_test

import (
	"net/http"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/conformance"
)

// viaRota sends requests through a service of one replica.
func viaRota(policy rota.Policy, maxReplay int64) func(testing.TB, conformance.Server) http.RoundTripper {
	return func(tb testing.TB, s conformance.Server) http.RoundTripper {
		client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs(s.URL()), Policy: policy})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { client.Close() })
		return &rotahttp.Transport{Client: client, Base: s.NewTransport(), MaxReplay: maxReplay}
	}
}

// What rotahttp.Transport does not do, whatever its policy.
func rotaSkips(more map[string]string) map[string]string {
	const instance = "scheme and host of the URL are those of the instance on the way, so that the URL needs none"
	skips := map[string]string{
		"invalid/url-nil":        "RoundTrip panics in under: nil pointer dereference",
		"invalid/host-missing":   instance,
		"invalid/scheme-missing": instance,
		"invalid/scheme-unknown": instance,
	}
	for name, reason := range more {
		skips[name] = reason
	}
	return skips
}

func TestRotaTransport(t *testing.T) {
	const whole = "a body of a known length up to MaxReplay, without a GetBody, is read whole and closed before anything is sent"
	conformance.Run(t, conformance.Params{
		New:  viaRota(rota.Policy{}, 0),
		Skip: rotaSkips(map[string]string{"body/close-blocks": whole, "early/reply-then-rest": whole}),
	})
}

// Without a memory for bodies there is nothing that needs to be skipped for it.
func TestRotaTransportWithoutReplay(t *testing.T) {
	conformance.Run(t, conformance.Params{
		New: viaRota(rota.Policy{}, -1), Skip: rotaSkips(nil), Protocols: []conformance.Protocol{conformance.HTTP1},
	})
}
