package main_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// soon is when a call whose time is up has to be over, on the slowest machine.
const soon = 10 * time.Second

func TestHungReplicas(t *testing.T) {
	t.Parallel()
	const timedOut = `^timed out: context deadline exceeded$`
	tests := []struct {
		name     string
		flags    []string
		timeout  string // Rota-Timeout-Ms of the caller
		least    time.Duration
		attempts int
		outcome  string
	}{
		{name: "max-time", flags: []string{"-max-time=250ms"}, least: 250 * time.Millisecond, attempts: 3},
		{name: "every attempt has its own", flags: []string{"-try-time=50ms"}, least: 150 * time.Millisecond, attempts: 3},
		{name: "one attempt", flags: []string{"-max-time=100ms", "-max-attempts=1"}, least: 100 * time.Millisecond, attempts: 1},
		{name: "the caller's", timeout: "100", least: 100 * time.Millisecond, attempts: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, addrs := newReplicas(t, nil, nil, nil)
			for _, r := range list {
				r.set(r.hang())
			}
			p := front(t, addrs, tt.flags...)
			var headers []string
			if tt.timeout != "" {
				headers = []string{"Rota-Timeout-Ms", tt.timeout}
			}
			begin := time.Now()
			p.uppercase(t, "hello", headers...).want(t, 504, tt.attempts, timedOut)
			if took := time.Since(begin); took < tt.least || took > tt.least+soon {
				t.Errorf("the answer came after %v, want %v", took, tt.least)
			}
			for i, r := range list {
				for _, req := range r.requests() {
					select {
					case <-req.Context().Done():
					case <-time.After(patience):
						t.Errorf("the request to replica %d was not given up", i)
					}
				}
			}
		})
	}
}

// TestHalfBodyThenNothing hangs after the headers.
func TestHalfBodyThenNothing(t *testing.T) {
	t.Parallel()
	var list []*replica
	stuck := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "13")
		_, _ = w.Write([]byte(`{"v":"HELLO`))
		_ = http.NewResponseController(w).Flush()
		list[0].hang().ServeHTTP(w, r)
	})
	list, addrs := newReplicas(t, stuck)
	p := front(t, addrs, "-max-time=200ms")
	p.uppercase(t, "hello").want(t, 504, 1, `timed out`)
}

func TestTimeWasUpOnArrival(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well)
	p := front(t, addrs)
	p.uppercase(t, "hello", "Rota-Timeout-Ms", "0").want(t, 504, 0, ``)
	if n := len(list[0].requests()); n != 0 {
		t.Errorf("the replica was asked %d times, want none", n)
	}
	p.uppercase(t, "hello", "Rota-Timeout-Ms", "soon") // is none: 200
	if n := len(list[0].requests()); n != 1 {
		t.Errorf("the replica was asked %d times, want once", n)
	}
}

// TestOneHungReplica: with the flags as they are, but for a time that a busy
// machine keeps too, no call fails, and the hung replica is found out.
func TestOneHungReplica(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"default":  {"-max-time=2s"},
		"no hedge": {"-max-time=2s", "-hedge=false"},
		"try-time": {"-try-time=200ms"},
		"p2c":      {"-max-time=2s", "-balancer=p2c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, addrs := newReplicas(t, nil, well, well)
			list[0].set(list[0].hang())
			p := front(t, addrs, flags...)
			p.together(t, 12)
			p.together(t, 12)
			p.all(t, 6)
			if n := p.metric(t, `rota_client_ejections_total{replica="`+list[0].name()+`",service="uppercase"}`); n < 1 && name != "p2c" {
				t.Errorf("the hung replica was taken out of use %v times, want once or more", n)
			}
		})
	}
}

// TestFirstAttemptGoesOn: what is sent after half of the time does not end the
// first attempt, whose answer may still come first.
func TestFirstAttemptGoesOn(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, nil, nil)
	asked := make(chan struct{})
	list[0].set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-asked:
			well.ServeHTTP(w, r)
		case <-list[0].closed:
		}
	}))
	list[1].set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		list[1].hang().ServeHTTP(w, r)
	}))
	p := front(t, addrs, "-max-time=2s")
	begin := time.Now()
	if a := p.uppercase(t, "hello"); a.status != 200 {
		t.Errorf("answer = %d %s, want 200", a.status, a.body)
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("the second replica was asked before %v, want half of the time", took)
	}
}

func TestHedging(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well, well, well)
	p := front(t, addrs)
	hedges := func() float64 { return p.metric(t, `rota_client_hedges_total{service="uppercase"}`) }
	p.all(t, 60)
	list[0].set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(50 * time.Millisecond) // slower than nearly all answers so far
		well.ServeHTTP(w, r)
	}))
	p.all(t, 3)
	list[0].set(well)
	p.all(t, 36)
	if n := hedges(); n != 0 {
		t.Errorf("%v hedges before 100 answers, want none", n)
	}
	eventually(t, "there is a delay", func() bool {
		p.all(t, 1)
		return p.metric(t, `rota_client_hedge_delay_seconds{service="uppercase"}`) >= 0.001
	})
	list[0].set(list[0].hang())
	begin, before := time.Now(), hedges()
	p.all(t, 6)
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("6 calls took %v, want no wait for half of the time", took)
	}
	if n := hedges() - before; n < 2 {
		t.Errorf("%v hedges of 6 calls, want one for each of two hung ones", n)
	}
	eventually(t, "the attempts that lost end", func() bool {
		return p.metric(t, `rota_client_in_flight{replica="`+list[0].name()+`",service="uppercase"}`) == 0
	})
}

// TestNoHedging: without hedges, a slow replica is waited for.
func TestNoHedging(t *testing.T) {
	t.Parallel()
	list, addrs := newReplicas(t, well, well, well)
	p := front(t, addrs, "-hedge=false")
	p.all(t, 120)
	list[0].set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(100 * time.Millisecond)
		well.ServeHTTP(w, r)
	}))
	p.all(t, 6)
	for _, name := range []string{"hedges", "retries"} {
		if n := p.metric(t, `rota_client_`+name+`_total{service="uppercase"}`); n != 0 {
			t.Errorf("%v %s, want none", n, name)
		}
	}
	for i, r := range list {
		if n := len(r.requests()); n != 42 {
			t.Errorf("replica %d was asked %d times, want a third of 126", i, n)
		}
	}
}

func TestMaxAttempts(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 8} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			t.Parallel()
			list, addrs := newReplicas(t, reset, reset)
			p := front(t, addrs, "-max-attempts="+strconv.Itoa(most))
			p.uppercase(t, "hello").want(t, 502, most, `reset|forcibly|EOF`)
			if n := len(list[0].requests()) + len(list[1].requests()); n != most {
				t.Errorf("the replicas were asked %d times, want %d", n, most)
			}
			if n := p.metric(t, `rota_client_retries_total{service="uppercase"}`); n != float64(most-1) {
				t.Errorf("%v retries, want %d", n, most-1)
			}
		})
	}
}
