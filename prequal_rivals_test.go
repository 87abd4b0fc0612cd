package rota_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestC3Score(t *testing.T) {
	// One answer, averaged with nothing: S = 10 ms, 3 in flight.
	for _, c := range []struct {
		name    string
		clients float64
		own     int
		reply   time.Duration // of a call before; 0 = none
		want    time.Duration
	}{
		{"not called yet", 0, 0, 0, 4 * 4 * 4 * 10 * ms},
		{"called before", 0, 0, 25 * ms, 4*4*4*10*ms + 25*ms - 10*ms},
		{"one of the three is ours, so there are three clients", 0, 1, 0, 7 * 7 * 7 * 10 * ms},
		{"so many clients", 5, 1, 0, 9 * 9 * 9 * 10 * ms},
	} {
		w := newProbing(t, 1, 20, rota.C3(rota.C3Params{Clients: c.clients, Probing: rota.PrequalParams{Remove: -1}}))
		plan := func() (*rota.Plan, *rota.Attempt) { // to node 0: there is no choice
			w.says(0, 0, ms)
			w.says(1, 900, time.Second)
			return w.send()
		}
		if c.reply > 0 {
			p, a := plan()
			p.Ended(w.now.Add(c.reply), a, answered)
			p.Next(w.now.Add(c.reply))
			p.Close()
			w.now = w.now.Add(c.reply)
		}
		for range c.own {
			plan()
		}
		w.cl.Update(w.now, instances(21))
		// The averages have seen other loads: what is said often enough is the average.
		for range 12 {
			w.says(0, 3, 10*ms)
		}
		e, _ := w.entry(0)
		if got := time.Duration(e.Cost); math.Abs(float64(got-c.want)) > .001*float64(c.want) {
			t.Errorf("%s: score %v, want %v", c.name, got, c.want)
		}
	}
}

func TestC3AsksWhoDoesNotKnowItsLatency(t *testing.T) {
	w := newProbing(t, 1, 20, rota.C3(rota.C3Params{}))
	w.says(0, 1, time.Hour)
	w.says(0, 5, 0) // its latency is not known any more
	w.says(1, 0, ms)
	if got := w.pick(answered); got != addr(0) {
		t.Errorf("went to %s, want %s: it would never be called again", got, addr(0))
	}
}

// The time to a reply that was bad once does not stand against a replica for ever, when its own report is good.
func TestC3ForgetsASlowReply(t *testing.T) {
	w := newProbing(t, 1, 20, rota.C3(rota.C3Params{Drift: 10 * time.Second, Probing: rota.PrequalParams{Remove: -1, MaxAge: time.Hour}}))
	reply := func(i int, took time.Duration) {
		w.cl.Update(w.now, instances(20))
		w.says(i, 0, ms)
		w.says(19, 900, time.Second) // to compare with
		p, a := w.send()
		if a.Instance().Addr != addr(i) {
			t.Fatalf("went to %s", a.Instance().Addr)
		}
		w.now = w.now.Add(took)
		p.Ended(w.now, a, answered)
		p.Next(w.now)
		p.Close()
		for range 3 {
			w.pick(answered) // uses the entries up
		}
	}
	reply(1, 10*ms)
	reply(0, 10*time.Second)
	said := w.now
	for _, c := range []struct {
		after time.Duration
		least time.Duration
		most  time.Duration
	}{{0, 9 * time.Second, 11 * time.Second}, {5 * time.Second, 2 * time.Second, 3 * time.Second}, {10 * time.Second, 0, time.Second}} {
		w.now = said.Add(c.after)
		w.says(0, 0, ms)
		if e, _ := w.entry(0); time.Duration(e.Cost) < c.least || time.Duration(e.Cost) > c.most {
			t.Errorf("after %v: score %v, want %v to %v", c.after, time.Duration(e.Cost), c.least, c.most)
		}
	}
}

func TestLinearScore(t *testing.T) {
	for _, c := range []struct {
		name   string
		params rota.LinearParams
		said   said
		want   time.Duration
	}{
		{"half and half", rota.LinearParams{}, said{0, 4, 100 * ms}, 50*ms + 150*ms},
		{"latency alone", rota.LinearParams{Lambda: -1}, said{0, 4, 100 * ms}, 100 * ms},
		{"in flight alone", rota.LinearParams{Lambda: 1}, said{0, 4, 100 * ms}, 300 * ms},
		{"more is all", rota.LinearParams{Lambda: 7}, said{0, 4, 100 * ms}, 300 * ms},
		{"with a price", rota.LinearParams{Lambda: .75, Alpha: 10 * ms}, said{0, 4, 100 * ms}, 25*ms + 30*ms},
	} {
		w := newProbing(t, 1, 20, rota.Linear(c.params))
		w.says(c.said.node, c.said.rif, c.said.latency)
		if e, _ := w.entry(0); time.Duration(math.Round(e.Cost)) != c.want {
			t.Errorf("%s: score %v, want %v", c.name, time.Duration(e.Cost), c.want)
		}
	}
}

