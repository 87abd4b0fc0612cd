package rota_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

// What was learned about replicas outlives another policy and another balancer.
func TestApplyForgetsNothing(t *testing.T) {
	w := newWorld(1, rota.Policy{Breaker: &rota.Breaker{Open: time.Hour}}, 3, rota.RoundRobin())
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		if a.Instance().Addr == addr(0) {
			return ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
		}
		return 5 * ms, rota.Outcome{}
	}
	for range 30 {
		w.begin(rota.Call{}, time.Time{})
		w.run()
	}
	before := w.cl.Stats(w.now)
	w.cl.Apply(w.now, rota.Policy{Breaker: &rota.Breaker{Open: time.Minute}, Retry: &rota.Retry{}}, rota.Echo(rota.EchoParams{}))
	after := w.cl.Stats(w.now)
	for i, n := range after.Nodes {
		if n != before.Nodes[i] {
			t.Errorf("%+v, want %+v as before", n, before.Nodes[i])
		}
	}
	if s := before.Nodes[0]; s.Breaker != "open" {
		t.Fatalf("the node that fails is %s", s.Breaker)
	}
	if got := w.pickOne(t); got == addr(0) {
		t.Error("the node that was out got a call")
	}
	w.cl.Apply(w.now, rota.Policy{}, nil)
	if s := w.cl.Stats(w.now).Nodes[0]; s.Breaker != "closed" {
		t.Errorf("without a Breaker the node is %s, want closed", s.Breaker)
	}
}

// pickOne makes a call and returns where it went first.
func (w *world) pickOne(t *testing.T) string {
	t.Helper()
	return decide(t, w, rota.Call{}).Tries[0].Instance.Addr
}

// A call goes on by the rules with which it began; the next has the new ones.
func TestApplyIsForTheNextCall(t *testing.T) {
	w := newWorld(1, rota.Policy{Retry: &rota.Retry{Attempts: 2}}, 3, rota.RoundRobin())
	w.respond = func(*rota.Attempt) (time.Duration, rota.Outcome) {
		return 10 * ms, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
	}
	w.begin(rota.Call{Idempotent: true}, time.Time{})
	w.cl.Apply(w.now, rota.Policy{}, nil)
	w.run()
	if w.sent != 2 {
		t.Errorf("a call of before made %d attempts, want 2", w.sent)
	}
	w.begin(rota.Call{Idempotent: true}, time.Time{})
	w.run()
	if w.sent != 3 {
		t.Errorf("a call of after made %d attempts, want 1", w.sent-2)
	}
}

// Every balancer may follow every other while calls go on: for the race detector, and nothing is left in flight.
func TestApplyInAStorm(t *testing.T) {
	all := everyBalancer()
	cl := rota.NewCluster(rota.ClusterParams{Policy: rota.Policy{}, Now: epoch, Rand: rand.Uint64, Concurrent: true})
	cl.Update(epoch, zoned(instances(8)))
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() { stormyCalls(cl, rand.New(rand.NewPCG(uint64(g), 0)), 500+seeds) })
	}
	wg.Go(func() {
		policies := []rota.Policy{{}, {Breaker: &rota.Breaker{}, Retry: &rota.Retry{}}, {Throttle: &rota.Throttle{}}}
		for i := range 200 {
			now := epoch.Add(time.Duration(i) * ms)
			cl.Apply(now, policies[i%3], all[i%len(all)].make())
			cl.Tick(now)
		}
	})
	wg.Wait()
	for _, n := range cl.Nodes() {
		if n.InFlight() != 0 {
			t.Errorf("%s has %d in flight at the end", n.Instance().Addr, n.InFlight())
		}
	}
}

// A balancer that wants to be called now and then is, though the one before did not.
func TestApplyWakesTheTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:1", "b:1"), Balancer: rota.RoundRobin()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		asked := 0
		c.ProbeWith(func(*rota.Node) bool { asked++; return true })
		if err := c.Apply(rota.Policy{Timeout: -1}, nil); err == nil {
			t.Error("a policy that is not valid was applied")
		}
		if err := c.Apply(rota.Policy{}, rota.YARP(rota.YARPParams{})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if asked < 10 {
			t.Errorf("%d probes in 5 s, want about 20", asked)
		}
	})
}

func ExampleClient_Apply() {
	client, err := rota.New(rota.Config{Service: "users", Resolver: rota.StaticAddrs("10.0.0.1:8080")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Apply(rota.Policy{Retry: &rota.Retry{Attempts: -1}}, nil))
	fmt.Println(client.Apply(rota.Policy{Retry: &rota.Retry{}}, rota.RoundRobin()))
	_, err = rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{
		Send:     func(context.Context, *rota.Attempt) (string, error) { return "answered", nil },
		Classify: func(string, error) rota.Outcome { return rota.Outcome{} },
	})
	fmt.Println(err)
	// Output:
	// rota: Retry.Attempts = -1, want 0 (the default) to 8
	// <nil>
	// <nil>
}
