package rotahttp

import (
	"net/http"
	"sync"

	"github.com/rota-go/rota"
)

// routes finds the Route of a request.
type routes struct {
	client *rota.Client
	mux    *http.ServeMux // nil = only methods count
	known  sync.Map       // pattern or method -> *rota.Route
}

// of takes patterns, which must be valid: as with http.ServeMux, one that is not panics.
func (r *routes) of(c *rota.Client, patterns []string) {
	r.client = c
	if len(patterns) == 0 {
		return
	}
	r.mux = http.NewServeMux()
	for _, p := range patterns {
		r.mux.Handle(p, http.NotFoundHandler())
	}
}

func (r *routes) find(req *http.Request) *rota.Route {
	name := req.Method
	if r.mux != nil && req.URL != nil {
		if _, pattern := r.mux.Handler(req); pattern != "" {
			name = pattern
		}
	}
	if route, ok := r.known.Load(name); ok {
		return route.(*rota.Route)
	}
	route := r.client.Route(name)
	if route.Name() == name { // and not one for all that are too many
		r.known.Store(name, route)
	}
	return route
}
