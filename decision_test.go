package rota_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// decide makes one call in a world and returns what was decided for it.
func decide(t *testing.T, w *world, call rota.Call) *rota.Decision {
	t.Helper()
	var got *rota.Decision
	call.Decided = func(d *rota.Decision) {
		if got != nil {
			t.Error("one call was decided twice")
		}
		got = d
	}
	w.begin(call, time.Time{})
	w.run()
	if got == nil {
		t.Fatal("nothing was told of the call")
	}
	return got
}

func TestDecisionTellsWhyACallWentWhereItDid(t *testing.T) {
	policy := rota.Policy{Timeout: time.Second, Retry: &rota.Retry{TryTimeout: -1}, Breaker: &rota.Breaker{Failures: 3}}
	w := newWorld(1, policy, 4, rota.LeastLoaded())
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(3) {
			return ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
		return 5 * ms, rota.Outcome{}
	}
	for !slices.ContainsFunc(w.cl.Stats(w.now).Nodes, func(n rota.NodeStats) bool { return n.Breaker == "open" }) {
		w.begin(rota.Call{Idempotent: true}, time.Time{})
		w.run()
	}
	d := decide(t, w, rota.Call{Idempotent: true})
	if len(d.Tries) != 1 || !d.Tries[0].Won || d.Err != nil || !d.Traced || d.Nodes != 4 || d.Deadline != time.Second || d.Took != 5*ms {
		t.Errorf("%+v, want one try of 4 nodes that won after 5 ms of a second", d)
	}
	seen := map[string]rota.Candidate{}
	for _, c := range d.Tries[0].Looked {
		seen[c.Addr] = c
		if c.Chosen != (c.Addr == d.Tries[0].Instance.Addr) {
			t.Errorf("%s chosen: %t, though the try went to %s", c.Addr, c.Chosen, d.Tries[0].Instance.Addr)
		}
	}
	if c := seen[addr(3)]; c.Passed != "breaker open" {
		t.Errorf("the node that fails: %+v, want that its breaker is open", c)
	}
	if c := seen[d.Tries[0].Instance.Addr]; c.Score != 0 || c.Passed != "" {
		t.Errorf("the node chosen: %+v, want the score 0 of an idle one", c)
	}
}

func TestDecisionOfARetry(t *testing.T) {
	w := newWorld(1, rota.Policy{Retry: &rota.Retry{}}, 2, rota.RoundRobin())
	first := true
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		if first {
			first = false
			return 3 * ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
		return 4 * ms, rota.Outcome{}
	}
	d := decide(t, w, rota.Call{Idempotent: true})
	if len(d.Tries) != 2 {
		t.Fatalf("%d tries, want 2", len(d.Tries))
	}
	a, b := d.Tries[0], d.Tries[1]
	if a.Cause != rota.First || a.Took != 3*ms || a.Verdict != rota.Failure || a.Err != errBroken || a.Won {
		t.Errorf("the first try: %+v", a)
	}
	if b.Cause != rota.Retried || b.After != 3*ms || b.Took != 4*ms || !b.Won {
		t.Errorf("the second try: %+v", b)
	}
	if !slices.ContainsFunc(b.Looked, func(c rota.Candidate) bool { return c.Addr == a.Instance.Addr && c.Passed == "tried already" }) {
		t.Errorf("looked at for the retry: %+v, want that the first was tried already", b.Looked)
	}
}

func TestDecisionOfAHedge(t *testing.T) {
	w := newWorld(1, rota.Policy{Hedge: &rota.Hedge{Delay: 10 * ms}}, 2, rota.RoundRobin())
	slow := true
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		if slow {
			slow = false
			return time.Second, rota.Outcome{}
		}
		return 5 * ms, rota.Outcome{}
	}
	d := decide(t, w, rota.Call{Idempotent: true})
	if len(d.Tries) != 2 || !d.Tries[0].UnderWay || d.Tries[0].Took != 15*ms || d.Tries[1].Cause != rota.Hedged || !d.Tries[1].Won {
		t.Errorf("%+v, want a first try that is under way after 15 ms, and a hedge that won", d.Tries)
	}
}

