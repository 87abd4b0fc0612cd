package rota_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
)

// told is a Resolver whose sets come from a test, and that counts how often it is to look again.
type told struct {
	sets      chan []rota.Instance
	fails     chan error
	refreshed int
}

func newTold() *told { return &told{sets: make(chan []rota.Instance), fails: make(chan error)} }

func (r *told) Resolve(ctx context.Context, update func([]rota.Instance)) error {
	for {
		select {
		case set := <-r.sets:
			update(set)
		case err := <-r.fails:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *told) Refresh() { r.refreshed++ }

// overridden runs Overrides over a Resolver of the test; last returns the set that was told last, as "addr addr*weight drained-".
func overridden(t *testing.T) (o *rota.Overrides, r *told, last func() string) {
	r = newTold()
	o = rota.NewOverrides(r)
	ctx, stop := context.WithCancel(context.Background())
	sets, done := make(chan []rota.Instance, 100), make(chan error)
	go func() { done <- o.Resolve(ctx, func(set []rota.Instance) { sets <- set }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Resolve() = %v, want %v", err, context.Canceled)
		}
	})
	said := "nothing"
	return o, r, func() string {
		synctest.Wait()
		for len(sets) > 0 {
			var words []string
			for _, inst := range <-sets {
				word := inst.Addr
				if inst.Weight != 0 {
					word += fmt.Sprintf("*%d", inst.Weight)
				}
				if inst.Drained {
					word += "-"
				}
				words = append(words, word)
			}
			said = strings.Join(words, " ")
		}
		return said
	}
}

func TestOverridesChangeTheSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r, last := overridden(t)
		want := func(step, set string) {
			t.Helper()
			if got := last(); got != set {
				t.Errorf("%s: the set is %q, want %q", step, got, set)
			}
		}
		fails := func(err error, about string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), about) {
				t.Errorf("error = %v, want one about %q", err, about)
			}
		}
		want("before the first set", "nothing")
		fails(o.Drain("a"), "no replica")
		r.sets <- []rota.Instance{{Addr: "a"}, {Addr: "b", Weight: 2}, {Addr: "c"}}
		want("as told", "a b*2 c")
		if err := o.Drain("a"); err != nil {
			t.Error(err)
		}
		want("drained", "a- b*2 c")
		if err := o.SetWeight("c", 7); err != nil {
			t.Error(err)
		}
		want("weighted", "a- b*2 c*7")
		fails(o.SetWeight("c", -1), "-1")
		fails(o.SetWeight("c", rota.MaxWeight+1), "want 0 to")
		fails(o.SetWeight("x", 1), "no replica")
		if err := o.Drain("b"); err != nil {
			t.Error(err)
		}
		fails(o.Drain("c"), "last replica")
		want("the last stays", "a- b*2- c*7")
		if got, want := o.List(), []rota.Override{{Addr: "a", Drained: true}, {Addr: "b", Drained: true}, {Addr: "c", Weight: 7}}; !slices.Equal(got, want) {
			t.Errorf("List() = %v, want %v", got, want)
		}
		r.sets <- []rota.Instance{{Addr: "a"}, {Addr: "b"}}
		want("none but drained ones", "a b")
		r.sets <- []rota.Instance{{Addr: "a"}, {Addr: "b"}, {Addr: "c"}}
		want("rules outlast an absence", "a- b- c*7")
		if !o.Undrain("a") || o.Undrain("a") {
			t.Error("Undrain() does not say whether it was drained")
		}
		if !o.Reset("c") || !o.Reset("b") || o.Reset("b") || len(o.List()) != 0 {
			t.Error("Reset() does not say whether there was something, or leaves something")
		}
		want("all undone", "a b c")
		if o.Refresh(); r.refreshed != 1 {
			t.Errorf("refreshed %d times, want 1", r.refreshed)
		}
	})
}

func TestOverridesPassOnThatAResolverReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, gone := newTold(), errors.New("gone")
		o := rota.NewOverrides(r)
		var sets [][]rota.Instance
		done := make(chan error)
		go func() {
			done <- o.Resolve(context.Background(), func(set []rota.Instance) { sets = append(sets, set) })
		}()
		r.sets <- []rota.Instance{{Addr: "a"}}
		r.fails <- gone
		if err := <-done; err != gone || len(sets) != 1 {
			t.Errorf("Resolve() = %v after %d sets, want %v after 1", err, len(sets), gone)
		}
	})
}

