package rotadash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotadash"
)

func TestStateShowsWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a", "b", "c")
		w.set("a", 4*time.Millisecond, nil)
		w.set("b", 20*time.Millisecond, nil)
		w.calls(30)
		s := w.state()
		svc := s.Services[0]
		if svc.Name != "users" || svc.Set != 3 || svc.Totals["success"] < 290 {
			t.Errorf("service = %s, %d replicas, %v, want users, 3, nearly 300 successes", svc.Name, svc.Set, svc.Totals)
		}
		if got := value(svc.Values["ok"]); got < 8 || got > 10 {
			t.Errorf("calls a second = %v, want 8 to 10", got)
		}
		for addr, ms := range map[string]float64{"a": 4, "b": 20, "c": 0} {
			r := s.row(addr)
			if p50 := value(r.Values["p50_ms"]); p50 < ms || p50 > 1.1*ms+0.01 {
				t.Errorf("p50 of %s = %v, want %v", addr, p50, ms)
			}
			if r.State != "ok" || value(r.Success) != 1 || value(r.Share) < 0.3 || value(r.Share) > 0.37 {
				t.Errorf("%s is %+v, want ok, without failures, with a third of the picks", addr, r)
			}
		}

		w.set("b", 0, errBroken)
		w.calls(2)
		s = w.state()
		if r := s.row("b"); r.State != "ejected" && r.State != "on trial" || r.Why != "failures in a row" {
			t.Errorf("b is %s, %q, want ejected, failures in a row", r.State, r.Why)
		}
		w.set("b", 0, nil)
		w.calls(5)
		s = w.state()
		if got, want := s.kinds(), "set, ejected b, returned b"; got != want {
			t.Errorf("events = %s, want %s", got, want)
		}
		if value(s.row("b").Success) >= 1 {
			t.Error("the failures of the last minute do not show")
		}
		for _, d := range s.Decisions {
			if slices.Contains(d.Outcomes, "retried") && (d.Replicas[0] != "b" || d.Won != 2) {
				t.Errorf("decision %+v, want one that began at b and was won by the second", d)
			}
		}
	})
}

func TestHistoryIsTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a")
		time.Sleep(300 * time.Second)
		other, err := rota.New(rota.Config{Service: "orders", Resolver: rota.StaticAddrs("x")})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := w.dash.Set([]rotadash.Service{w.service(), {Name: "orders", Source: other}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Second)
		s := w.state()
		if a, b := len(s.Services[0].History["ok"]), len(s.Services[1].History["ok"]); a < 500 || b < 199 || b > 201 || uint64(a) != s.Tick || s.Services[1].First != s.Tick-uint64(b)+1 {
			t.Errorf("histories of %d and %d after %d ticks, the second from %d on", a, b, s.Tick, s.Services[1].First)
		}
		time.Sleep(500 * time.Second)
		s = w.state()
		for _, svc := range s.Services {
			for name, c := range svc.History {
				if len(c) != 600 || len(s.Times) != 600 || svc.First != s.Tick-599 {
					t.Fatalf("%s of %s has %d values from %d on, want 600", name, svc.Name, len(c), svc.First)
				}
			}
		}
		if got := len(s.Services[0].Histories["a"]["picks"]); got != 600 {
			t.Errorf("the replica has %d values, want 600", got)
		}
		if err := w.dash.Set([]rotadash.Service{{Name: "orders", Source: other}}); err != nil {
			t.Fatal(err)
		}
		if s = w.state(); len(s.Services) != 1 || len(s.Services[0].History["ok"]) != 600 {
			t.Errorf("%d services, the one that stayed with %d values, want 1 with 600", len(s.Services), len(s.Services[0].History["ok"]))
		}
	})
}

func TestOnlySoManyReplicasAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var addrs []string
		for i := range 300 {
			addrs = append(addrs, fmt.Sprintf("r%03d", i))
		}
		w := newWorld(t, rotadash.Params{}, addrs...)
		time.Sleep(2 * time.Second)
		w.calls(1)
		if s := w.state(); s.Services[0].Set != 300 || len(s.Services[0].Replicas) != 256 {
			t.Errorf("%d of %d replicas are shown, want 256 of 300", len(s.Services[0].Replicas), s.Services[0].Set)
		}
		w.client.Eject("r299")
		if err := w.overrides.Drain("r298"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if s := w.state(); s.row("r299").State != "on trial" || s.row("r298").State != "drained" || len(s.Services[0].Replicas) != 256 {
			t.Errorf("r299 is %s, r298 %s, want on trial and drained", s.row("r299").State, s.row("r298").State)
		}
	})
}

func TestDecisionsAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{Recorder: rota.RecorderParams{Size: 100}}, "a", "b")
		w.set("a", time.Millisecond, errBroken)
		w.calls(1)
		w.set("b", time.Millisecond, errBroken)
		w.calls(1)
		w.set("a", 0, nil)
		w.set("b", 0, nil)
		w.calls(30) // three times as many as are kept
		get := func(query string) (list []summary) {
			var reply struct {
				Boot      string
				Decisions []struct {
					summary
					Decision struct {
						Tries []struct{ Replica, Result string }
					}
				}
			}
			status, body := w.get("/api/decisions?" + query)
			if err := json.Unmarshal(body, &reply); err != nil || status != 200 || reply.Boot == "" {
				t.Fatalf("%s = %d, %v: %.300s", query, status, err, body)
			}
			for _, d := range reply.Decisions {
				if len(d.Decision.Tries) != len(d.Replicas) {
					t.Errorf("%s: decision %d has %d tries, its summary %d", query, d.ID, len(d.Decision.Tries), len(d.Replicas))
				}
				list = append(list, d.summary)
			}
			return list
		}
		if got := get("limit=7"); len(got) != 7 || got[0].ID <= got[6].ID {
			t.Errorf("limit=7: %v, want 7, the newest first", got)
		}
		for query, want := range map[string]func(summary) bool{
			"outcome=failed":          func(s summary) bool { return s.Outcomes[0] == "failed" && strings.Contains(s.Error, "broken") },
			"outcome=retried":         func(s summary) bool { return slices.Contains(s.Outcomes, "retried") },
			"replica=a&service=users": func(s summary) bool { return slices.Contains(s.Replicas, "a") },
			"text=BROKEN":             func(s summary) bool { return s.Error != "" },
		} {
			list := get(query)
			if len(list) == 0 || slices.ContainsFunc(list, func(s summary) bool { return !want(s) }) {
				t.Errorf("%s: %+v, want some, all of which match", query, list)
			}
		}
		if got := get("service=orders"); len(got) != 0 {
			t.Errorf("service=orders: %v, want none", got)
		}
		one, boot := get("outcome=failed")[0], w.state().Boot
		for path, want := range map[string]int{
			fmt.Sprint(one.ID): 200, fmt.Sprintf("%s-%d", boot, one.ID): 200, fmt.Sprintf("x-%d", one.ID): 404, "1000000": 404, "x": 404, "": 404,
		} {
			if status, body := w.get("/api/decisions/" + path); status != want {
				t.Errorf("decision %q = %d %s, want %d", path, status, body, want)
			}
		}
		if status, _ := w.get("/api/decisions?limit=no"); status != http.StatusBadRequest {
			t.Errorf("limit=no = %d, want 400", status)
		}
	})
}

func TestNotesAreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a")
		for i := range 600 {
			w.dash.Note(rotadash.Event{Kind: "config", Text: fmt.Sprint("applied ", i)})
		}
		status, body := w.get("/api/events?after=598")
		if status != 200 || !strings.Contains(string(body), `"text":"applied 599"`) || strings.Contains(string(body), `"applied 590"`) {
			t.Errorf("/api/events = %d %s, want the last ones", status, body)
		}
		if s := w.state(); len(s.Events) != 500 || s.Events[499].ID != 601 {
			t.Errorf("%d events up to %d, want 500 up to 601", len(s.Events), s.Events[len(s.Events)-1].ID)
		}
		if status, _ := w.get("/api/events?after=x"); status != http.StatusBadRequest {
			t.Errorf("after=x = %d, want 400", status)
		}
	})
}

func TestNoticeStandsUntilAnotherDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a")
		for _, text := range []string{"refused: <b>", ""} {
			w.dash.Notice(text)
			s := w.watch("")
			w.calls(2)
			for _, m := range s.messages() {
				var of struct{ Notice *string }
				if err := json.Unmarshal([]byte(m.data), &of); m.event == "decisions" || err == nil && of.Notice != nil && *of.Notice == text {
					continue
				}
				t.Errorf("%s has another notice than %q: %.300s", m.event, text, m.data)
			}
			s.cancel()
			<-s.done
		}
	})
}

func TestParamsAreChecked(t *testing.T) {
	source := sourceFunc(func() rota.Stats { return rota.Stats{} })
	do := func(context.Context, string) error { return nil }
	for name, p := range map[string]rotadash.Params{
		"short token":     {Token: "secret"},
		"no name":         {Services: []rotadash.Service{{Source: source}}},
		"no source":       {Services: []rotadash.Service{{Name: "a"}}},
		"twice":           {Services: []rotadash.Service{{Name: "a", Source: source}, {Name: "a", Source: source}}},
		"nothing to do":   {Actions: []rotadash.Action{{Name: "x"}}},
		"built in":        {Actions: []rotadash.Action{{Name: "drain", Do: do}}},
		"the same action": {Actions: []rotadash.Action{{Name: "x", Do: do}, {Name: "x", Do: do}}},
	} {
		if _, err := rotadash.New(p); err == nil || !strings.HasPrefix(err.Error(), "rotadash: ") {
			t.Errorf("%s: New() = %v, want an error", name, err)
		}
	}
	d, err := rotadash.New(rotadash.Params{Write: true, Services: []rotadash.Service{{Name: "a", Source: source}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Serve() of a page that writes to everybody = %v, want an error", err)
	}
}

type sourceFunc func() rota.Stats

func (f sourceFunc) Stats() rota.Stats { return f() }

func TestServeEndsWithItsContext(t *testing.T) {
	d, err := rotadash.New(rotadash.Params{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- d.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("/events = %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	cancel() // with a stream open
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Serve does not end")
	}
	if err := d.Run(t.Context()); err == nil {
		t.Error("a second Run() is allowed")
	}
}
