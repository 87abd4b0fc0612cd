package conformance_test

import (
	"net/http"
	"testing"

	"github.com/rota-go/rota/rotahttp/conformance"
)

// The suite asks for nothing that http.Transport does not do.
func TestHTTPTransport(t *testing.T) {
	t.Parallel()
	p := conformance.Params{New: func(_ testing.TB, s conformance.Server) http.RoundTripper { return s.NewTransport() }}
	if underRace {
		p.Protocols = []conformance.Protocol{conformance.HTTP1}
	}
	conformance.Run(t, p)
}
