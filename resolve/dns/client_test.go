package dns_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/dnstest"
	"github.com/rota-go/rota/resolve/dns"
)

// TestClient: callers learn why there is nobody to call, and need not start again when there is somebody. From then on an
// outage of DNS is none of theirs.
func TestClient(t *testing.T) {
	server := serve(t, "")
	heard := make(chan error, 100)
	client, err := rota.New(rota.Config{Service: "users", Policy: rota.DefaultPolicy(), Resolver: &dns.Resolver{
		Name: "users.test.:80", Server: server.Addr(), MinInterval: time.Millisecond,
		OnError: func(err error) {
			select {
			case heard <- err:
			default:
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	call := func(timeout time.Duration) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		return rota.Do(ctx, client, rota.Call{}, rota.Op[string]{
			Send: func(_ context.Context, a *rota.Attempt) (string, error) { return a.Instance().Addr, nil },
		})
	}

	for start := time.Now(); ; { // the first lookup may take longer than a short call
		_, err := call(50 * time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Do() = %v, want the end of its context", err)
		}
		if strings.Contains(err.Error(), "dns: lookup users.test. on "+server.Addr()+": no such host") {
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatalf("Do() = %v, without the reason", err)
		}
	}
	setZone(t, server, "users.test 0 A 10.0.0.1")
	if got, err := call(20 * time.Second); err != nil || got != "10.0.0.1:80" {
		t.Errorf("Do() = %q, %v, want the instance", got, err)
	}
	server.SetFault(func(dnstest.Question) dnstest.Fault { return dnstest.Fault{RCode: 2} })
	await(t, heard, "server misbehaving")
	if got, err := call(20 * time.Second); err != nil || got != "10.0.0.1:80" {
		t.Errorf("Do() during an outage = %q, %v, want the instance", got, err)
	}
}
