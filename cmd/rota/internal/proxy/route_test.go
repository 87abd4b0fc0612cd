package proxy_test

import (
	"strings"
	"testing"
)

// The most specific route takes a request: by its host, then its path, then its headers and method, wherever it stands.
func TestRoutes(t *testing.T) {
	w := start(t, 1, echo, `
routes:
  - {name: any, service: users}
  - {name: below, host: "*.example", service: users}
  - {name: deeper, host: "*.b.example.", service: users}
  - {name: exact, host: A.example, service: users}
  - {name: path, host: a.example, path: /api, service: users}
  - {name: longer, host: a.example, path: /api/v1/, service: users}
  - {name: get, host: a.example, path: /api, method: [GET], service: users}
  - {name: canary, host: a.example, path: /api, method: [GET], header: {x-canary: "yes"}, service: users}
  - {name: said, host: a.example, path: /api, header: {X-Canary: "*", X-Other: "*"}, service: users}
  - {name: six, host: "[::1]", service: users}
access_log: {to: stdout, format: json}
`)
	requests := []struct{ host, method, path, headers, want string }{
		{"other", "GET", "/", "", "any"}, {"example", "GET", "/", "", "any"}, {"xexample", "GET", "/", "", "any"},
		{"x.example", "GET", "/", "", "below"}, {"x.y.example:8080", "GET", "/", "", "below"}, {"b.example", "GET", "/", "", "below"},
		{"x.b.example", "GET", "/", "", "deeper"}, {"X.B.Example.", "GET", "/", "", "deeper"},
		{"a.example", "GET", "/", "", "exact"}, {"A.EXAMPLE.:80", "GET", "/apis", "", "exact"},
		{"a.example", "POST", "/api", "", "path"}, {"a.example", "POST", "/api/x", "", "path"}, {"a.example.", "GET", "/api/v1/x", "", "longer"},
		{"a.example", "GET", "/api", "", "get"}, {"a.example", "GET", "/api/", "X-Canary: no", "get"},
		{"a.example", "GET", "/api", "X-Canary: yes", "canary"}, {"a.example", "GET", "/api", "x-canary: no\r\nX-Canary: yes", "canary"},
		{"a.example", "POST", "/api", "X-Canary: yes", "path"}, {"a.example", "POST", "/api", "X-Canary: 1\r\nX-Other: 2", "said"},
		{"[::1]", "GET", "/", "", "six"}, {"[::1]:8080", "GET", "/", "", "six"}, {"[::2]", "GET", "/", "", "any"},
	}
	for _, r := range requests {
		text := r.method + " " + r.path + " HTTP/1.1\r\nHost: " + r.host + "\r\nConnection: close\r\n"
		if r.headers != "" {
			text += r.headers + "\r\n"
		}
		if resp, body := w.verbatim(t, text+"\r\n"); resp.StatusCode != 200 || !strings.Contains(body, " host="+r.host+" ") {
			t.Errorf("%+v: %d %s", r, resp.StatusCode, body)
		}
	}
	for i, line := range w.lines(t) {
		if line["route"] != requests[i].want {
			t.Errorf("%+v took %v", requests[i], line["route"])
		}
	}
}
