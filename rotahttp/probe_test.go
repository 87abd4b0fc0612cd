package rotahttp_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// asking goes round, and has every replica probed at every pick.
type asking struct {
	mu       sync.Mutex
	asked    int // probes that it was promised
	refused  int
	answers  map[string][]rota.Load // of probes, by address
	replies  map[string][]rota.Load // of attempts
	answered chan bool              // nil = nobody waits
}

func (a *asking) balancer() rota.Balancer {
	a.answers, a.replies = map[string][]rota.Load{}, map[string][]rota.Load{}
	return func(nodes []*rota.Node) rota.Picker { return &askingPicker{asking: a, nodes: nodes} }
}

// askingPicker takes the nodes strictly in turn, which RoundRobin does for each processor.
type askingPicker struct {
	*asking
	nodes []*rota.Node
	turn  int
}

func (p *askingPicker) Pick(pick *rota.Pick) *rota.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.nodes {
		if pick.Probe(n) {
			p.asked++
		} else {
			p.refused++
		}
	}
	for range p.nodes {
		n := p.nodes[p.turn%len(p.nodes)]
		if p.turn++; pick.Usable(n) {
			return n
		}
	}
	return nil
}

func (p *askingPicker) Probed(_ time.Duration, n *rota.Node, l rota.Load) {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr := n.Instance().Addr
	p.answers[addr] = append(p.answers[addr], l)
	if p.answered != nil {
		p.answered <- true
	}
}

func (p *askingPicker) Ended(n *rota.Node, e *rota.End) {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr := n.Instance().Addr
	p.replies[addr] = append(p.replies[addr], e.Load)
}

// said returns what the replica at addr has said to probes.
func (a *asking) said(addr string) []rota.Load {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]rota.Load(nil), a.answers[addr]...)
}

// probing runs a test with n replicas whose client's balancer is a.
func probing(t *testing.T, n int, h http.Handler, a *asking, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, n, h)
		client, err := rota.New(rota.Config{Resolver: rs.Resolver(), Policy: plain, Balancer: a.balancer()})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w := &world{Replicas: rs, client: client, attempts: new(atomic.Uint64)}
		defer w.check(t)
		test(t, w)
	})
}

// probes returns how many the replica i has seen.
func (w *world) probes(i int) (n int) {
	for _, r := range w.Replica(i).Seen() {
		if r.URI == rotahttp.DefaultLoadPath {
			n++
		}
	}
	return n
}

// The balancer hears of every replica, over the transports that there are; the service's handlers hear nothing.
func TestProbe(t *testing.T) {
	var handled atomic.Int64
	h := rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handled.Add(1)
		if r.URL.Path == rotahttp.DefaultLoadPath {
			t.Error("a probe has reached the handler")
		}
		time.Sleep(time.Millisecond)
		io.WriteString(w, `"x"`)
	}), rotahttp.ServerPolicy{})
	tests := []struct {
		name string
		call func(*testing.T, *world) func() error
	}{
		{"Transport", func(t *testing.T, w *world) func() error {
			rt := w.transport()
			return func() error { call(t, rt); return nil }
		}},
		{"Transport with a RoundTripper of the caller's", func(t *testing.T, w *world) func() error {
			rt := &rotahttp.Transport{Client: w.client, Base: w.Transport()}
			return func() error { call(t, rt); return nil }
		}},
		{"Endpoint", func(t *testing.T, w *world) func() error {
			e := w.endpoint("GET")
			return func() error { _, err := e.Call(t.Context(), "x"); return err }
		}},
		{"two Endpoints", func(t *testing.T, w *world) func() error {
			one, other := w.endpoint("GET"), w.endpoint("PUT")
			return func() error {
				_, err := one.Call(t.Context(), "x")
				if err == nil {
					_, err = other.Call(t.Context(), "x")
				}
				return err
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := new(asking)
			handled.Store(0)
			probing(t, 3, h, a, func(t *testing.T, w *world) {
				send := test.call(t, w)
				for range 5 {
					if err := send(); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				answers, total := 0, 0
				for i := range w.Len() {
					total += w.Replica(i).Calls()
					said := a.said(w.Replica(i).Addr())
					answers += len(said)
					if n := w.probes(i); n < 5 || n != len(said) {
						t.Errorf("replica %d was probed %d times, the balancer heard %d answers, want 5 or more", i, n, len(said))
					}
					for _, l := range said {
						if !l.Known || l.RIF > 1 {
							t.Errorf("replica %d has said %+v", i, l)
						}
					}
				}
				if answers > a.asked || total != int(handled.Load())+answers {
					t.Errorf("%d answers to %d questions; %d requests, %d of them handled", answers, a.asked, total, handled.Load())
				}
			})
		})
	}
}

// Over TLS a probe is for the service's name, as requests are, whatever the address; over HTTP/2, too.
func TestProbeTLS(t *testing.T) {
	ca := newAuthority(t)
	for name, http1 := range map[string]bool{"HTTP/2": false, "HTTP/1.1": true} {
		t.Run(name, func(t *testing.T) {
			gate := rotahttp.Handler(http.HandlerFunc(upper), rotahttp.ServerPolicy{})
			protos := make(chan string, 10)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == rotahttp.DefaultLoadPath {
					protos <- r.Proto + " " + r.Host + " " + r.TLS.ServerName
				}
				gate.ServeHTTP(w, r)
			}))
			srv.EnableHTTP2 = true
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "users.test")}}
			srv.StartTLS()
			defer srv.Close()
			base := rotahttp.NewTransport()
			base.TLSClientConfig = &tls.Config{RootCAs: ca.pool}
			base.ForceAttemptHTTP2 = !http1
			a := &asking{answered: make(chan bool, 10)}
			addr := srv.Listener.Addr().String()
			client, err := rota.New(rota.Config{Resolver: rota.StaticAddrs(addr), Balancer: a.balancer()})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			rt := &rotahttp.Transport{Client: client, Base: base, Probe: rotahttp.Probe{Timeout: 10 * time.Second}}
			defer rt.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), "GET", "https://users.test/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			<-a.answered
			want := "HTTP/2.0 users.test users.test"
			if http1 {
				want = "HTTP/1.1 users.test users.test"
			}
			if said, got := a.said(addr), <-protos; len(said) == 0 || !said[0].Known || got != want {
				t.Errorf("it was asked by %q, and has said %+v, want %q", got, said, want)
			}
		})
	}
}

