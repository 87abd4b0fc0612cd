package rotadash_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotadash"
)

func order(act, replica, more string) string {
	return fmt.Sprintf(`{"act":%q,"service":"users","replica":%q%s}`, act, replica, more)
}

const sure = `,"confirm":true`

func TestReadsOnlyUnlessItMayWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a", "b")
		for _, act := range []string{"eject", "drain", "undrain", "weight", "reset", "anything"} {
			if status, reply := w.act(order(act, "a", sure)); status != 403 {
				t.Errorf("%s = %d %s, want 403", act, status, reply)
			}
		}
		if len(w.overrides.List()) != 0 || w.state().Write {
			t.Error("something was changed, or it says that it could be")
		}
	})
}

func TestByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{Write: true}, "a", "b", "c")
		for _, tt := range []struct {
			body   string
			status int
			about  string // in the reply
		}{
			{order("drain", "a", ""), 400, "confirm"},
			{order("drain", "a", sure+`,"x":1`), 400, "unknown field"},
			{`{`, 400, "body"},
			{order("fly", "a", sure), 404, "fly"},
			{order("drain", "x", sure), 404, "no replica"},
			{`{"act":"drain","service":"none","replica":"a","confirm":true}`, 404, "no service"},
			{order("drain", "a", sure), 200, "done"},
			{order("drain", "b", sure), 200, "done"},
			{order("drain", "c", sure), 409, "last replica"},
			{order("undrain", "c", sure), 409, "not drained"},
			{order("undrain", "b", sure), 200, "done"},
			{order("weight", "b", sure+`,"weight":5`), 200, "done"},
			{order("weight", "b", sure+`,"weight":-1`), 409, "-1"},
			{order("reset", "c", sure), 409, "nothing"},
			{order("eject", "c", sure), 200, "done"},
		} {
			if status, reply := w.act(tt.body); status != tt.status || !strings.Contains(reply, tt.about) {
				t.Errorf("%s = %d %s, want %d about %q", tt.body, status, reply, tt.status, tt.about)
			}
			synctest.Wait()
		}
		w.calls(1)
		s := w.state()
		if a, b := s.row("a"), s.row("b"); a.State != "drained" || b.Weight != 5 || !b.WeightByHand {
			t.Errorf("a is %s, b weighs %d, by hand %v, want drained, 5, true", a.State, b.Weight, b.WeightByHand)
		}
		if !strings.Contains(s.kinds(), "by hand a") || !strings.Contains(s.kinds(), "ejected c") {
			t.Errorf("events = %s, want what was done by hand, and c ejected", s.kinds())
		}
		log := w.log.String()
		for _, want := range []string{`msg="admin: done" act=drain service=users replica=a remote=`, `act=weight service=users replica=b remote=192.0.2.1:1234 weight=5`, `msg="admin: refused" act=drain service=users replica=c`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log has no %q:\n%s", want, log)
			}
		}
	})
}

func TestWhatAServiceCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{Write: true}, "a", "b")
		if err := w.dash.Set([]rotadash.Service{{Name: "users", Source: w.client}}); err != nil {
			t.Fatal(err)
		}
		for _, act := range []string{"eject", "drain", "weight"} {
			if status, reply := w.act(order(act, "a", sure)); status != 409 {
				t.Errorf("%s = %d %s, want 409", act, status, reply)
			}
		}
	})
}

func TestActionsOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hurt atomic.Value
		hurt.Store("")
		actions := []rotadash.Action{
			{Name: "hurt", Do: func(_ context.Context, addr string) error { hurt.Store(addr); return nil }, On: func(addr string) bool { return hurt.Load() == addr }},
			{Name: "fail", Do: func(context.Context, string) error { return errors.New("not today") }},
			{Name: "sleep", Do: func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }},
			{Name: "other", Service: "orders", Do: func(context.Context, string) error { return nil }},
		}
		w := newWorld(t, rotadash.Params{Actions: actions}, "a", "b")
		for act, want := range map[string]int{"hurt": 200, "fail": 409, "sleep": 409, "other": 403} {
			if status, reply := w.act(order(act, "b", "")); status != want {
				t.Errorf("%s = %d %s, want %d", act, status, reply, want)
			}
		}
		time.Sleep(time.Second)
		s := w.state()
		if got := s.row("b").On; len(got) != 1 || got[0] != "hurt" || len(s.row("a").On) != 0 {
			t.Errorf("in force at b: %v, at a: %v, want hurt, nothing", got, s.row("a").On)
		}
	})
}

// A drained replica keeps its numbers, and shows what is still under way there.
func TestDrainedReplicaShowsItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{Write: true}, "a", "b")
		w.calls(2)
		w.set("a", 990*time.Millisecond, nil)
		w.set("b", 990*time.Millisecond, nil)
		for range 2 {
			go func() { _ = w.call() }()
		}
		synctest.Wait()
		if status, reply := w.act(order("drain", "a", sure)); status != 200 {
			t.Fatal(reply)
		}
		time.Sleep(975 * time.Millisecond) // there is a sample in it
		if a := w.state(); a.row("a").State != "drained" || a.row("a").InFlight != 1 || a.Services[0].Set != 1 {
			t.Errorf("a is %s with %d calls, of a set of %d, want drained, 1, 1", a.row("a").State, a.row("a").InFlight, a.Services[0].Set)
		}
		before := attemptsOf(w, "a")
		w.act(order("undrain", "a", sure))
		time.Sleep(2 * time.Second)
		if after := attemptsOf(w, "a"); before == 0 || after < before {
			t.Errorf("%d attempts before and %d after, want none forgotten", before, after)
		}
	})
}

func attemptsOf(w *world, addr string) uint64 {
	for _, n := range w.client.Stats().Nodes {
		if n.Instance.Addr == addr {
			return n.Attempts.Success
		}
	}
	return 0
}
