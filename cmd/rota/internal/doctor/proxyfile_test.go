package doctor_test

import (
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/doctor"
	"github.com/rota-go/rota/cmd/rota/internal/document"
)

// The file of a proxy is examined as it is: services with the routes that lead to them, each finding with its line there.
func TestTheFileOfAProxy(t *testing.T) {
	n, err := document.ParseYAML([]byte(`listeners: [{listen: ":8090"}]
routes:
  - service: users
  - path: /slow
    method: [POST]
    service: users
    timeout: 1s
    hedge: {delay: 2s}
services:
  users:
    target: 10.0.0.1:80,10.0.0.2:80,10.0.0.3:80
    policy: {timeout: 2s, retry: {}, hedge: {}, breaker: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	system, err := doctor.Load(n)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]doctor.Finding{}
	for _, f := range doctor.Examine(system) {
		got[f.Rule] = f
	}
	never := got["hedge-never-sent"]
	if never.Line != 8 || never.Field != "routes[1].hedge.delay" {
		t.Errorf("a hedge that is never sent: %+v, want it at routes[1].hedge.delay in line 8", never)
	}
	if f, ok := got["hedge-not-idempotent"]; !ok || !strings.HasPrefix(f.Field, "routes[1]") {
		t.Errorf("a hedge of POSTs that may not be repeated: %+v, %t", f, ok)
	}
	if _, err := doctor.Load(n.With("routes", n.Get("services"))); err == nil {
		t.Error("a file that is no proxy's was taken")
	}
}
