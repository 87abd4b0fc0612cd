package proxy

import (
	"hash/maphash"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/internal/rate"
)

// limiter bounds how many requests come in: on a route, or from each client of it. Of clients it keeps a table of a fixed
// size, so that no number of addresses takes more memory; two that share a place share the rate.
type limiter struct {
	limit  rate.Limit
	places []rate.Limiter
	seed   maphash.Seed
	epoch  time.Time
}

const clientPlaces = 1 << 14

func newLimiter(spec *setup.Rate) *limiter {
	burst := spec.Burst
	if burst == 0 {
		burst = max(1, int(min(spec.PerSecond/10, 1e6)))
	}
	l := &limiter{limit: rate.New(spec.PerSecond, burst), places: make([]rate.Limiter, 1), seed: maphash.MakeSeed(), epoch: time.Now()}
	if spec.By == "client" {
		l.places = make([]rate.Limiter, clientPlaces)
	}
	return l
}

// take admits a request of a client, or returns how long from now it would.
func (l *limiter) take(client func() string) (wait time.Duration) {
	place := &l.places[0]
	if len(l.places) > 1 {
		place = &l.places[maphash.String(l.seed, client())%clientPlaces]
	}
	now := time.Since(l.epoch)
	if place.Take(now, l.limit) {
		return 0
	}
	return max(place.Wait(now, l.limit), time.Millisecond)
}
