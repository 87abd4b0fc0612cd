package rotahttp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/rota-go/rota/internal/limit"
)

// Limit bounds how many requests a server handles at once: each has a place from the start of its handler to the end.
// When all places are taken, a few requests wait for one; the others are refused at once with 503 and Retry-After,
// which costs so little that a server keeps doing as much as it can under any load.
//
// A request waits for at most 100 ms, and for 5 ms once there has always been somebody waiting for 100 ms; then the
// newest gets the next place, and not the oldest, whose caller is about to give up. It waits no longer than its caller
// does.
type Limit struct {
	// Max is how many requests are handled at once; 0 = as many as measuring says: the limit rises while requests take
	// about as long as they do when there is little to do, and falls when they take longer, for then they wait for each
	// other. It begins with 20.
	Max int
	// Min is the least that measuring may come to; 0 = 1.
	Min int
	// Queue is how many requests may wait for a place; 0 = as many as there are places, negative = none.
	Queue int
	// Algorithm is how to measure, where Max is 0. Empty = "dip", which suits servers of all kinds. The others are for
	// those who know that it does not suit theirs:
	//
	//	dip          now and then halves the limit for some dozens of requests, to see how long they take alone
	//	vegas        never does that: it goes by quiet times, and by whether throughput still rises with concurrency; for
	//	             servers of dozens of places and more where a few rejections more in an overload are too many
	//	gradient     the same with more patience: more places, and up to 5 times the latency of a small server
	//	failsafe     as failsafe-go's; a place more or less a second, so it is late for sudden overload
	//	envoy        as Envoy's; rejects what could be handled for a moment each minute, and where latencies vary much, now
	//	             and then for the whole of it: it goes by 50 requests
	//	gradient2    as Netflix's; takes an overload that lasts for minutes for normal, up to 200 places
	//	aimd         as Netflix's; 20 to 200 places; for servers that fail before they are slow
	//	vegas-plain  as Netflix's, for servers whose requests all take the same time
	Algorithm string
}

// Validate returns an error that names the first field whose value cannot be meant. Of a Limit that is not valid, Handler
// makes one with the defaults in those fields.
func (l *Limit) Validate() error {
	if err := l.config().Validate(); err != nil {
		return fmt.Errorf("rotahttp: Limit.%w", err)
	}
	return nil
}

func (l *Limit) config() limit.Config {
	return limit.Config{Max: l.Max, Min: l.Min, Queue: l.Queue, Algorithm: limit.Algorithm(l.Algorithm)}
}

func (l *Limit) limiter() *limit.Limiter { return limit.New(l.config()) }

// Why a request gets no place.
var (
	overloaded = refusal{http.StatusServiceUnavailable, "the server has too much to do"}
	abandoned  = refusal{http.StatusServiceUnavailable, "the caller left while the call waited"}
	tooLate    = refusal{http.StatusGatewayTimeout, "the call's time was up before its turn came"}
)

// takePlace gets a request a place, or says why not.
func (g *Gate) takePlace(ctx context.Context, a *arrival) (limit.Place, refusal) {
	place, verdict := g.limiter.Enter(a.began)
	switch verdict {
	case limit.Admitted:
		return place, refusal{}
	case limit.Waiting:
		return g.awaitPlace(ctx, a)
	}
	return place, overloaded
}

// awaitPlace waits for a place.
func (g *Gate) awaitPlace(ctx context.Context, a *arrival) (limit.Place, refusal) {
	now := g.now()
	ready := make(chan struct{})
	w := &limit.Waiter{Owner: ready}
	switch g.limiter.Wait(now, w) {
	case limit.Admitted:
		return w.Place, refusal{}
	case limit.Rejected:
		return limit.Place{}, overloaded
	}
	until := w.Until
	if a.timed {
		until = min(until, a.began+a.left)
	}
	timer := time.NewTimer(until - now)
	defer timer.Stop()
	select {
	case <-ready:
	case <-timer.C:
	case <-ctx.Done():
	}
	now = g.now()
	none := g.limiter.Cancel(now, w)
	no := refusal{}
	switch {
	case a.timed && now >= a.began+a.left: // also if it has a place: nobody waits for what it would do there
		no = tooLate
	case ctx.Err() != nil:
		no = abandoned
	case none:
		no = overloaded
	}
	if !none && no.status != 0 {
		g.givePlace(now, w.Place, 0, false)
	}
	return w.Place, no
}

// givePlace gives a place back, and to those who wait.
func (g *Gate) givePlace(now time.Duration, place limit.Place, took time.Duration, whole bool) {
	g.limiter.Leave(now, place, took, whole)
	for w := g.limiter.Next(now); w != nil; w = g.limiter.Next(now) {
		close(w.Owner.(chan struct{}))
	}
}

// seconds are values of Retry-After.
var seconds = [...][]string{{"1"}, {"2"}, {"3"}, {"4"}, {"5"}}

// retryAfter returns when a refused caller may come again.
func (g *Gate) retryAfter() []string {
	if g.limiter == nil {
		return seconds[0]
	}
	return seconds[g.limiter.RetryAfter(g.now(), rand.Float64())/time.Second-1]
}