// A replica without the path is asked once a minute; one that does not answer, once in ten Timeouts. Neither is a failure.
func TestProbeWithoutAnswer(t *testing.T) {
	upperGate := rotahttp.Handler(http.HandlerFunc(upper), rotahttp.ServerPolicy{})
	status := func(code int) func(w http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(code) } }
	tests := []struct {
		name        string
		answer      func(w http.ResponseWriter)
		least, most int // probes within ten minutes of a call each second
	}{
		{"not found", status(404), 10, 11},
		{"not allowed", status(405), 10, 11},
		{"not implemented", status(501), 10, 11},
		{"for others only", status(401), 10, 11},
		{"elsewhere", status(302), 10, 11},
		{"a page", status(200), 10, 11},
		{"an answer that says nothing", status(204), 10, 11},
		{"an answer of another kind", func(w http.ResponseWriter) { w.Header().Set("Rota-Load", "state=ok"); w.WriteHeader(204) }, 10, 11},
		{"overloaded", status(503), 290, 600},
		{"too many", status(429), 290, 600},
		{"broken", status(500), 290, 600},
		{"too late", func(w http.ResponseWriter) { time.Sleep(150 * time.Millisecond); status(204)(w) }, 290, 600},
		{"an answer", func(w http.ResponseWriter) { w.Header().Set("Rota-Load", "rif=7"); w.WriteHeader(204) }, 600, 600},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := new(asking)
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == rotahttp.DefaultLoadPath {
					test.answer(w)
					return
				}
				upperGate.ServeHTTP(w, r)
			})
			probing(t, 2, h, a, func(t *testing.T, w *world) {
				rt := w.transport()
				for range 600 {
					call(t, rt)
					time.Sleep(time.Second)
				}
				synctest.Wait()
				for i := range 2 {
					said := a.said(w.Replica(i).Addr())
					if n := w.probes(i); n < test.least || n > test.most || n != len(said) {
						t.Errorf("%d probes, %d answers, want %d to %d", n, len(said), test.least, test.most)
					}
					if s := w.node(i); s.Breaker != "closed" || s.Attempts != (rota.VerdictCounts{Success: 300}) {
						t.Errorf("replica %d: %s, %+v, want 300 successes and nothing else", i, s.Breaker, s.Attempts)
					}
					for _, l := range said {
						if want := (rota.Load{Known: true, RIF: 7}); l != want && l != (rota.Load{}) || l.Known != (test.name == "an answer") {
							t.Errorf("the balancer was told %+v", l)
						}
					}
				}
			})
		})
	}
}

