package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/dns"
	"github.com/rota-go/rota/resolve/file"
)

// learnTime is how long requests wait for the first replicas of a service: one whose name is wrong has none, ever.
const learnTime = 5 * time.Second

var errUnknown = errors.New("no replica is known yet")

// known waits until the replicas of the route's service were known once.
func (rt *route) known(ctx context.Context) error {
	sv := rt.service
	if sv.known.Load() {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, rt.patience)
	defer cancel()
	err := sv.client.Ready(patience)
	switch {
	case err == nil:
		sv.known.Store(true)
	case ctx.Err() == nil && patience.Err() != nil:
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return err
}

// troubles logs why the replicas of a service are not known, or not known as they are now: once, until the reason is another.
type troubles struct {
	log     *slog.Logger
	service string

	mu   sync.Mutex
	last string
}

func (t *troubles) tell(text string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := err.Error(); now != t.last {
		t.last = now
		t.log.Warn(text, "service", t.service, "error", err)
	}
}

// stale is told when an earlier answer stays in use.
func (t *troubles) stale(err error) { t.tell("replicas may have changed: what was known stays", err) }

// watch has the resolver's troubles told, those that its Client does not see.
func (t *troubles) watch(r rota.Resolver) {
	switch r := r.(type) {
	case *dns.Resolver:
		r.OnError = t.stale
	case *file.Resolver:
		r.OnError = t.stale
	}
}

// observer has those told that the Client sees.
func (t *troubles) observer() rota.Observer {
	return rota.Observer{
		ResolveFailed: func(e rota.ResolveEvent) { t.tell("replicas are not known", e.Err) },
		SetChanged: func(e rota.SetEvent) {
			if e.Kept {
				t.tell("replicas may have changed: what was known stays", errors.New("there are none any more"))
				return
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			t.last = ""
			t.log.Info("replicas", "service", t.service, "known", e.Size, "added", len(e.Added), "removed", len(e.Removed))
		},
	}
}
