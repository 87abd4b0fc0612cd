package rotahttp_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// The instance's scheme, host and path take the place of the service's; all else of the URL stays.
func TestTransportURL(t *testing.T) {
	tests := []struct {
		name, addr, url, host string
		wantURI, wantHost     string
	}{
		{name: "host and port", addr: "replica-0:80", url: "http://users/a?b=c", wantURI: "/a?b=c", wantHost: "users"},
		{name: "no path", addr: "replica-0:80", url: "http://users", wantURI: "/", wantHost: "users"},
		{name: "a path of its own", addr: "http://replica-0:80/v2/", url: "http://users/a", wantURI: "/v2/a", wantHost: "users"},
		{name: "a path of its own alone", addr: "http://replica-0:80/v2", url: "http://users", wantURI: "/v2", wantHost: "users"},
		{name: "https to the service", addr: "http://replica-0:80", url: "https://users/a", wantURI: "/a", wantHost: "users"},
		{name: "escapes", addr: "replica-0:80", url: "http://users/a%2Fb%20c", wantURI: "/a%2Fb%20c", wantHost: "users"},
		{name: "escapes after a path", addr: "http://replica-0:80/v 2", url: "http://users/a%2Fb", wantURI: "/v%202/a%2Fb", wantHost: "users"},
		{name: "escapes in the address", addr: "http://replica-0:80/v%2F2", url: "http://users/a b", wantURI: "/v%2F2/a%20b", wantHost: "users"},
		{name: "a Host of the caller's", addr: "replica-0:80", url: "http://users/a", host: "other", wantURI: "/a", wantHost: "other"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rs := rotatest.New(t, 1, http.HandlerFunc(upper))
				client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs(test.addr), Policy: plain})
				if err != nil {
					t.Fatal(err)
				}
				w := &world{Replicas: rs, client: client}
				defer w.check(t)
				req, err := http.NewRequest("GET", test.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				if test.host != "" {
					req.Host = test.host
				}
				resp, err := w.transport().RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := rs.Replica(0).Seen()[0]; got.URI != test.wantURI || got.Host != test.wantHost {
					t.Errorf("the replica saw %s at %s, want %s at %s", got.URI, got.Host, test.wantURI, test.wantHost)
				}
			})
		})
	}
}

// A handshake that fails has brought no request to anybody: even a POST goes elsewhere.
func TestTLSThatFails(t *testing.T) {
	t.Run("no TLS there", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rs := rotatest.New(t, 2, http.HandlerFunc(upper))
			client, err := rota.New(rota.Config{
				Resolver: rota.StaticAddrs("https://replica-0:80", "replica-1:80"), Policy: plain, Balancer: rota.RoundRobinFrom(0),
			})
			if err != nil {
				t.Fatal(err)
			}
			w := &world{Replicas: rs, client: client}
			defer w.check(t)
			if got, err := w.endpoint("POST").Call(t.Context(), "hello"); got != "HELLO from replica-1:80" || err != nil {
				t.Errorf("Call() = %q, %v, want the answer of replica 1", got, err)
			}
		})
	})
	t.Run("nobody knows who signed it", func(t *testing.T) {
		stranger := httptest.NewUnstartedServer(http.HandlerFunc(upper))
		stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
		stranger.StartTLS()
		defer stranger.Close()
		client, err := rota.New(rota.Config{
			Resolver: rota.StaticAddrs(stranger.URL), Policy: rota.Policy{Retry: &rota.Retry{Attempts: 2}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		e := rotahttp.JSON[string, string](client, "POST", "")
		defer e.CloseIdle()
		_, err = e.Call(t.Context(), "hello")
		if call, ok := errors.AsType[*rota.CallError](err); !ok || len(call.Attempts) < 2 {
			t.Errorf("err = %v, want another attempt after the first", err)
		}
	})
}