// An attempt that the deadline ends has timed out, though nothing has come of it yet.
func TestDecisionOfADeadline(t *testing.T) {
	w := newWorld(1, rota.Policy{Timeout: 10 * ms}, 1, rota.RoundRobin())
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return time.Second, rota.Outcome{} }
	d := decide(t, w, rota.Call{})
	text, err := json.Marshal(d)
	if err != nil || !strings.Contains(string(text), `"result":"timed out"`) {
		t.Errorf("%s, %v; want a try that timed out", text, err)
	}
}

// Who has nothing traced is told of what is not as it should be: failures, and calls of several attempts.
func TestOnlyTroubleIsToldUntraced(t *testing.T) {
	var told []*rota.Decision
	cl := rota.NewCluster(rota.ClusterParams{
		Policy: rota.Policy{Retry: &rota.Retry{}}, Now: epoch, Rand: func() uint64 { return 1 },
		Observer: rota.Observer{Decided: func(d *rota.Decision) { told = append(told, d) }},
	})
	cl.Update(epoch, instances(3))
	for _, verdict := range []rota.Verdict{rota.Success, rota.Failure} {
		p := cl.Plan(epoch, time.Time{}, rota.Call{})
		p.Ended(epoch.Add(ms), p.Next(epoch).Attempt, rota.Outcome{Verdict: verdict, Err: errBroken})
		p.Next(epoch.Add(ms))
		p.Close()
	}
	p := cl.Plan(epoch, time.Time{}, rota.Call{Idempotent: true})
	p.Ended(epoch.Add(ms), p.Next(epoch).Attempt, rota.Outcome{Verdict: rota.Failure, Err: errBroken})
	p.Ended(epoch.Add(2*ms), p.Next(epoch.Add(ms)).Attempt, rota.Outcome{})
	p.Next(epoch.Add(2 * ms))
	p.Close()
	if len(told) != 2 || len(told[1].Tries) != 2 || told[1].Err != nil {
		t.Fatalf("told of %d calls, want of the one that failed and the one that was repeated", len(told))
	}
	if told[0].Err == nil || told[0].Traced || told[0].Tries[0].Looked != nil {
		t.Errorf("told of %d calls, want of that, untraced: %+v", len(told), told)
	}
}

// Every balancer's traced calls name the node they went to, and untraced ones allocate nothing for it.
func TestEveryBalancerIsTraced(t *testing.T) {
	for _, c := range everyBalancer() {
		t.Run(c.name, func(t *testing.T) {
			f := newFarm(1, rota.Policy{Retry: &rota.Retry{}}, 5, c.make())
			f.traffic(2*time.Second, 10*ms)
			f.run(t, 1)
			for range 20 {
				d := decide(t, f.world, rota.Call{Idempotent: true, Key: f.Uint64()})
				chosen := 0
				for _, c := range d.Tries[0].Looked {
					if c.Chosen {
						chosen++
						if c.Addr != d.Tries[0].Instance.Addr {
							t.Errorf("chosen is %s, and the try went to %s", c.Addr, d.Tries[0].Instance.Addr)
						}
					}
				}
				if chosen != 1 {
					t.Fatalf("%d candidates were chosen of %+v", chosen, d.Tries[0].Looked)
				}
			}
		})
	}
}

// Whoever is chosen by turns was as idle as the others: its own attempt is not in flight before it is sent.
func TestDecisionDoesNotCountItsOwnAttempt(t *testing.T) {
	for name, balancer := range map[string]rota.Balancer{"rr": rota.RoundRobin(), "ll": rota.LeastLoaded(), "echo": rota.Echo(rota.EchoParams{})} {
		w := newWorld(1, rota.Policy{Timeout: time.Second}, 3, balancer)
		w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) { return ms, rota.Outcome{} }
		for range 5 {
			for _, c := range decide(t, w, rota.Call{}).Tries[0].Looked {
				if c.InFlight != 0 {
					t.Errorf("%s: %+v, want nothing in flight", name, c)
				}
			}
		}
	}
}

