package rota_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// zones are instances of which the first own are in zone a and the next rest in zone b.
func zones(own, rest int) []rota.Instance {
	set := instances(own + rest)
	for i := range set {
		if set[i].Zone = "a"; i >= own {
			set[i].Zone = "b"
		}
	}
	return set
}

// zoneWorld makes a call a millisecond, and has the balancer called when it wants to be.
type zoneWorld struct {
	*world
	set  []rota.Instance
	away int // attempts that left the zone
	sent int
}

func newZoneWorld(params rota.ZoneParams, set []rota.Instance, inner rota.Balancer) *zoneWorld {
	w := &zoneWorld{world: newWorld(1, rota.Policy{Breaker: &rota.Breaker{}}, 1, rota.PreferZone(params, inner)), set: set}
	w.cl.Update(w.now, set)
	w.answer(nil)
	return w
}

// answer lets replicas answer after a millisecond, and report what load says of their zone.
func (w *zoneWorld) answer(load func(zone string) rota.Load) {
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		w.sent++
		if a.Instance().Zone != "a" {
			w.away++
		}
		if load == nil {
			return ms, rota.Outcome{}
		}
		return ms, rota.Outcome{Load: load(a.Instance().Zone)}
	}
}

// share lets d pass, and returns the share of attempts that left the zone.
func (w *zoneWorld) share(d time.Duration) float64 {
	w.away, w.sent = 0, 0
	end := w.now.Add(d)
	for at := time.Duration(0); at < d; at += ms {
		w.after(at, func() { w.begin(rota.Call{}, time.Time{}) })
	}
	var tick func()
	tick = func() {
		if next := w.cl.Tick(w.now); next > 0 && w.now.Add(next).Before(end) {
			w.after(next, tick)
		}
	}
	w.after(0, tick)
	w.run()
	return float64(w.away) / float64(w.sent)
}

func rif(n float64) rota.Load { return rota.Load{Known: true, RIF: int(math.Round(n))} }

func TestNoCallLeavesAHealthyZone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		load func(string) rota.Load
	}{
		{"nothing reported", nil},
		{"next to nothing in flight", func(string) rota.Load { return rif(1) }},
	} {
		w := newZoneWorld(rota.ZoneParams{Zone: "a"}, zones(3, 6), rota.RoundRobin())
		w.answer(tt.load)
		if got := w.share(20 * time.Second); got != 0 {
			t.Errorf("%s: %.4f of the calls left the zone, want none", tt.name, got)
		}
	}
}

// Where all are busy alike, calls leave only to find that out.
func TestNextToNoCallLeavesABusyZoneForOneAsBusy(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	w := newZoneWorld(rota.ZoneParams{Zone: "a"}, zones(3, 6), rota.RoundRobin())
	w.answer(func(string) rota.Load { return rif(20) })
	if got := w.share(60 * time.Second); got == 0 || got > 0.001 {
		t.Errorf("%.5f of the calls left the zone, want some to look, at most 0.001", got)
	}
}

func TestSpillIsInProportionToWhatIsUnusable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		own, rest         int
		ownDown, restDown int
		min               float64
		want              float64 // the share that leaves
	}{
		{10, 20, 0, 0, 0, 0},
		{10, 20, 3, 0, 0, 0}, // 0.7 are enough
		{10, 20, 5, 0, 0, 1 - 0.5/0.7},
		{10, 20, 8, 0, 0, 1 - 0.2/0.7},
		{10, 20, 10, 0, 0, 1},
		{10, 20, 3, 0, 1, 0.3},
		{10, 20, 5, 0, 0.5, 0},
		{10, 10, 7, 7, 0, 0.5},                // the zone carries 3/7, the others 3/7 too, of 4/7
		{10, 20, 8, 12, 0, 4. / 7 / (6. / 7)}, // 2/7 here, 4/7 of the 5/7 there
	} {
		name := fmt.Sprintf("%d of %d down here, %d of %d there", tt.ownDown, tt.own, tt.restDown, tt.rest)
		w := newZoneWorld(rota.ZoneParams{Zone: "a", MinHealthy: tt.min}, zones(tt.own, tt.rest), rota.RoundRobin())
		down := append(w.set[:tt.ownDown:tt.ownDown], w.set[tt.own:tt.own+tt.restDown]...)
		keep := func(good bool) {
			for _, inst := range down {
				w.cl.Checked(w.now, inst.Addr, good)
			}
		}
		w.respondDown(down)
		keep(false)
		w.cl.Tick(w.now)
		if got := w.share(2 * time.Second); math.Abs(got-tt.want) > 0.05 {
			t.Errorf("%s: %.3f of the calls left the zone, want %.3f", name, got, tt.want)
		}
		w.answer(nil)
		keep(true)
		w.now = w.now.Add(time.Minute) // their slow start
		w.cl.Tick(w.now)
		if got := w.share(time.Second); got != 0 {
			t.Errorf("%s: %.3f of the calls leave the zone when it is well again", name, got)
		}
	}
}

