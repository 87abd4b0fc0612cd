package rotahttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// world is a service and its client, in a bubble. When the test ends it checks that nothing is left behind: no attempt
// in flight, no connection in use.
type world struct {
	*rotatest.Replicas
	client   *rota.Client
	attempts *atomic.Uint64 // that calls have had, as they ended
	mu       sync.Mutex
	idle     []func() // close what is idle
}

// bubble runs a test with n replicas that answer with h (nil = upper). Calls go to replica 0 first and then in turn.
func bubble(t *testing.T, n int, h http.HandlerFunc, p rota.Policy, test func(*testing.T, *world)) {
	t.Helper()
	if h == nil {
		h = upper
	}
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, n, h)
		attempts := new(atomic.Uint64)
		client, err := rota.New(rota.Config{
			Service: "users", Resolver: rs.Resolver(), Policy: p, Balancer: rota.RoundRobinFrom(0),
			Observer: rota.Observer{CallEnded: func(e rota.CallEvent) { attempts.Add(uint64(e.Attempts)) }},
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // for the first set
		w := &world{Replicas: rs, client: client, attempts: attempts}
		defer w.check(t) // before t.Context ends, and with it what was leaked
		test(t, w)
	})
}

func (w *world) check(t *testing.T) {
	w.client.Close()
	synctest.Wait()
	for _, closeIdle := range w.idle {
		closeIdle()
	}
	s := w.client.Stats()
	if s.Calls.InFlight != 0 {
		t.Errorf("%d calls are in flight at the end", s.Calls.InFlight)
	}
	for _, n := range s.Nodes {
		if n.InFlight != 0 {
			t.Errorf("%s has %d attempts in flight at the end", n.Instance.Addr, n.InFlight)
		}
	}
	if n := w.InUse(); n != 0 {
		t.Errorf("%d connections are in use at the end", n)
	}
}

// endpoint returns one that calls upper. POST may not be sent twice.
func (w *world) endpoint(method string) *rotahttp.Endpoint[string, string] {
	e := rotahttp.JSON[string, string](w.client, method, "/upper")
	e.HTTP = w.base()
	w.closing(e.CloseIdle)
	return e
}

func (w *world) transport() *rotahttp.Transport {
	t := &rotahttp.Transport{Client: w.client, Base: w.base()}
	w.closing(t.CloseIdleConnections)
	return t
}

func (w *world) closing(closeIdle func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, closeIdle)
}

// base is what users have who give none, but for the network.
func (w *world) base() *http.Transport {
	t := rotahttp.NewTransport()
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return w.DialContext(ctx, network, addr)
	}
	return t
}

// calls returns how many requests each replica has seen.
func (w *world) calls() (c []int) {
	for i := range w.Len() {
		c = append(c, w.Replica(i).Calls())
	}
	return c
}

// node returns what the client knows of replica i.
func (w *world) node(i int) rota.NodeStats { return w.client.Stats().Nodes[i] }

// upper is a replica's handler: it answers a JSON string in upper case, followed by its own address.
func upper(w http.ResponseWriter, r *http.Request) {
	var s string
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil && err != io.EOF {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	json.NewEncoder(w).Encode(strings.ToUpper(s) + " from " + rotatest.Addr(r))
}

// body replies 200 with a body.
func body(s string) rotatest.Fault {
	return rotatest.Reply(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }))
}

// A policy that lets a call be driven without timers, and one with all parts on. They are the two drivers of the core.
var (
	plain = rota.DefaultPolicy()
	timed = rota.Policy{
		Timeout: 250 * time.Millisecond, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
	}
)
