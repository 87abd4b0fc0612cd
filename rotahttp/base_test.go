package rotahttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// base is a RoundTripper of the caller's.
type base struct {
	roundTrip func(*http.Request) (*http.Response, error)
	closed    int
}

func (b *base) RoundTrip(req *http.Request) (*http.Response, error) { return b.roundTrip(req) }
func (b *base) CloseIdleConnections()                               { b.closed++ }

// A RoundTripper of the caller's that does not keep the contract fails a call at worst.
func TestCarelessBase(t *testing.T) {
	broken := errors.New("broken")
	left := track(strings.NewReader("left"))
	tests := []struct {
		name string
		resp *http.Response
		err  error
		ok   bool
	}{
		{"no body", &http.Response{StatusCode: 200}, nil, true},
		{"no body in a failure", &http.Response{StatusCode: 500}, nil, true},
		{"nothing", nil, nil, false},
		{"a reply and an error", &http.Response{StatusCode: 200, Body: left}, broken, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80", "b:80"), Policy: plain})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			b := &base{roundTrip: func(*http.Request) (*http.Response, error) {
				if test.resp == nil {
					return nil, test.err
				}
				resp := *test.resp // every attempt's own
				return &resp, test.err
			}}
			resp, err := (&rotahttp.Transport{Client: client, Base: b}).RoundTrip(request(t.Context(), "GET", nil))
			if (err == nil) != test.ok || (resp != nil) != test.ok || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("RoundTrip() = %v, %v, want a reply = %t", resp, err, test.ok)
			}
			if resp != nil {
				if b, err := io.ReadAll(resp.Body); len(b) > 0 || err != nil || resp.Body.Close() != nil {
					t.Errorf("the body is %q, %v, want none", b, err)
				}
			}
			e := rotahttp.JSON[string, string](client, "GET", "")
			e.HTTP = b
			if _, err := e.Call(t.Context(), ""); err == nil {
				t.Error("Call() = nil, want an error")
			}
			if test.resp != nil && test.resp.Body != nil && !left.wasClosed() {
				t.Error("the body of a reply with an error was not closed")
			}
			for _, n := range client.Stats().Nodes {
				if n.InFlight != 0 {
					t.Errorf("%d attempts are in flight", n.InFlight)
				}
			}
		})
	}
}

// A panic of the caller's RoundTripper reaches the caller, and the reply of an earlier attempt is let go.
func TestPanicAfterAReply(t *testing.T) {
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			bubble(t, 2, nil, driver.policy, func(t *testing.T, w *world) {
				defer func() {
					if v := recover(); v != "no such thing" {
						t.Errorf("recover() = %v, want the panic of the base", v)
					}
				}()
				w.Replica(0).Set(body500("a reply that nobody has read"))
				rt, asked := w.transport(), false
				rt.Base = &base{roundTrip: func(req *http.Request) (*http.Response, error) {
					if asked {
						panic("no such thing")
					}
					asked = true
					return w.Replicas.Transport().RoundTrip(req)
				}}
				rt.RoundTrip(request(t.Context(), "GET", nil))
			})
		})
	}
}

func TestIdleConnectionsAreClosedBelow(t *testing.T) {
	b := &base{}
	(&rotahttp.Transport{Base: b}).CloseIdleConnections()
	(&rotahttp.Endpoint[int, int]{HTTP: b}).CloseIdle()
	if b.closed != 2 {
		t.Errorf("closed %d times, want 2", b.closed)
	}
	// Who cannot close anything is left alone.
	(&rotahttp.Transport{Base: atOnce{}}).CloseIdleConnections()
	(&rotahttp.Transport{}).CloseIdleConnections()
	(&rotahttp.Endpoint[int, int]{}).CloseIdle()
}
