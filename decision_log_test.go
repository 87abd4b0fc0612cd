package rota_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestLoggedDecisionsAreSampled(t *testing.T) {
	var out bytes.Buffer
	o := rota.LogDecisions(slog.New(slog.NewTextHandler(&out, nil)), 10)
	for i := range 1000 { // over a second, of which all are repeated and one in four fails
		d := &rota.Decision{Service: "users", Start: epoch.Add(time.Duration(i) * ms), Traced: o.Traced(epoch.Add(time.Duration(i) * ms))}
		if i%4 == 0 {
			d.Err = errBroken
		}
		o.Decided(d)
	}
	if n := strings.Count(out.String(), "msg=decision"); n != 20 {
		t.Errorf("%d lines for 1000 calls in a second, want 10 that were traced and 10 others", n)
	}
	if s := out.String(); !strings.Contains(s, "level=WARN") || !strings.Contains(s, "level=INFO") {
		t.Errorf("the levels are not those of what happened: %s", s)
	}
}

// Of what nobody reads nothing is made.
func TestDecisionsThatALogDropsAreNotTraced(t *testing.T) {
	var out bytes.Buffer
	o := rota.LogDecisions(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})), 1e6)
	if o.Traced(epoch) {
		t.Error("a call is traced for a log that takes warnings only")
	}
	o.Decided(&rota.Decision{})
	if o.Decided(&rota.Decision{Err: errBroken, Start: epoch}); strings.Count(out.String(), "\n") != 1 {
		t.Errorf("the log has %q, want the one that failed", out.String())
	}
}

// listeners are who may listen to decisions.
var listeners = []struct {
	name     string
	observer func() rota.Observer
}{
	{"nobody", func() rota.Observer { return rota.Observer{} }},
	{"recorder", func() rota.Observer { return rota.NewRecorder(rota.RecorderParams{}).Observer() }},
	{"log", func() rota.Observer { return rota.LogDecisions(slog.New(slog.DiscardHandler), 0) }},
	{"every call", func() rota.Observer {
		return rota.Observer{Traced: func(time.Time) bool { return true }, Decided: func(*rota.Decision) {}}
	}},
}

// listened returns a call of a client whose decisions somebody listens to.
func listened(tb testing.TB, o rota.Observer) func() {
	policy := rota.Policy{Retry: &rota.Retry{TryTimeout: -1}, Breaker: &rota.Breaker{}}
	client, err := rota.New(rota.Config{Service: "bench", Resolver: rota.Static(instances(10)), Policy: policy, Observer: o})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 1, nil }}
	return func() {
		if _, err := rota.Do(context.Background(), client, rota.Call{Idempotent: true}, op); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestNobodyListensForNothing(t *testing.T) {
	oneGoroutine(t) // and a pool that the race detector empties at random
	for _, l := range listeners[:3] {
		call := listened(t, l.observer())
		for range 100 {
			call()
		}
		if n := testing.AllocsPerRun(1000, call); n > 0 { // of a second's 20 a run has one at most
			t.Errorf("%s: %v allocations a call, want 0", l.name, n)
		}
	}
}

// BenchmarkDecisions is what a call pays for its decision: nothing when nobody listens, an atomic load when it is not among
// those that are taken, and a microsecond when it is.
func BenchmarkDecisions(b *testing.B) {
	for _, l := range listeners {
		b.Run(l.name, func(b *testing.B) {
			call := listened(b, l.observer())
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}

func ExampleLogDecisions() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "time", "took", "budget", "try1", "error": // which are others every time
			return slog.Attr{}
		}
		return a
	}}))
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: rota.StaticAddrs("10.0.0.1:8080"),
		Balancer: rota.RoundRobin(),
		Observer: rota.LogDecisions(log, 100),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, _ = rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{
		Send: func(context.Context, *rota.Attempt) (string, error) { return "", errors.New("connection refused") },
	})
	// Output:
	// level=WARN msg=decision call.service=users call.nodes=1 call.from1="10.0.0.1:8080 chosen"
}
