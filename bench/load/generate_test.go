package load_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/bench/load"
)

// service answers in virtual time: every tenth call takes a second.
type service struct{ calls atomic.Int64 }

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	if s.calls.Add(1)%10 == 0 {
		select {
		case <-time.After(time.Second):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	answer := strings.Replace(strings.ToUpper(string(body)), `"S"`, `"v"`, 1)
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
}

func generate(t *testing.T, total time.Duration, p load.Params) *load.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), total)
	defer cancel()
	p.URL, p.Client = "http://service/uppercase", &http.Client{Transport: &service{}}
	return load.Generate(ctx, p)
}

func TestSlowCallsHoldNoOthersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := generate(t, 10*time.Second-time.Millisecond, load.Params{Rate: 100, Timeout: 2 * time.Second, Limit: 50})
		if n := len(run.Samples); n != 1000 || run.Dropped != 0 {
			t.Errorf("%d calls, %d dropped; want 1000 and 0", n, run.Dropped)
		}
		took := load.Took(run.Samples)
		if load.Count(run.Samples, load.Right) != 1000 || took[899] != 0 || took[900] != time.Second {
			t.Errorf("took %v and %v, want all right and one in ten a second", took[899], took[900])
		}
		if late := load.Late(run.Samples)[999]; late != 0 {
			t.Errorf("a call was sent %v late", late)
		}
	})
}

func TestLimitDropsAndTimeoutFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := generate(t, 10*time.Second-time.Millisecond, load.Params{Rate: 100, Timeout: 500 * time.Millisecond, Limit: 2})
		if run.Dropped == 0 || len(run.Samples)+run.Dropped != 1000 {
			t.Errorf("%d calls, %d dropped; want some dropped, and all accounted for", len(run.Samples), run.Dropped)
		}
		bad := load.Count(run.Samples, load.Failed)
		if took := load.Took(run.Samples); bad == 0 || took[len(took)-1] != 500*time.Millisecond {
			t.Errorf("%d failed, the longest took %v; want some, after 500ms", bad, took[len(took)-1])
		}
	})
}
