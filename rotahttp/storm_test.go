package rotahttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// Whatever callers and handlers do, places and counts are right afterwards, in real time and on all processors.
func TestGateStorm(t *testing.T) {
	gate := rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Do") {
		case "0":
			panic(http.ErrAbortHandler)
		case "1":
			<-r.Context().Done()
		case "2":
			w.WriteHeader(http.StatusBadGateway)
		case "3":
			w.(http.Flusher).Flush()
		}
	}), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 3, Queue: 5}})
	visit := func(do, timeout string) (rec *httptest.ResponseRecorder) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		r.Header.Set("X-Do", do)
		r.Header.Set("Rota-Timeout-Ms", timeout)
		rec = httptest.NewRecorder()
		defer func() { recover() }()
		gate.ServeHTTP(rec, r)
		return rec
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for k := range 200 {
				visit(strconv.Itoa((i+k)%8), strconv.Itoa(k%4))
			}
		})
	}
	all.Wait()
	if rec := visit("4", "1000"); rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Rota-Load"), "rif=0, ") {
		t.Errorf("afterwards: %d, %s", rec.Code, rec.Header().Get("Rota-Load"))
	}
}

// No header makes a Gate panic, or gives a request more than a day.
func FuzzGate(f *testing.F) {
	f.Add("250", "a,b", "2", "1", "30S", "state=draining")
	f.Add("99999999999999999999", ",,,", "-1", "x", "99999999H", "\x00")
	f.Fuzz(func(t *testing.T, timeout, hops, attempt, left, grpc, load string) {
		for _, edge := range []bool{false, true} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header = http.Header{
				"Rota-Timeout-Ms": {timeout}, "Rota-Hops": {hops}, "Rota-Attempt": {attempt}, "Rota-Retries-Left": {left},
				"Grpc-Timeout": {grpc}, "Rota-Load": {load}, "X-Request-Id": {load},
			}
			rec := httptest.NewRecorder()
			rotahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if deadline, ok := r.Context().Deadline(); ok && (edge || time.Until(deadline) > 24*time.Hour) {
					t.Errorf("the deadline is %v", deadline)
				}
			}), rotahttp.ServerPolicy{ID: "me", Edge: edge, Limit: &rotahttp.Limit{}}).ServeHTTP(rec, r)
			if rec.Code != 200 && rec.Code != 504 && rec.Code != 508 || edge && rec.Code == 504 {
				t.Errorf("status %d", rec.Code)
			}
		}
	})
}
