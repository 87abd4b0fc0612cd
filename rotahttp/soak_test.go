package rotahttp_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// Many callers, by Endpoint and Transport, while the replicas' faults change all the time: whatever happens, an answer is
// the right one, the books balance, and nothing is left behind.
func TestSoak(t *testing.T) {
	breaker := &rota.Breaker{Open: 20 * time.Millisecond}
	policies := map[string]rota.Policy{
		"plain":       {Retry: &rota.Retry{}, Breaker: breaker},
		"try timeout": {Retry: &rota.Retry{TryTimeout: 30 * time.Millisecond}, Breaker: breaker},
		"all parts": {
			Timeout: 250 * time.Millisecond, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: breaker,
			Rate: &rota.Rate{PerSecond: 5000},
		},
	}
	faults := []rotatest.Fault{
		{}, {}, rotatest.Slow(5 * time.Millisecond), rotatest.Slow(80 * time.Millisecond), rotatest.Hang(),
		rotatest.Status(500), rotatest.Status(503, "Retry-After", "1"), rotatest.Status(404).After(time.Millisecond),
		rotatest.Reset(), rotatest.Reset().After(3 * time.Millisecond), rotatest.Cut(), rotatest.Garbage(),
		rotatest.Refuse(), rotatest.BlackHole(), body("nonsense"),
	}
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, nil, policy, func(t *testing.T, w *world) {
				var calls sync.WaitGroup
				for i := range 12 {
					calls.Go(func() { w.soak(t, rand.New(rand.NewPCG(1, uint64(i))), 150) })
				}
				over := make(chan struct{})
				go func() { calls.Wait(); close(over) }()
				for r := rand.New(rand.NewPCG(2, 2)); ; {
					w.Replica(r.IntN(w.Len())).Heal()
					if r.IntN(3) == 0 {
						w.Replica(r.IntN(w.Len())).Set(faults[r.IntN(len(faults))])
					}
					select {
					case <-over:
						w.balance(t, 12*150)
						return
					case <-time.After(time.Duration(r.IntN(10)) * time.Millisecond):
					}
				}
			})
		})
	}
}

// soak makes n calls, one after the other.
func (w *world) soak(t *testing.T, r *rand.Rand, n int) {
	get, post, rt := w.endpoint("GET"), w.endpoint("POST"), w.transport()
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(200))*time.Millisecond)
		if r.IntN(10) == 0 {
			time.AfterFunc(time.Duration(r.IntN(20))*time.Millisecond, cancel)
		}
		var got string
		var err error
		switch r.IntN(4) {
		case 0:
			got, err = get.Call(ctx, "hello")
		case 1:
			got, err = post.Call(ctx, "hello")
		default:
			got, err = w.soakTransport(ctx, r, rt)
		}
		if err == nil && !strings.HasPrefix(got, "HELLO from replica-") {
			t.Errorf("an answer is %q", got)
		}
		cancel()
		time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
	}
}

var errNotGood = errors.New("not a good answer")

func (w *world) soakTransport(ctx context.Context, r *rand.Rand, rt http.RoundTripper) (string, error) {
	methods := []string{"GET", "PUT", "POST"}
	var body io.Reader = strings.NewReader(`"hello"`)
	if r.IntN(3) == 0 {
		body = track(body)
	}
	resp, err := rt.RoundTrip(request(ctx, methods[r.IntN(len(methods))], body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if r.IntN(5) == 0 {
		return "", errNotGood // closed without a look
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(b) == "nonsense" {
		return "", errNotGood
	}
	return strings.Trim(string(b), "\"\n"), nil
}

// balance compares what the client and the replicas have counted.
func (w *world) balance(t *testing.T, calls uint64) {
	w.client.Close()
	synctest.Wait()
	s := w.client.Stats()
	c := s.Calls
	if c.Succeeded+c.Failed+c.Overloaded+c.Unplaced+c.Throttled+c.Ignored != calls {
		t.Errorf("Calls = %+v, want %d", c, calls)
	}
	if c.Succeeded < calls/10 {
		t.Errorf("only %d of %d calls succeeded", c.Succeeded, calls)
	}
	var attempts, seen uint64
	for i, n := range s.Nodes {
		attempts += n.Attempts.Success + n.Attempts.Failure + n.Attempts.Overload + n.Attempts.Ignored
		seen += uint64(w.Replica(i).Calls())
	}
	// The base transport repeats by itself what a kept connection's reset hit; what was refused was never seen.
	if begun := w.attempts.Load(); attempts != begun || seen > attempts+attempts/2 {
		t.Errorf("%d attempts begun, %d ended, %d seen", begun, attempts, seen)
	}
	// A call that ended before its first attempt is unplaced, or ignored: its caller had left.
	if most := calls - c.Unplaced + s.Retries + s.Hedges; attempts > most || attempts < most-c.Ignored {
		t.Errorf("%d attempts by %+v, %d retries, %d hedges", attempts, c, s.Retries, s.Hedges)
	}
}
