package setup

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/resolve"
)

// Simple is what a command line says of a proxy without a file: one listener, one service.
type Simple struct {
	Listen     string
	To         string        // as Service.Target
	Balancer   string        // "" = the default
	Timeout    time.Duration // of a whole request, until its response begins; 0 = none
	Idempotent bool          // every request may be sent more than once
	Buffer     Bytes         // as Route.BufferResponse
	AccessLog  string        // as AccessLog.To; "" = off
	JSON       bool          // as AccessLog.Format
	Trust      []string      // as Forwarded.Trust
	Admin      *Admin        // nil = off
}

// Setup returns the same as a file would say it. Retries, hedges and breakers are on.
func (s Simple) Setup() (*Setup, error) {
	if !address(s.Listen) {
		return nil, fmt.Errorf("-listen=%s: want an address such as :8090", s.Listen)
	}
	if strings.TrimSpace(s.To) == "" {
		return nil, errors.New("-to: want the addresses of replicas with commas between, or dns:///name:port")
	}
	if _, err := resolve.Parse(s.To); err != nil {
		return nil, fmt.Errorf("-to: %w", err)
	}
	if s.Timeout < 0 {
		return nil, fmt.Errorf("-max-time=%v: want >= 0", s.Timeout)
	}
	balancer := config.Balancer{Name: s.Balancer}
	if err := balancer.Validate(); err != nil {
		return nil, fmt.Errorf("-balancer=%s: want one of %s", s.Balancer, strings.Join(config.Balancers(), ", "))
	}
	policy := Policy{Policy: config.Policy{Balancer: balancer, Policy: rota.Policy{
		Timeout: s.Timeout, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
	}}}
	full := &Setup{
		Listeners: []Listener{{Listen: s.Listen}},
		Routes:    []Route{{Service: "backend", Idempotent: s.Idempotent, BufferResponse: s.Buffer}},
		Services:  map[string]Service{"backend": {Target: s.To, Policy: policy}},
		Forwarded: Forwarded{Trust: s.Trust},
		Admin:     s.Admin,
		Drain:     DefaultDrain(),
	}
	if s.AccessLog != "" {
		full.AccessLog = &AccessLog{To: s.AccessLog, Sample: 1}
		if s.JSON {
			full.AccessLog.Format = "json"
		}
	}
	full.fill()
	return full, full.named(full.check(nil))
}

// flagsOfKeys are the flags for what a file would say by a key.
var flagsOfKeys = []struct{ key, flag string }{
	{"listeners[0].listen", "-listen"}, {"services.backend.target", "-to"}, {"routes[0].buffer_response", "-buffer"},
	{"access_log.to", "-access-log"}, {"forwarded.trust", "-trust"}, {"admin.listen", "-admin"}, {"admin.token_file", "-admin-token-file"},
}
