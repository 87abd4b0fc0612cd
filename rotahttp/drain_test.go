package rotahttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// Drain, of a Gate alone: announced at once, over when nobody has come for a second.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		gate := rotahttp.Handler(h, rotahttp.ServerPolicy{})
		v := &visits{h: gate}
		inFlight := v.send(t.Context(), "in flight")
		if gate.Draining() {
			t.Error("it drains already")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := gate.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || !gate.Draining() {
			t.Errorf("Drain() = %v, Draining() = %t", err, gate.Draining())
		}
		go func() {
			time.Sleep(2 * time.Second)
			late := v.send(t.Context(), "late")
			time.Sleep(100 * time.Millisecond)
			close(h.release)
			v.all.Wait()
			for _, rec := range []http.Header{inFlight.Header(), late.Header()} {
				if !strings.HasSuffix(rec.Get("Rota-Load"), "state=draining") || rec.Get("Connection") != "close" {
					t.Errorf("a reply says %v", rec)
				}
			}
		}()
		began := time.Now()
		if err := gate.Drain(t.Context()); err != nil {
			t.Errorf("Drain() = %v", err)
		}
		if took := time.Since(began); took < 3*time.Second || took > 3100*time.Millisecond {
			t.Errorf("Drain took %v, want 3s: a second after the last has come", took)
		}
	})
}
