package proxy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/rotahttp"
)

// service is replicas and the connections to them.
type service struct {
	name      string
	spec      setup.Service
	scheme    string // of requests, for replicas whose address names none
	client    *rota.Client
	overrides *rota.Overrides
	transport *rotahttp.Transport
	switching *rotahttp.Transport // for requests that switch to another protocol; nil = none can
	base      *http.Transport
	uses      uses
	known     atomic.Bool // replicas were
	ca        string      // of the file of authorities, as it was read
}

// service returns what serves spec: old, if that can do it, or another. change is to be called once it is in use.
func (p *Proxy) service(old *service, name string, spec *setup.Service) (sv *service, change func(), err error) {
	if old == nil || !old.serves(spec) {
		sv, err = p.newService(name, spec)
		return sv, func() {}, err
	}
	if reflect.DeepEqual(old.spec.Policy.Policy, spec.Policy.Policy) {
		return old, func() { old.spec = *spec }, nil
	}
	policy := spec.Policy.Policy
	var balancer rota.Balancer // nil = the one before
	if !reflect.DeepEqual(old.spec.Policy.Balancer, policy.Balancer) || !reflect.DeepEqual(old.spec.Policy.Zone, policy.Zone) {
		balancer = policy.NewBalancer()
	}
	return old, func() {
		old.spec = *spec
		if err := old.client.Apply(policy.Policy, balancer); err != nil {
			p.params.Log.Error("policy not applied", "service", name, "error", err) // it was read as valid
		}
	}, nil
}

// serves reports whether sv does for spec: only policies can change under a client.
func (sv *service) serves(spec *setup.Service) bool {
	a, b := sv.spec, *spec
	same := reflect.DeepEqual(a.Policy.Subset, b.Policy.Subset)
	for _, s := range []*setup.Service{&a, &b} {
		s.Policy = setup.Policy{}
		s.Calls, s.CallsPerSecond, s.Replicas, s.TTL, s.P99 = nil, 0, 0, 0, 0
	}
	return same && reflect.DeepEqual(a, b) && sv.ca == caOf(spec)
}

// caOf changes when the file of authorities does.
func caOf(spec *setup.Service) string {
	if spec.TLS == nil || spec.TLS.CA == "" {
		return ""
	}
	return stampOf([]string{spec.TLS.CA})
}

func (p *Proxy) newService(name string, spec *setup.Service) (*service, error) {
	sv := &service{name: name, spec: *spec, scheme: "http", ca: caOf(spec)}
	if spec.TLS != nil {
		sv.scheme = "https"
	}
	resolver, err := resolve.Parse(spec.Target)
	if err != nil {
		return nil, err
	}
	if sv.base, err = newBase(spec, p.params.Log); err != nil {
		return nil, err
	}
	troubles := &troubles{log: p.params.Log, service: name}
	troubles.watch(resolver)
	host, _ := os.Hostname()
	policy := &spec.Policy
	sv.overrides = rota.NewOverrides(resolver)
	sv.client, err = rota.New(rota.Config{
		Service: name, Resolver: sv.overrides, Policy: policy.Policy.Policy, Balancer: policy.NewBalancer(),
		Subset: policy.NewSubset(host, 0), Observer: rota.Observers(p.params.Observer, troubles.observer()),
	})
	if err != nil {
		return nil, err
	}
	sv.transport = &rotahttp.Transport{Client: sv.client, Base: sv.base, MaxReplay: int64(spec.MaxReplay)}
	if spec.Check != nil {
		check := *spec.Check
		if check.Scheme == "" {
			check.Scheme = sv.scheme
		}
		sv.transport.Check = &check
	}
	switch spec.Protocol {
	case "", "http1":
		sv.switching = sv.transport
	case "auto": // HTTP/1.1 is what protocols can be switched from
		base := sv.base.Clone()
		onlyHTTP1(base)
		sv.switching = &rotahttp.Transport{Client: sv.client, Base: base, Probe: rotahttp.Probe{Path: "-"}}
	}
	return sv, nil
}

// replay is up to which size bodies are kept.
func (sv *service) replay() int64 {
	if sv.transport.MaxReplay > 0 {
		return sv.transport.MaxReplay
	}
	return 64 << 10
}

func (sv *service) close() {
	_ = sv.client.Close() // it has no error to tell
	sv.transport.CloseIdleConnections()
	if sv.switching != nil {
		sv.switching.CloseIdleConnections()
	}
}

// newBase returns the http.Transport for a service.
func newBase(spec *setup.Service, log *slog.Logger) (*http.Transport, error) {
	t := rotahttp.NewTransport()
	if spec.Dial > 0 {
		t.DialContext = (&net.Dialer{Timeout: spec.Dial, KeepAlive: 15 * time.Second}).DialContext
		t.TLSHandshakeTimeout = spec.Dial
	}
	t.Protocols = new(http.Protocols)
	switch spec.Protocol {
	case "h2c":
		t.Protocols.SetUnencryptedHTTP2(true)
		t.Protocols.SetHTTP2(true)
	case "http2":
		t.Protocols.SetHTTP2(true)
	case "auto":
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	default:
		onlyHTTP1(t)
	}
	if spec.TLS == nil {
		return t, nil
	}
	var err error
	t.TLSClientConfig, err = clientTLS(spec.TLS, log)
	return t, err
}

func onlyHTTP1(t *http.Transport) {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
}

func clientTLS(spec *setup.ClientTLS, log *slog.Logger) (*tls.Config, error) {
	c := &tls.Config{ServerName: spec.ServerName, MinVersion: tls.VersionTLS12}
	if spec.CA != "" {
		pool, err := setup.ReadPool(spec.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		c.RootCAs = pool
	}
	if spec.Cert != "" {
		pair, err := newKeyPair(log, spec.Cert, spec.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.get(), nil }
	}
	return c, nil
}