// respondDown lets some replicas fail their trials, which count for neither side.
func (w *zoneWorld) respondDown(down []rota.Instance) {
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		for _, d := range down {
			if a.Instance() == d {
				return ms, broken()
			}
		}
		w.sent++
		if a.Instance().Zone != "a" {
			w.away++
		}
		return ms, rota.Outcome{}
	}
}

// Without any Tick a zone without usable nodes is left at once.
func TestDeadZoneIsLeftAtOnce(t *testing.T) {
	for _, b := range hashBalancers {
		w := newZoneWorld(rota.ZoneParams{Zone: "a"}, zones(3, 6), b.make(0))
		for i := range 3 {
			w.cl.Checked(w.now, w.set[i].Addr, false)
		}
		for range 50 {
			w.begin(rota.Call{Key: w.Uint64()}, time.Time{})
			w.world.run()
		}
		if w.succeeded != 50 || w.away != 50 {
			t.Errorf("%s: of 50 calls %d succeeded and %d left the dead zone", b.name, w.succeeded, w.away)
		}
	}
}

// The load of a zone is what its replicas report: so much that they have from others, and what is sent to them.
func TestSpillFollowsLoad(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	for _, tt := range []struct {
		name      string
		own, rest int
	}{{"zones alike", 5, 5}, {"a small zone", 3, 12}, {"a large zone", 12, 3}} {
		w := newZoneWorld(rota.ZoneParams{Zone: "a"}, zones(tt.own, tt.rest), rota.RoundRobin())
		demand, elsewhere := 60.0, 2.0 // in flight for the zone's clients; a node of the others has of its own
		share := 0.0
		w.answer(func(zone string) rota.Load {
			if zone == "a" {
				return rif(demand * (1 - share) / float64(tt.own))
			}
			return rif(elsewhere + demand*share/float64(tt.rest))
		})
		settle := func(steps int) (own, rest float64) { // the mean of the last steps
			const last = 20
			for i := range steps {
				if share = w.share(200 * ms); i >= steps-last {
					own += demand * (1 - share) / float64(tt.own) / last
					rest += (elsewhere + demand*share/float64(tt.rest)) / last
				}
			}
			return own, rest
		}
		own, rest := settle(80)
		if r := own / rest; r > 1.8 || r < 1.25 {
			t.Errorf("%s: the load is %.1f here and %.1f there, want 1.5 times as much here", tt.name, own, rest)
		}
		demand = float64(tt.own) // one each
		if own, _ = settle(50); share != 0 {
			t.Errorf("%s: %.3f of the calls leave the zone though its load is %.1f", tt.name, share, own)
		}
	}
}

// What this client has in flight counts where replicas report nothing, if it is said how much is too much.
func TestSpillFollowsOwnLoadWhereItIsAsked(t *testing.T) {
	for _, tt := range []struct {
		params rota.ZoneParams
		leaves bool
	}{
		{rota.ZoneParams{Zone: "a"}, false},
		{rota.ZoneParams{Zone: "a", Busy: 5}, true},
		{rota.ZoneParams{Zone: "a", Busy: 50}, false},
		{rota.ZoneParams{Zone: "a", Busy: 5, Spill: -1}, false},
	} {
		w := newZoneWorld(tt.params, zones(2, 2), rota.RoundRobin())
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) { // 1,000 a second: 40 in flight
			w.sent++
			if a.Instance().Zone != "a" {
				w.away++
			}
			return 40 * ms, rota.Outcome{}
		}
		got := w.share(5 * time.Second)
		if (got > 0) != tt.leaves {
			t.Errorf("%+v: %.3f of the calls left the zone, want some: %t", tt.params, got, tt.leaves)
		}
		if tt.leaves && math.Abs(got-0.4) > 0.1 { // 24 stay, 16 leave: 1.5 times
			t.Errorf("%+v: %.3f of the calls left the zone, want about 0.4", tt.params, got)
		}
	}
}