func TestLinearMeasuresWhatARequestCosts(t *testing.T) {
	w := newProbing(t, 1, 20, rota.Linear(rota.LinearParams{Lambda: 1}))
	for i := range 100 {
		w.says(i%20, i%2, time.Duration(1000-i)*ms) // forgotten
	}
	for i := range 32 {
		w.says(i%20, 1, time.Duration(i+1)*ms)
		w.says(i%20, 2, time.Hour) // not alone
		w.says(i%20, 1, 0)
	}
	w.says(0, 4, time.Second)
	if e, _ := w.entry(0); time.Duration(e.Cost) != 4*17*ms {
		t.Errorf("four in flight count for %v, want 68ms", time.Duration(e.Cost))
	}
}

func TestYARPPollsEachNodeOncePerInterval(t *testing.T) {
	for _, n := range []int{1, 3, 100, 1003} {
		w := newProbing(t, 1, n, rota.YARP(rota.YARPParams{Interval: 200 * ms}))
		counts := map[*rota.Node]int{}
		tick := func() {
			wait := w.cl.Tick(w.now)
			for _, m := range w.asked {
				counts[m]++
				w.cl.Probed(w.now, m, rota.Load{Known: true, RIF: 1})
			}
			w.asked = w.asked[:0]
			w.now = w.now.Add(wait)
		}
		tick()
		if len(counts) != n {
			t.Errorf("%d nodes: %d were polled at the start", n, len(counts))
		}
		for range 100 {
			tick()
		}
		for m, got := range counts {
			if got < 10 || got > 12 {
				t.Errorf("%d nodes: %s was polled %d times in 2 s, want 11", n, m.Instance().Addr, got)
			}
		}
		polls := w.probes
		w.cl.Update(w.now, append(instances(n), rota.Instance{Addr: "new:80"}))
		if w.cl.Tick(w.now) <= 0 {
			t.Error("no next tick")
		}
		if got := w.probes - polls; got < 1 || got > n/10+3 || w.asked[0].Instance().Addr != "new:80" {
			t.Errorf("%d nodes: a new picker polled %d at once, want the new node and those whose turn it is", n, got)
		}
	}
}

// An update does not make the turns begin anew, or a set that changes often would have few nodes polled.
func TestYARPGoesOnPollingWhenTheSetChanges(t *testing.T) {
	const n = 100
	w := newProbing(t, 1, n, rota.YARP(rota.YARPParams{Interval: 200 * ms}))
	counts := map[*rota.Node]int{}
	for i := range 500 {
		if i%2 == 1 {
			w.cl.Update(w.now, instances(n+1+i%3))
		}
		wait := w.cl.Tick(w.now)
		for _, m := range w.asked {
			counts[m]++
			w.cl.Probed(w.now, m, rota.Load{Known: true, RIF: 1})
		}
		w.asked = w.asked[:0]
		w.now = w.now.Add(min(wait, 7*ms))
	}
	turns := int(w.now.Sub(epoch) / (200 * ms))
	for i := range n {
		if got := counts[w.node(i)]; got < turns*8/10 || got > turns*12/10 {
			t.Errorf("%s was polled %d times, want %d", addr(i), got, turns)
		}
	}
}

func TestYARPTakesTheLesserOfTwo(t *testing.T) {
	w := newProbing(t, 1, 10, rota.YARP(rota.YARPParams{}))
	for i := range 10 {
		w.says(i, i, 0)
	}
	got := map[string]int{}
	const calls = 9000
	for range calls {
		got[w.pick(answered)]++
	}
	for i := range 10 { // the lesser of two different ones of ten
		want := float64(calls) * float64(9-i) / 45
		if math.Abs(float64(got[addr(i)])-want) > 5*math.Sqrt(want) {
			t.Errorf("node %d got %d calls, want %.0f", i, got[addr(i)], want)
		}
	}
	w.cl.Probed(w.now, w.node(0), rota.Load{}) // not known any more: as good as any
	w.cl.Probed(w.now, w.node(9), rota.Load{})
	clear(got)
	for range calls {
		got[w.pick(answered)]++
	}
	for _, i := range []int{0, 9} {
		if n := got[addr(i)]; n < calls/20 || n > calls/5 {
			t.Errorf("node %d, of which nothing is known, got %d calls of %d", i, n, calls)
		}
	}
}

func TestYARPSkipsUnusableNodes(t *testing.T) {
	w := newProbing(t, 1, 5, rota.YARP(rota.YARPParams{}))
	var resting []string
	for range 4 {
		resting = append(resting, w.pick(rota.Outcome{Verdict: rota.Overload, RetryAfter: time.Second, Err: errFull}))
	}
	for range 100 {
		if got := w.pick(answered); slices.Contains(resting, got) {
			t.Fatalf("went to %s, which rests", got)
		}
	}
}