// Few are asked at once, few wait, and of the rest the balancer hears at once that nobody asks.
func TestProbesAreBounded(t *testing.T) {
	gate := rotahttp.Handler(http.HandlerFunc(upper), rotahttp.ServerPolicy{})
	var now, most atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == rotahttp.DefaultLoadPath {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(10 * time.Millisecond)
		}
		gate.ServeHTTP(w, r)
	})
	a := new(asking)
	probing(t, 20, h, a, func(t *testing.T, w *world) {
		rt := w.transport()
		rt.Probe = rotahttp.Probe{Workers: 2, Queue: 5}
		for range 10 { // at one instant
			call(t, rt)
		}
		synctest.Wait()
		if sure := 20*10 - 7*10; a.refused < sure || a.asked > 70 {
			t.Errorf("%d probes were promised, %d not, want at most 7 replicas promised each time", a.asked, a.refused)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		answers := 0
		for i := range w.Len() {
			answers += len(a.said(w.Replica(i).Addr()))
		}
		// The queue alone is full when the workers begin after the last call.
		if answers < 5 || answers > 7 || most.Load() != 2 {
			t.Errorf("%d answers, %d at once at most, want 5 to 7 and 2", answers, most.Load())
		}
	})
}

// A replica that says that it drains is left alone before a call has met it.
func TestProbeHearsOfDrain(t *testing.T) {
	gates := map[string]*rotahttp.Gate{}
	for _, addr := range []string{"replica-0:80", "replica-1:80"} {
		gates[addr] = rotahttp.Handler(http.HandlerFunc(upper), rotahttp.ServerPolicy{})
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gates[rotatest.Addr(r)].ServeHTTP(w, r) })
	a := new(asking)
	probing(t, 2, h, a, func(t *testing.T, w *world) {
		rt := w.transport()
		call(t, rt) // of replica 0
		call(t, rt)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		gates["replica-1:80"].Drain(ctx)
		call(t, rt) // of replica 0, and both are probed
		synctest.Wait()
		before := w.Replica(1).Calls() - w.probes(1)
		for range 10 {
			call(t, rt)
		}
		synctest.Wait()
		if n := w.Replica(1).Calls() - w.probes(1) - before; n != 0 {
			t.Errorf("the replica that drains has had %d calls, want none", n)
		}
		if w.node(1).Attempts.Success != 1 {
			t.Errorf("%+v", w.node(1))
		}
	})
}

// A replica that leaves is not probed any more, and one that comes is. A path of "-" is none.
func TestProbesFollowTheSet(t *testing.T) {
	for _, off := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rs := rotatest.New(t, 2, rotahttp.Handler(http.HandlerFunc(upper), rotahttp.ServerPolicy{}))
			set := make(chan []rota.Instance)
			a := new(asking)
			client, err := rota.New(rota.Config{Resolver: sets(set), Policy: plain, Balancer: a.balancer()})
			if err != nil {
				t.Fatal(err)
			}
			w := &world{Replicas: rs, client: client}
			defer w.check(t)
			rt := w.transport()
			if off {
				rt.Probe.Path = "-"
			}
			both := []rota.Instance{{Addr: "replica-0:80"}, {Addr: "replica-1:80"}}
			var seen [3][2]int
			for i, s := range [][]rota.Instance{both[:1], both, both[1:]} {
				set <- s
				synctest.Wait()
				for range 10 {
					call(t, rt)
					synctest.Wait()
				}
				seen[i] = [2]int{w.probes(0), w.probes(1)}
			}
			want := [3][2]int{{10, 0}, {20, 10}, {20, 20}}
			if off {
				want = [3][2]int{}
			}
			if seen != want {
				t.Errorf("off: %t: the replicas have seen %v probes, want %v", off, seen, want)
			}
		})
	}
}

// What a reply says of the load reaches the balancer, whatever else it says.
func TestRepliesBringTheLoad(t *testing.T) {
	want := rota.Load{Known: true, RIF: 3, Latency: 1200 * time.Microsecond, Rate: 57, Utilization: 0.53}
	for _, status := range []int{200, 404, 429, 500, 503} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Rota-Load", "rif=3, latency-us=1200, rate=57, util=0.53, state=ok")
			w.WriteHeader(status)
			if status == 200 {
				io.WriteString(w, `"x"`)
			}
		})
		for _, kind := range []string{"Transport", "Endpoint", "Endpoint with a Classify"} {
			a := new(asking)
			probing(t, 1, h, a, func(t *testing.T, w *world) {
				e := w.endpoint("POST")
				switch kind {
				case "Transport":
					call(t, w.transport())
				case "Endpoint with a Classify":
					e.Classify = func(rotahttp.Reply, rota.Outcome) rota.Outcome { return rota.Outcome{Verdict: rota.Overload} }
					fallthrough
				default:
					e.Call(t.Context(), "x")
				}
				synctest.Wait()
				got := a.replies["replica-0:80"]
				if len(got) == 0 || got[0] != want {
					t.Errorf("%s, %d: the balancer was told %+v, want %+v", kind, status, got, want)
				}
			})
		}
	}
}