// A call that was under way on a drained replica ends there; the next goes elsewhere.
func TestDrainedReplicaEndsItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := instances(2)
		o := rota.NewOverrides(rota.Static(set))
		f := newFleet(t, 2, rota.Config{Resolver: o, Policy: rota.Policy{}})
		release := make(chan struct{})
		f.set(0, func(context.Context) (string, error) { <-release; return "late", nil })
		answer := make(chan string)
		go func() {
			reply, _ := f.call(context.Background())
			answer <- reply
		}()
		synctest.Wait()
		if err := o.Drain(set[0].Addr); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 4 {
			if reply, err := f.call(context.Background()); reply != set[1].Addr || err != nil {
				t.Errorf("call = %q, %v, want %q", reply, err, set[1].Addr)
			}
		}
		close(release)
		if got := <-answer; got != "late" {
			t.Errorf("the call under way = %q, want late", got)
		}
		if err := f.client.Close(); err != nil {
			t.Error(err)
		}
	})
}

// While a replica is drained its statistics say what is still under way there; when it is back, what was known of it is.
func TestDrainedReplicaIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := instances(4)
		o := rota.NewOverrides(rota.Static(set))
		var events []rota.SetEvent
		f := newFleet(t, 4, rota.Config{
			Resolver: o, Policy: rota.Policy{Breaker: &rota.Breaker{}, SlowStart: time.Minute}, Balancer: rota.RoundRobinFrom(0),
			Subset:   func(set []rota.Instance) []rota.Instance { return set[:min(3, len(set))] },
			Observer: rota.Observer{SetChanged: func(e rota.SetEvent) { events = append(events, e) }},
		})
		defer f.client.Close()
		release := make(chan struct{})
		for range 6 {
			_, _ = f.call(context.Background())
		}
		for i := range set {
			f.set(i, func(context.Context) (string, error) { <-release; return "late", nil })
		}
		late := make(chan struct{})
		go func() {
			defer close(late)
			_, _ = f.call(context.Background())
		}()
		synctest.Wait()
		busy := f.sent[len(f.sent)-1]
		had := uint64(0) // answers, before
		for _, addr := range f.sent[:6] {
			if addr == busy {
				had++
			}
		}
		if err := o.Drain(busy); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		of := func() (n rota.NodeStats, order string) {
			s := f.client.Stats()
			for i := range s.Nodes {
				if order += s.Nodes[i].Instance.Addr + " "; s.Nodes[i].Instance.Addr == busy {
					n = s.Nodes[i]
				}
			}
			if s.Used() != 3 {
				t.Errorf("%d replicas are used, want 3, as the subset says", s.Used())
			}
			return n, order
		}
		if n, order := of(); !n.Instance.Drained || n.InFlight != 1 || n.Attempts.Success != had || !strings.HasSuffix(order, busy+" ") {
			t.Errorf("drained: %+v, order %s", n, order)
		}
		close(release)
		<-late
		if n, _ := of(); n.InFlight != 0 || n.Attempts.Success != had+1 {
			t.Errorf("drained, and its last call has ended: %+v", n)
		}
		o.Undrain(busy)
		synctest.Wait()
		if n, _ := of(); n.Instance.Drained || n.Attempts.Success != had+1 || !n.Warming {
			t.Errorf("taken back: %+v, want its history, and a slow start", n)
		}
		said := ""
		for _, e := range events {
			said += fmt.Sprintf("%d +%d -%d; ", e.Size, len(e.Added), len(e.Removed))
		}
		if want := "3 +3 -0; 3 +1 -1; 3 +1 -1; "; said != want {
			t.Errorf("events: %s, want %s", said, want)
		}
	})
}

// A set of none but drained replicas is taken for a fault, as an empty one is.
func TestSetOfDrainedReplicasIsNotBelieved(t *testing.T) {
	now := time.Now()
	cl := rota.NewCluster(rota.ClusterParams{Service: "s", Now: now, Rand: func() uint64 { return 0 }})
	set := instances(2)
	cl.Update(now, set)
	gone := instances(2)
	gone[0].Drained, gone[1].Drained = true, true
	stats := cl.Stats(now)
	if changed := cl.Update(now, gone); changed || len(cl.Nodes()) != 2 || stats.Used() != 2 || cl.Nodes()[0].Instance().Drained {
		t.Errorf("Update() = %v, and leaves %d nodes", changed, len(cl.Nodes()))
	}
}

func ExampleOverrides() {
	overrides := rota.NewOverrides(rota.StaticAddrs("10.0.0.1:8080", "10.0.0.2:8080"))
	client, err := rota.New(rota.Config{Service: "users", Resolver: overrides})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	sets := make(chan []rota.Instance, 10)
	client.Watch(func(set []rota.Instance) { sets <- set })

	fmt.Println(len(<-sets), "replicas")
	fmt.Println(overrides.Drain("10.0.0.1:8080"))
	fmt.Println("left:", (<-sets)[0].Addr)
	fmt.Println(overrides.Drain("10.0.0.2:8080"))
	// Output:
	// 2 replicas
	// <nil>
	// left: 10.0.0.2:8080
	// rota: drain 10.0.0.2:8080: it is the last replica in use
}