func TestZonesThatDoNotMatter(t *testing.T) {
	for _, tt := range []struct {
		name string
		zone string
		set  []rota.Instance
	}{
		{"no zone of one's own", "", zones(3, 3)},
		{"nobody in the zone", "c", zones(3, 3)},
		{"all in the zone", "a", zones(6, 0)},
		{"no zones known", "a", instances(6)},
	} {
		cl := hashCluster(rota.PreferZone(rota.ZoneParams{Zone: tt.zone}, rota.RoundRobin()), tt.set, 1)
		for addr, n := range countOf(owners(cl, 600, 1)) {
			if n != 100 {
				t.Errorf("%s: %s has %d of 600 calls, want 100", tt.name, addr, n)
			}
		}
	}
	// Of unknown zone is not in the zone.
	set := instances(6)
	set[0].Zone, set[1].Zone = "a", "a"
	cl := hashCluster(rota.PreferZone(rota.ZoneParams{Zone: "a"}, rota.RoundRobin()), set, 1)
	if got := countOf(owners(cl, 600, 1)); got[set[0].Addr] != 300 || got[set[1].Addr] != 300 {
		t.Errorf("calls went to %v, want the two whose zone is known", got)
	}
}

// While calls spill, a key stays where it is.
func TestSpilledKeysStick(t *testing.T) {
	w := newZoneWorld(rota.ZoneParams{Zone: "a", MinHealthy: 1}, zones(10, 10), rota.Ring(rota.RingParams{Bound: -1}))
	for i := range 4 {
		w.cl.Checked(w.now, w.set[i].Addr, false)
	}
	w.cl.Tick(w.now)
	first := ownersAt(w.now, w.cl, 500, 1)
	away := 0
	for i, o := range ownersAt(w.now, w.cl, 500, 1) {
		if o != first[i] {
			t.Errorf("a key went to %s, then to %s", first[i], o)
		}
		for _, inst := range w.set[10:] {
			if o == inst.Addr {
				away++
			}
		}
	}
	if away < 150 || away > 250 {
		t.Errorf("%d of 500 keys left the zone, want 200", away)
	}
}

// student takes note of what its picker is told.
type student struct {
	rota.Picker
	nodes []*rota.Node
	log   *[]string
}

func (s student) note(what string, n *rota.Node) {
	*s.log = append(*s.log, fmt.Sprintf("%s %s at %d", what, n.Instance().Addr, len(s.nodes)))
}
func (s student) Ended(n *rota.Node, _ *rota.End)                   { s.note("ended", n) }
func (s student) Probed(_ time.Duration, n *rota.Node, _ rota.Load) { s.note("probed", n) }
func (s student) Tick(*rota.Tick) time.Duration                     { s.note("tick", s.nodes[0]); return time.Minute }

// What comes back goes to the inner picker that placed the attempt, though the node may be in another part by then.
func TestPreferZoneTellsTheRightInnerPicker(t *testing.T) {
	var log []string
	rr := rota.RoundRobinFrom(0)
	inner := func(nodes []*rota.Node) rota.Picker { return student{rr(nodes), nodes, &log} }
	set := zones(2, 3)
	cl := hashCluster(rota.PreferZone(rota.ZoneParams{Zone: "a"}, inner), set, 1)
	if !cl.Probes() {
		t.Errorf("Probes() = false, want what the inner balancer wants")
	}
	cl.Tick(epoch)
	cl.Tick(epoch.Add(time.Second)) // not due
	a := start(cl, epoch, 0)
	cl.Probed(epoch, cl.Nodes()[4], rota.Load{})
	moved := append([]rota.Instance(nil), set...)
	moved[0].Zone = "b"
	cl.Update(epoch, moved)
	a.end(rota.Outcome{})
	want := fmt.Sprint([]string{
		"tick " + addr(0) + " at 2", "tick " + addr(2) + " at 3", "probed " + addr(4) + " at 3", "ended " + addr(0) + " at 2",
	})
	if got := fmt.Sprint(log); got != want {
		t.Errorf("inner pickers were told\n%s, want\n%s", got, want)
	}
	if hashCluster(rota.PreferZone(rota.ZoneParams{Zone: "a"}, rota.RoundRobin()), set, 1).Probes() {
		t.Errorf("Probes() = true, want false: round robin has none")
	}
}
