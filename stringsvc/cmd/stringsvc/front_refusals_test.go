package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOverloadedReplicasAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]http.Handler{
		"503": status(503, ``, "Retry-After", "20"),
		"429": status(429, `{"v":"WRONG"}`, "Retry-After", "20"),
		"500": status(500, `{}`, "Retry-After", "20"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, addrs := newReplicas(t, busy, busy, well)
			p := front(t, addrs)
			p.all(t, 10) // which took both out of use, and cost no call
			if a, b := len(list[0].requests()), len(list[1].requests()); a != 1 || b != 1 {
				t.Errorf("replicas that asked to be left alone were asked %d and %d times, want once", a, b)
			}
			list[2].set(busy)
			a := p.uppercase(t, "hello")
			a.want(t, 503, 1, `^status `+name)
			if s := a.retryAfter(); s < 1 || s > 20 {
				t.Errorf("Retry-After = %d, want what is left of 20", s)
			}
			a = p.uppercase(t, "hello")
			a.want(t, 503, 0, ``)
			if s := a.retryAfter(); s < 1 || s > 20 || !strings.Contains(a.err, "every replica is out of use for now") {
				t.Errorf("no attempt could be made: Retry-After = %d, err %q", s, a.err)
			}
			if n := p.metric(t, `rota_client_calls_total{result="unplaced",service="uppercase"}`); n != 1 {
				t.Errorf("%v calls could not be placed, want 1", n)
			}
		})
	}
}

// TestOpenBreakers: a failing replica is left alone, found well again, and the
// log and the metrics tell.
func TestOpenBreakers(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, status(500, `{}`), reset)
	p := front(t, addrs, "-max-attempts=1")
	panicked := func(answer) bool { return p.metric(t, `rota_client_panic{service="uppercase"}`) == 1 }
	a := p.until(t, "both fail", panicked)
	a.want(t, 502, 1, ``)
	if n := len(list[0].requests()); n < 5 {
		t.Errorf("out of use after %d failures, want 5", n)
	}
	list[0].set(well)
	p.until(t, "the breaker closes", func(a answer) bool { return a.status == 200 && !panicked(a) })
	labels := `{replica="` + list[0].name() + `",service="uppercase"`
	if n := p.metric(t, `rota_client_ejections_total`+labels+`}`); n < 1 {
		t.Errorf("%v ejections, want one", n)
	}
	if n := p.metric(t, `rota_client_breaker_state`+labels+`,state="closed"}`); n != 1 {
		t.Errorf("breaker closed = %v, want 1", n)
	}
	open := regexp.MustCompile(`^time=\S+ level=WARN msg="replica out of use" replica=` + list[0].name() + ` why=".+"$`)
	closed := regexp.MustCompile(`^time=\S+ (level=INFO )?msg="replica in use again" replica=` + list[0].name() + `$`)
	for _, want := range []*regexp.Regexp{open, closed} {
		for {
			line, ok := next(t, p.log)
			if !ok {
				t.Fatalf("the log has no %v", want)
			}
			if want.MatchString(line) {
				break
			}
		}
	}
}

func TestAllDraining(t *testing.T) {
	t.Parallel()
	leaving := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Rota-Load", "rif=1, state=draining")
		well.ServeHTTP(w, r)
	})
	list, addrs := newReplicas(t, leaving, leaving, leaving)
	p := front(t, addrs)
	p.all(t, 9) // a replica that drains answers still, and there is no other
	for _, r := range list {
		if n := len(r.requests()); n != 3 {
			t.Errorf("a draining replica was asked %d times, want 3", n)
		}
	}
	list[0].set(well)
}

// TestReplicaGoes ends a replica while calls go on; nobody notices.
func TestReplicaGoes(t *testing.T) {
	t.Parallel()
	replicas := []*process{start(t), start(t, "-drain=500ms"), start(t)}
	p := front(t, []string{replicas[0].addr(), replicas[1].addr(), replicas[2].addr()})
	p.all(t, 6)
	replicas[1].signal(t, syscall.SIGTERM)
	ended := false
	p.until(t, "the replica ends", func(a answer) bool {
		if a.status != 200 {
			t.Errorf("a call while a replica drains = %d %s, want 200", a.status, a.body)
		}
		select {
		case <-replicas[1].exited:
			ended = true
		default:
		}
		return ended
	})
	p.all(t, 6)
	if status := replicas[1].exit(t); status != 0 {
		t.Errorf("exit status of the replica = %d, want 0", status)
	}
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	_, addrs := newReplicas(t, well, well, well)
	p := front(t, addrs, "-qps=1", "-burst=1")
	a := p.until(t, "the limit", func(a answer) bool { return a.status != 200 })
	a.want(t, 429, 0, ``)
	if s := a.retryAfter(); s != 1 || !strings.Contains(a.err, "every replica is at its rate limit") {
		t.Errorf("Retry-After = %d, err %q, want 1 and the reason", s, a.err)
	}
}

func TestRateLimitIsPerReplica(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well, well, well)
	p := front(t, addrs, "-qps=0.01", "-burst=2")
	p.all(t, 6)
	a := p.uppercase(t, "hello")
	a.want(t, 429, 0, ``)
	if s := a.retryAfter(); s < 60 || s > 100 {
		t.Errorf("Retry-After = %d, want about 100", s)
	}
	for _, r := range list {
		if n := len(r.requests()); n != 2 {
			t.Errorf("a replica was asked %d times, want 2", n)
		}
	}
}

// TestSustainedRate: between two moments at which the limit refuses a call, a
// replica gets what its rate allows, no more and no less, however fast the
// machine is. The burst is large so that no pause of the machine overflows it.
func TestSustainedRate(t *testing.T) {
	t.Parallel()
	const perSecond, watch = 100, 1500 * time.Millisecond
	list, addrs := newReplicas(t, well)
	p := front(t, addrs, "-qps=100", "-burst=200")
	// refused returns between which times a call was refused, and what the replica had got by then.
	refused := func() (after, before time.Time, n int) {
		eventually(t, "the limit", func() bool {
			after = time.Now()
			a := p.uppercase(t, "hello")
			before = time.Now()
			return a.status == 429
		})
		return after, before, len(list[0].requests())
	}
	first, begin, had := refused()
	last, end, got := refused()
	for end.Sub(begin) < watch {
		last, end, got = refused()
	}
	n, least, most := float64(got-had), last.Sub(begin).Seconds()*perSecond, end.Sub(first).Seconds()*perSecond
	if n < least-1.01 || n > most+1.01 {
		t.Errorf("%v requests in %v to %v, want %.1f to %.1f", n, last.Sub(begin), end.Sub(first), least, most)
	}
}
