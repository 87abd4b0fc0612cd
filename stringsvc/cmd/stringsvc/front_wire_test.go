package main_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCancelReachesTheReplica(t *testing.T) {
	t.Parallel()
	asked, cancelled := make(chan time.Time, 1), make(chan time.Time, 1)
	var list []*replica
	list, addrs := newReplicas(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- time.Now()
		select {
		case <-r.Context().Done():
			cancelled <- time.Now()
		case <-list[0].closed:
		}
	}))
	p := front(t, addrs)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/uppercase", strings.NewReader(`{"s":"hello"}`))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		ended <- err
	}()
	within(t, asked)
	begin := time.Now()
	cancel()
	// Half of the call's time would bring another attempt, all of it an end.
	if after := within(t, cancelled).Sub(begin); after > soon {
		t.Errorf("the replica learned of it after %v, want at once", after)
	}
	if err := within(t, ended); err == nil {
		t.Error("the cancelled call has an answer")
	}
	eventually(t, "the call is booked", func() bool {
		return p.metric(t, `rota_client_calls_total{result="ignored",service="uppercase"}`) == 1
	})
	if n := p.metric(t, `rota_client_attempts_total{replica="`+list[0].name()+`",service="uppercase",verdict="failure"}`); n != 0 {
		t.Errorf("%v failures of the replica, want none: it was the caller", n)
	}
}

// within takes a value that has to come.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("nothing for %v", patience)
	}
	return v
}

// timeout returns what a request says of the time that is left, in milliseconds.
func timeout(t *testing.T, r *http.Request) int {
	t.Helper()
	ms, err := strconv.Atoi(r.Header.Get("Rota-Timeout-Ms"))
	if err != nil || ms < 1 {
		t.Fatalf("Rota-Timeout-Ms = %q, want a time", r.Header.Get("Rota-Timeout-Ms"))
	}
	return ms
}

// TestTimeLeftReachesTheReplica: what an attempt took is not there for the next,
// and the shortest of a caller's and all fronts' times holds.
func TestTimeLeftReachesTheReplica(t *testing.T) {
	t.Parallel()
	const pause = 50 * time.Millisecond
	list, addrs := newReplicas(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Rota-Attempt") == "2" {
			well.ServeHTTP(w, r)
			return
		}
		<-time.After(pause)
		reset.ServeHTTP(w, r)
	}))
	second := front(t, addrs)
	first := front(t, []string{second.addr()}, "-max-time=20s")
	for _, tt := range []struct {
		caller string
		most   int
	}{{"", 20_000}, {"15000", 15_000}, {"60000", 20_000}} {
		had := len(list[0].requests())
		first.uppercase(t, "hello", "Rota-Timeout-Ms", tt.caller).want(t, 200, 0, ``)
		got := list[0].requests()[had:]
		if len(got) != 2 {
			t.Fatalf("the replica was asked %d times, want twice", len(got))
		}
		a, b := timeout(t, got[0]), timeout(t, got[1])
		if a > tt.most || b > a-int(pause/time.Millisecond) {
			t.Errorf("told %q, the replica was told %d and then %d ms, want at most %d and then %v less", tt.caller, a, b, tt.most, pause)
		}
	}
}

