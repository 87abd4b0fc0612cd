package rota_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// A dead node must not draw more than its turn, and its share goes to all others alike.
func TestRoundRobinSpreadsAroundADeadNode(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		w := newWorld(1, rota.Policy{Retry: &rota.Retry{}, Budget: rota.Budget{Ratio: 1}}, n, rota.RoundRobinFrom(0))
		got := map[string]int{}
		w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
			got[a.Instance().Addr]++
			if a.Instance().Addr == addr(0) {
				return 1, rota.Outcome{Verdict: rota.Failure, Err: errBroken}
			}
			return 1, rota.Outcome{}
		}
		const calls = 600
		for i := range calls {
			w.after(time.Duration(i)*time.Millisecond, func() { w.begin(rota.Call{Idempotent: true}, time.Time{}) })
		}
		w.run()
		if got[addr(0)] != calls/n {
			t.Errorf("%d nodes: the dead one got %d attempts of %d calls, want %d", n, got[addr(0)], calls, calls/n)
		}
		for i := 1; i < n; i++ {
			if want := calls / (n - 1); got[addr(i)] < want-1 || got[addr(i)] > want+1 {
				t.Errorf("%d nodes: node %d answered %d of %d calls, want %d", n, i, got[addr(i)], calls, want)
			}
		}
	}
}

func TestRoundRobinKeepsItsPlaceWhenTheSetChanges(t *testing.T) {
	w := newWorld(1, rota.Policy{}, 3, rota.RoundRobinFrom(0))
	var got []string
	w.respond = func(a *rota.Attempt) (time.Duration, rota.Outcome) {
		got = append(got, a.Instance().Addr)
		return 1, rota.Outcome{}
	}
	for range 4 {
		w.begin(rota.Call{}, time.Time{})
		w.cl.Update(w.now, instances(4)) // the same but for one, each time
	}
	w.run()
	for i, a := range got[1:] {
		if a == got[i] {
			t.Errorf("%v: twice in a row to the same node", got)
		}
	}
}

// Processors that take turns in a hurry take them in blocks. That must not favour a node.
func TestRoundRobinIsFairUnderContention(t *testing.T) {
	client, err := rota.New(rota.Config{Resolver: rota.Static(instances(3)), Balancer: rota.RoundRobin()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	op := rota.Op[int]{Send: func(context.Context, *rota.Attempt) (int, error) { return 0, nil }}
	const goroutines, calls = 4, 30_000
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range calls {
				if _, err := rota.Do(t.Context(), client, rota.Call{}, op); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	const want = goroutines * calls / 3
	for _, n := range client.Stats().Nodes {
		if got := int(n.Attempts.Success); got < want*9/10 || got > want*11/10 {
			t.Errorf("%s answered %d of %d calls, want %d within a tenth", n.Instance.Addr, got, goroutines*calls, want)
		}
	}
}
