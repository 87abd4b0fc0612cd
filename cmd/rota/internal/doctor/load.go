package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/rotahttp"
)

// Load reads the file of a proxy, a document with services, or one with a policy and nothing else. The error names the line
// and the key of everything that is wrong with it.
func Load(n *tree.Node) (System, error) {
	if ofProxy(n) {
		return loadProxy(n)
	}
	s := System{Line: func(path string) int { return n.Errorf(path, "").Line }}
	services := n.Get("services")
	if services == nil {
		p, err := config.Parse(n)
		s.Services = []Service{{Policy: p}}
		return s, err
	}
	var doc struct{ Services map[string]serviceSpec }
	if err := tree.Decode(n, &doc); err != nil {
		return System{}, err
	}
	var errs []*tree.Error
	for _, f := range services.Fields { // in their order, which a map does not have
		spec := doc.Services[f.Key]
		service, err := spec.service(f)
		for _, e := range tree.All(err) {
			errs = append(errs, &tree.Error{Line: e.Line, Path: below(service.Field, e.Path), Err: e.Err})
		}
		s.Services = append(s.Services, service)
	}
	return s, tree.Join(errs)
}

// serviceSpec is what a file says of a service.
type serviceSpec struct {
	Target         string
	Protocol       string
	TLS            bool
	Policy         config.Policy
	Check          *rotahttp.Check
	Deadline       time.Duration
	Routes         map[string]routeSpec
	Calls          []string
	CallsPerSecond float64
	Replicas       int
	TTL            time.Duration
	Latency, P99   time.Duration
}

// routeSpec is what a file says of a route. Its policy is laid over the service's, key by key, and is read for that once
// more: here it is only to be one.
type routeSpec struct {
	Idempotent bool
	Deadline   time.Duration
	Policy     config.Policy
}

// Validate returns an error that names the first field whose value cannot be meant.
func (s *serviceSpec) Validate() error {
	switch s.Protocol {
	case "", "http1", "http2", "h2c":
	default:
		return fmt.Errorf("doctor: Protocol = %q, want http1, http2 or h2c", s.Protocol)
	}
	if s.Check != nil && s.Check.Path == "" {
		return fmt.Errorf("doctor: Check.Path = %q, want one such as /readyz", s.Check.Path)
	}
	for _, x := range []struct {
		field string
		value float64
	}{{"CallsPerSecond", s.CallsPerSecond}, {"Replicas", float64(s.Replicas)}} {
		if x.value < 0 {
			return fmt.Errorf("doctor: %s = %v, want 0 (unknown) or more", x.field, x.value)
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"Deadline", s.Deadline}, {"TTL", s.TTL}, {"Latency", s.Latency}, {"P99", s.P99}} {
		if d.value < 0 {
			return fmt.Errorf("doctor: %s = %v, want 0 (unknown) or more", d.field, d.value)
		}
	}
	return nil
}

// service returns what is examined of the service in f.
func (s *serviceSpec) service(f tree.Field) (Service, error) {
	out := Service{
		Name: f.Key, Target: s.Target, Field: "services." + f.Key, Protocol: s.Protocol, TLS: s.TLS, Policy: s.Policy,
		Check: s.Check, Deadline: s.Deadline, Calls: s.Calls, CallsPerSecond: s.CallsPerSecond, Replicas: s.Replicas, TTL: s.TTL,
		Latency: s.Latency, P99: s.P99,
	}
	out.PolicyField = out.Field + ".policy"
	routes := f.Value.Get("routes")
	if routes == nil {
		return out, nil
	}
	var errs []error
	for _, r := range routes.Fields {
		route := Route{
			Name: r.Key, Field: out.Field + ".routes." + r.Key, Idempotent: s.Routes[r.Key].Idempotent,
			Deadline: s.Routes[r.Key].Deadline, Policy: s.Policy,
		}
		route.PolicyField = route.Field + ".policy"
		if over := r.Value.Get("policy"); over != nil && over.Kind == tree.Map {
			p, err := config.Parse(config.Merge(cmp.Or(f.Value.Get("policy"), &tree.Node{Kind: tree.Map}), over))
			for _, e := range tree.All(err) {
				errs = append(errs, &tree.Error{Line: e.Line, Path: below("routes."+r.Key+".policy", e.Path), Err: e.Err})
			}
			route.Policy = p
		}
		out.Routes = append(out.Routes, route)
	}
	return out, errors.Join(errs...)
}
