package rotahttp_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// Informational replies are told on every way that a request may go, and none comes after the end.
func TestInformational(t *testing.T) {
	for _, body := range []string{"", "short", "stream"} {
		bubble(t, 1, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			for _, status := range []int{http.StatusProcessing, http.StatusEarlyHints} {
				w.Header().Set("Link", "</a.css>")
				w.WriteHeader(status)
			}
		}, plain, func(t *testing.T, w *world) {
			var got []int
			ctx := rotahttp.With(t.Context(), &rotahttp.Options{Informational: func(status int, h http.Header) {
				if got = append(got, status); h.Get("Link") != "</a.css>" {
					t.Errorf("%d has header %v, want the link", status, h)
				}
			}})
			var r io.Reader = strings.NewReader(body)
			if body == "stream" {
				r = io.MultiReader(r)
			}
			req, _ := http.NewRequestWithContext(ctx, "POST", "http://users/", r)
			resp, err := w.transport().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if !slices.Equal(got, []int{102, 103}) {
				t.Errorf("body %q: %v were told, want 102 and 103", body, got)
			}
		})
	}
}

// An attempt that lost tells nothing any more: its replica may take its time.
func TestInformationalEndsWithTheCall(t *testing.T) {
	policy := rota.Policy{Timeout: time.Minute, Hedge: &rota.Hedge{Delay: time.Second}}
	var asked atomic.Int64
	bubble(t, 2, func(w http.ResponseWriter, r *http.Request) {
		for i := 0; asked.Add(1) == 1 || i > 0 && i < 10; i++ { // the first is slow
			w.WriteHeader(http.StatusEarlyHints)
			time.Sleep(300 * time.Millisecond)
		}
	}, policy, func(t *testing.T, w *world) {
		hints, over := 0, false
		_, _, err := fetchWith(t.Context(), w, "GET", &rotahttp.Options{Informational: func(int, http.Header) {
			if hints++; over {
				t.Error("told after the end")
			}
		}})
		over = true
		time.Sleep(5 * time.Second)
		if synctest.Wait(); err != nil || hints != 4 {
			t.Errorf("%d hints, %v; want the 4 of the first second", hints, err)
		}
	})
}