func TestHeadersPassUnchanged(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well)
	second := front(t, addrs)
	first := front(t, []string{second.addr()})
	headers := []string{
		"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"tracestate", "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7", "tracestate", "more=1",
		"baggage", "userId=alice;p=1,serverNode=DF%2028",
		"X-Request-Id", "a b/ç",
		"Rota-Hops", "caller",
	}
	if a := first.uppercase(t, "hello", headers...); a.status != 200 {
		t.Fatalf("answer = %d %s, want 200", a.status, a.body)
	}
	got, want := list[0].requests()[0].Header, http.Header{}
	for i := 0; i < len(headers); i += 2 {
		want.Add(headers[i], headers[i+1])
	}
	for _, name := range []string{"Traceparent", "Tracestate", "Baggage", "X-Request-Id"} {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s = %q, want %q", name, got[name], want[name])
		}
	}
	if hops := got.Get("Rota-Hops"); !regexp.MustCompile(`^caller,[0-9a-f]{12},[0-9a-f]{12}$`).MatchString(hops) {
		t.Errorf("Rota-Hops = %q, want the caller's and two ids", hops)
	}
	if ct := got.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", ct)
	}

	first.all(t, 1) // of a caller that sends none of them
	bare := list[0].requests()[1].Header
	for _, name := range []string{"Traceparent", "Tracestate", "Baggage", "X-Request-Id"} {
		if bare[name] != nil {
			t.Errorf("%s = %q, want none", name, bare[name])
		}
	}
	if hops := bare.Get("Rota-Hops"); strings.Count(hops, ",") != 1 {
		t.Errorf("Rota-Hops = %q, want two ids", hops)
	}
}

func TestReplicaURLs(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, status(200, `{"v":"HELLO"}`))
	for entry, path := range map[string]string{
		addrs[0]:                             "/uppercase",
		" http://" + addrs[0] + "/ ":         "/uppercase",
		"http://" + addrs[0] + "/v1/strings": "/v1/strings",
		addrs[0] + "/a%2Fb%20c":              "/a%2Fb%20c",
		addrs[0] + "/v2":                     "/v2",
	} {
		had := len(list[0].requests())
		p := front(t, []string{entry})
		if a := p.uppercase(t, "hello"); a.status != 200 {
			t.Errorf("-proxy=%q: answer = %d %s, want 200", entry, a.status, a.body)
		}
		for _, r := range list[0].requests()[had:] {
			if r.Method != "POST" || r.RequestURI != path || r.Host != addrs[0] {
				t.Errorf("-proxy=%q: the replica saw %s %s of %s, want POST %s of %s", entry, r.Method, r.RequestURI, r.Host, path, addrs[0])
			}
		}
	}
}

// TestCertificates: a replica nobody vouches for is a bad one, and never asked.
func TestCertificates(t *testing.T) {
	t.Parallel()
	bad := newReplica(t, well)
	secret := httptest.NewUnstartedServer(bad)
	secret.Config.ErrorLog = bad.server.Config.ErrorLog
	secret.StartTLS()
	t.Cleanup(secret.Close)
	_, good := newReplicas(t, well)

	p := front(t, []string{secret.URL})
	p.uppercase(t, "hello").want(t, 502, some, `certificate`)
	p = front(t, []string{secret.URL, good[0]})
	p.all(t, 6)
	if n := len(bad.requests()); n != 0 {
		t.Errorf("the replica was asked %d times, want none", n)
	}
	// The other way round: no TLS there.
	p = front(t, []string{"https://" + good[0]})
	p.uppercase(t, "hello").want(t, 502, some, `TLS handshake`)
}

// TestFrontFinishesItsCalls: a call in flight outlives the signal and the drain.
func TestFrontFinishesItsCalls(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 1), make(chan struct{})
	_, addrs := newReplicas(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		well.ServeHTTP(w, r)
	}))
	p := front(t, addrs, "-drain=50ms")
	ended := make(chan answer, 1)
	go func() { ended <- p.uppercase(t, "hello") }()
	within(t, asked)
	p.signal(t, syscall.SIGTERM)
	eventually(t, "the socket closes", func() bool {
		_, _, err := p.try(t, "GET", "/readyz", "")
		return err != nil
	})
	close(release)
	if a := within(t, ended); a.status != 200 || !strings.HasSuffix(a.header.Get("Rota-Load"), "state=draining") {
		t.Errorf("call in flight = %d %s, Rota-Load %q, want 200, state=draining", a.status, a.body, a.header.Get("Rota-Load"))
	}
	if status := p.exit(t); status != 0 {
		t.Errorf("exit status = %d, want 0", status)
	}
	p.line(t, regexp.MustCompile(` method=uppercase input=hello output=HELLO err=null took=`))
}
