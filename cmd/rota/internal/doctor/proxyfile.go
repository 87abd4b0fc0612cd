package doctor

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/internal/tree"
)

// ofProxy reports whether a document is the file of a proxy.
func ofProxy(n *tree.Node) bool { return n.Get("listeners") != nil }

// loadProxy reads the file of a proxy: its services, each with the routes that lead to it.
func loadProxy(n *tree.Node) (System, error) {
	s := System{Line: func(path string) int { return n.Errorf(path, "").Line }}
	file, err := setup.FromTree(n)
	if err != nil {
		return System{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		spec := file.Services[name]
		service := Service{
			Name: name, Target: spec.Target, Field: "services." + name, PolicyField: "services." + name + ".policy",
			Protocol: spec.Protocol, TLS: spec.TLS != nil, Policy: spec.Policy.Policy, Check: spec.Check, Calls: spec.Calls,
			CallsPerSecond: spec.CallsPerSecond, Replicas: spec.Replicas, TTL: spec.TTL, P99: spec.P99, RoutesOnly: true,
		}
		switch spec.Protocol {
		case "":
			service.Protocol = "http1"
		case "auto":
			service.Protocol = ""
		}
		for i := range file.Routes {
			if r := &file.Routes[i]; r.Service == name {
				route, err := routeOf(r, i, &spec)
				if err != nil {
					return System{}, err
				}
				service.Routes = append(service.Routes, route)
			}
		}
		s.Services = append(s.Services, service)
	}
	return s, nil
}

func routeOf(r *setup.Route, i int, service *setup.Service) (Route, error) {
	policy, own, err := service.Policy.For(r)
	route := Route{
		Name: r.Name, Field: fmt.Sprintf("routes[%d]", i), PolicyField: "services." + r.Service + ".policy",
		Policy: policy, Idempotent: r.Idempotent || repeats(r.Method), Key: r.Key,
	}
	if own {
		route.PolicyField = route.Field
	}
	return route, err
}

// repeats reports whether some of a route's requests may be repeated because of their method (RFC 9110, 9.2.2); none given
// is any.
func repeats(methods []string) bool {
	return len(methods) == 0 || slices.ContainsFunc(methods, func(m string) bool {
		switch m {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
			return true
		}
		return false
	})
}