func TestDecisionAsTextAndJSON(t *testing.T) {
	d := &rota.Decision{
		Service: "users", Start: epoch, Took: 1500 * time.Microsecond, Err: errBroken, Budget: 1.25, Nodes: 2, Traced: true,
		Tries: []rota.Try{{
			Instance: rota.Instance{Addr: "a:80"}, Took: ms, Verdict: rota.Failure, Err: errFull,
			Looked: []rota.Candidate{{Addr: "a:80", Score: math.NaN(), Chosen: true}, {Addr: "b:80", Score: 2, Passed: "rests"}},
		}},
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"service":"users","start":"2026-01-01T00:00:00Z","ms":1.5,"error":"broken","tries":[{"replica":"a:80",` +
		`"cause":"first","after_ms":0,"ms":1,"result":"failure","error":"full","looked":[{"replica":"a:80","in_flight":0,"chosen":true},` +
		`{"replica":"b:80","score":2,"in_flight":0,"passed":"rests"}]}],"budget":1.3,"nodes":2,"traced":true}`
	if string(b) != want {
		t.Errorf("JSON:\n%s\nwant:\n%s", b, want)
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("call", "call", d)
	for _, want := range []string{`call.service=users`, `call.budget=1.3`, `call.try1="a:80 first after 0s: failure in 1ms: full" call.from1="a:80 chosen, b:80 score 2 passed over: rests"`} {
		if s := out.String(); !strings.Contains(s, want) {
			t.Errorf("as text: %s, want %s", s, want)
		}
	}
}

func TestRecorderKeepsTheLast(t *testing.T) {
	r := rota.NewRecorder(rota.RecorderParams{Size: 4, PerSecond: 10})
	o := r.Observer()
	traced := 0
	for i := range 1000 { // over a second
		if o.Traced(epoch.Add(time.Duration(i) * ms)) {
			traced++
			o.Decided(&rota.Decision{Traced: true, Nodes: traced})
		}
	}
	if traced != 10 {
		t.Errorf("%d of 1000 calls in a second were traced, want 10", traced)
	}
	list, next, more := r.Since(0)
	if len(list) != 4 || list[0].Nodes != 7 || list[3].Nodes != 10 || next != 10 {
		t.Errorf("%d are kept, the next is %d", len(list), next)
	}
	if list, _, _ := r.Since(9); len(list) != 1 {
		t.Errorf("since 9: %d, want the last one", len(list))
	}
	select {
	case <-more:
		t.Error("there is no more yet")
	default:
	}
	for i := range 100 { // failures at the same time
		o.Decided(&rota.Decision{Start: epoch.Add(time.Duration(i) * time.Microsecond), Err: errBroken})
	}
	<-more
	if _, next, _ := r.Since(0); next != 11 {
		t.Errorf("of 100 failures at a time %d are kept, want 1", next-10)
	}
}

func TestObserversTellAll(t *testing.T) {
	got := ""
	o := rota.Observers(
		rota.Observer{Traced: func(time.Time) bool { got += "a"; return true }, CallEnded: func(rota.CallEvent) { got += "1" }},
		rota.Observer{},
		rota.Observer{Traced: func(time.Time) bool { got += "b"; return false }, CallEnded: func(rota.CallEvent) { got += "2" }},
	)
	if !o.Traced(epoch) {
		t.Error("one wants the call traced")
	}
	o.CallEnded(rota.CallEvent{})
	if got != "ab12" || o.SetChanged != nil {
		t.Errorf("told %q, want ab12 and nobody else", got)
	}
}

// What took a replica out of use is told.
func TestEjectionsHaveReasons(t *testing.T) {
	for _, c := range []struct {
		name string
		hurt func(w *world)
		want string
	}{
		{"failures", func(w *world) {
			w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
				if a.Instance().Addr == addr(0) {
					return ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
				}
				return ms, rota.Outcome{}
			}
			for range 20 {
				w.begin(rota.Call{}, time.Time{})
				w.run()
			}
		}, "failures in a row"},
		{"a check", func(w *world) { w.cl.Checked(w.now, addr(0), false) }, "active check"},
		{"by hand", func(w *world) {
			if !w.cl.Eject(w.now, addr(0)) || w.cl.Eject(w.now, "nobody") {
				t.Error("Eject reports the wrong thing")
			}
		}, "by hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{}}, 3, rota.RoundRobin())
			c.hurt(w)
			s := w.cl.Stats(w.now).Nodes
			if s[0].Why != c.want || s[0].Breaker == "closed" || s[1].Why != "" {
				t.Errorf("%s for %q and %q, want it out for %q and the next well", s[0].Breaker, s[0].Why, s[1].Why, c.want)
			}
		})
	}
}
