package rotahttp_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// Prequal goes where others have left room, and asks when there are no calls, too; where no server answers probes it goes by
// what replies say.
func TestPrequalOverHTTP(t *testing.T) {
	for name, path := range map[string]string{"probes": "", "replies alone": "-"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n, busy = 6, 2 // the replica with much to do
				gates, calls := map[string]*rotahttp.Gate{}, [n]atomic.Int64{}
				service := func(i int) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Header.Get("X-Name") != "" { // somebody else's, which takes for ever
							<-r.Context().Done()
							return
						}
						if r.URL.Path != rotahttp.DefaultLoadPath { // here, it is a request like others
							calls[i].Add(1)
						}
						time.Sleep(2 * time.Millisecond)
					})
				}
				rs := rotatest.New(t, n, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gates[rotatest.Addr(r)].ServeHTTP(w, r) }))
				for i := range n {
					gates[rs.Replica(i).Addr()] = rotahttp.Handler(service(i), rotahttp.ServerPolicy{LoadPath: path})
				}
				client, err := rota.New(rota.Config{Resolver: rs.Resolver(), Policy: plain, Balancer: rota.Prequal(rota.PrequalParams{})})
				if err != nil {
					t.Fatal(err)
				}
				w := &world{Replicas: rs, client: client, attempts: new(atomic.Uint64)}
				defer w.check(t)
				others := &visits{h: gates[rs.Replica(busy).Addr()]}
				ctx, cancel := context.WithCancel(t.Context())
				defer others.all.Wait()
				defer cancel()
				for range 50 {
					others.send(ctx, "other")
				}
				rt := w.transport()
				for range 600 {
					call(t, rt)
					time.Sleep(time.Millisecond)
				}
				fewest, total := int64(1<<62), int64(0)
				for i := range calls {
					if total += calls[i].Load(); i != busy {
						fewest = min(fewest, calls[i].Load())
					}
				}
				most := int64(6)
				if path == "-" {
					most = 60 // every fourth call goes anywhere, a sixth of them to the busy one
				}
				if got := calls[busy].Load(); got > most || total != 600 || fewest < 20 {
					t.Errorf("of %d calls the busy replica has had %d, another one %d; want at most %d and at least 20", total, got, fewest, most)
				}
				seen := func() (all int) {
					for i := range n {
						all += rs.Replica(i).Calls()
					}
					return all
				}
				before := seen()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if idle := seen() - before; path == "" && idle < 10 || path == "-" && idle > 1 {
					t.Errorf("%d probes in ten seconds without calls", idle)
				}
			})
		})
	}
}
