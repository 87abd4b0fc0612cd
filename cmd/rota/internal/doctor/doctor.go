// Package doctor finds mistakes in policies: what cannot do what it says, what is probably not meant, and what becomes of
// it when services that call each other are looked at together. It measures nothing: all it knows is what is written.
package doctor

import (
	"cmp"
	"slices"
	"time"

	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/rotahttp"
)

// System is services and how they are called. A zero number means that nobody has said it; rules that would need it then
// say nothing.
type System struct {
	Services []Service
	// Line returns the line of a path such as services.users.policy.retry, or of the deepest part of it that is there; 0 =
	// unknown. nil = no lines are known.
	Line func(path string) int
}

// Service is one service as one caller has it: a process with its own breakers, budget and rate limits.
type Service struct {
	Name   string
	Target string // as resolve.Parse takes it; "" = not said
	// Field is the place of the service in its file, such as services.users, and PolicyField that of its policy. "" = the
	// document itself.
	Field, PolicyField string
	Protocol           string // http1, http2 or h2c; "" = as scheme and TLS have it
	TLS                bool   // beside what the target's scheme says; with it HTTP/2 is agreed upon if both know it
	Policy             config.Policy
	Check              *rotahttp.Check // nil = none
	Deadline           time.Duration   // of a call, by its caller or its route; 0 = none
	Routes             []Route         // some of its calls, each with a policy of its own
	RoutesOnly         bool            // there are no others: of Policy is told only what holds in all routes
	Calls              []string        // names of services that its replicas call in turn

	CallsPerSecond float64       // of the caller: breakers, budgets and limits are each process's own
	Replicas       int           // how many addresses Target resolves to
	TTL            time.Duration // of the DNS records
	Latency, P99   time.Duration // of an answer: the median and the 99th percentile
}

// Route is some of the calls of a service.
type Route struct {
	Name               string
	Field, PolicyField string        // as in Service
	Idempotent         bool          // some of its requests may be repeated: by their method, or because the file says so
	Deadline           time.Duration // 0 = the service's
	Policy             config.Policy // the whole of it: what the route says laid over the service's
	Key                string        // the header that chooses the replica; "" = none
}

// Severity is how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // it cannot do what it says
	Warning Severity = "warning" // it is probably not meant
	Info    Severity = "info"    // good to know
)

// Severities returns all of them, the worst first.
func Severities() []Severity { return []Severity{Error, Warning, Info} }

// AtLeast reports whether s is as bad as least, or worse.
func (s Severity) AtLeast(least Severity) bool {
	return slices.Index(Severities(), s) <= slices.Index(Severities(), least)
}

// Finding is one mistake.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	File     string   `json:"file,omitempty"` // for whoever examines several
	Service  string   `json:"service,omitempty"`
	Route    string   `json:"route,omitempty"` // "" = all calls of the service
	Field    string   `json:"field"`           // the path in the file
	Line     int      `json:"line,omitempty"`  // 0 = unknown
	Reason   string   `json:"reason"`
	Number   string   `json:"number"` // what it leads to, defaults applied
	Fix      string   `json:"fix"`
}

// Examine returns what all rules find in s: in the order of lines, and in the order of services and rules where there are
// none. It is the same for the same System.
func Examine(s System) []Finding {
	e := examination{system: &s}
	for i := range s.Services {
		e.service(&s.Services[i])
	}
	for i := range rules {
		if r := &rules[i]; r.system != nil {
			for _, f := range r.system(&s) {
				e.add(r, view{Service: f.service}, f.found)
			}
		}
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return e.findings
}

type examination struct {
	system   *System
	findings []Finding
}

// service applies what looks at one service: to its own policy, and to that of each route, of which is told only what the
// service's own does not have.
func (e *examination) service(s *Service) {
	own := newView(s, nil)
	for i := range rules {
		if r := &rules[i]; r.service != nil {
			if f, ok := r.service(own); ok {
				e.add(r, own, f)
			}
		}
	}
	all, routes := own.hits(), make([][]hit, len(s.Routes))
	for i := range s.Routes {
		routes[i] = newView(s, &s.Routes[i]).hits()
	}
	if s.RoutesOnly && len(routes) > 0 {
		all = slices.DeleteFunc(all, func(h hit) bool {
			return slices.ContainsFunc(routes, func(r []hit) bool { return !slices.Contains(r, h) })
		})
	}
	for _, h := range all {
		e.add(h.rule, own, h.found)
	}
	for i, r := range routes {
		for _, h := range r {
			if !slices.Contains(all, h) {
				e.add(h.rule, newView(s, &s.Routes[i]), h.found)
			}
		}
	}
}

// hit is what a rule has found in a policy.
type hit struct {
	rule *rule
	found
}

// hits applies what looks at one policy. Of one that is not valid nothing else is told: its numbers mean nothing.
func (v view) hits() (all []hit) {
	valid := v.Policy().Validate() == nil
	for i := range rules {
		r := &rules[i]
		if r.call == nil || !valid && r.ID != invalidID {
			continue
		}
		if f, ok := r.call(v); ok {
			all = append(all, hit{r, f})
		}
	}
	return all
}

func (e *examination) add(r *rule, v view, f found) {
	out := Finding{
		Severity: r.Severity, Rule: r.ID, Service: v.Name, Field: v.path(f.field), Reason: f.reason, Number: f.number, Fix: f.fix,
	}
	if v.route != nil {
		out.Route = v.route.Name
	}
	if e.system.Line != nil {
		out.Line = e.system.Line(out.Field)
	}
	e.findings = append(e.findings, out)
}
