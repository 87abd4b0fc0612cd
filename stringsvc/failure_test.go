package stringsvc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/stringsvc"
)

func TestFailureStatus(t *testing.T) {
	failed := func(err error) rota.Report { return rota.Report{Verdict: rota.Failure, Err: err} }
	status := func(code int) rota.Report { return failed(&rotahttp.StatusError{Code: code}) }
	overload := rota.Report{Verdict: rota.Overload, Err: &rotahttp.StatusError{Code: 503}}
	timeout := rota.Report{Verdict: rota.Failure, TimedOut: true, Err: rota.ErrTimedOut}
	lost := rota.Report{Verdict: rota.Ignored, Err: rota.ErrLost}
	undecodable := failed(fmt.Errorf("%w: no v", rotahttp.ErrUndecodable))
	refused := failed(errors.New("connection refused"))
	call := func(reason error, attempts ...rota.Report) *rota.CallError {
		return &rota.CallError{Service: "s", Reason: reason, Attempts: attempts}
	}
	after := func(d time.Duration, e *rota.CallError) *rota.CallError {
		e.RetryAfter = d
		return e
	}
	tests := []struct {
		name   string
		err    error
		status int
		after  string
	}{
		{"no instances", call(rota.ErrNoInstances), 503, "1"},
		{"nobody usable", after(2*time.Second, call(rota.ErrUnavailable)), 503, "2"},
		{"part of a second", after(2001*time.Millisecond, call(rota.ErrUnavailable)), 503, "3"},
		{"less than a second", after(time.Nanosecond, call(rota.ErrUnavailable)), 503, "1"},
		{"closed", call(rota.ErrClosed), 503, "1"},
		{"rate limited", call(rota.ErrRateLimited), 429, "1"},
		{"rate limited for long", after(99*time.Second, call(rota.ErrRateLimited)), 429, "99"},
		{"throttled", call(rota.ErrThrottled), 503, "1"},
		{"overloaded, and no retry because of that", call(rota.ErrThrottled, overload), 503, "1"},
		{"failed, and no retry", call(rota.ErrThrottled, refused), 502, ""},
		{"all overloaded", after(7*time.Second, call(rota.ErrAttempts, overload, overload)), 503, "7"},
		{"all overloaded, budget spent", call(rota.ErrBudget, overload), 503, "1"},
		{"some overloaded", call(rota.ErrAttempts, overload, refused), 502, ""},

		{"time ran out", call(context.DeadlineExceeded, timeout), 504, ""},
		{"time ran out before the first attempt", call(fmt.Errorf("waiting: %w", context.DeadlineExceeded)), 504, ""},
		{"time ran out after other failures", call(context.DeadlineExceeded, refused, overload, timeout), 504, ""},
		{"every attempt timed out", call(rota.ErrAttempts, timeout, timeout), 504, ""},
		{"one attempt timed out", call(rota.ErrAttempts, timeout, refused), 502, ""},

		{"looped", call(rota.ErrAttempts, status(508)), 508, ""},
		{"looped, else nobody there", call(rota.ErrAttempts, refused, status(508), timeout), 508, ""},
		{"looped, else refused", call(rota.ErrAttempts, status(508), overload), 508, ""},
		{"looped, else a failure", call(rota.ErrAttempts, status(508), status(500)), 502, ""},
		{"looped, else nonsense", call(rota.ErrAttempts, undecodable, status(508)), 502, ""},
		{"looped until the time ran out", call(context.DeadlineExceeded, status(508), timeout), 504, ""},

		{"500", call(rota.ErrAttempts, status(500), status(500)), 502, ""},
		{"undecodable", call(rota.ErrBudget, undecodable), 502, ""},
		{"no other", call(rota.ErrNoOther, refused), 502, ""},
		{"the caller left", call(context.Canceled, lost), 502, ""},
		{"wrapped", fmt.Errorf("front: %w", call(rota.ErrRateLimited)), 429, "1"},
		{"no CallError", io.ErrUnexpectedEOF, 502, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			stringsvc.Failure(w, nil, tt.err)
			if got := w.Header().Get("Retry-After"); w.Code != tt.status || got != tt.after {
				t.Errorf("Failure(%v) = %d, Retry-After %q, want %d, %q", tt.err, w.Code, got, tt.status, tt.after)
			}
		})
	}
}

func TestFailureNamesTheAttempts(t *testing.T) {
	w := httptest.NewRecorder()
	stringsvc.Failure(w, nil, &rota.CallError{Service: "uppercase", Reason: rota.ErrAttempts, Attempts: []rota.Report{
		{Instance: rota.Instance{Addr: "http://a:1/uppercase"}, Verdict: rota.Failure, Took: 1500499 * time.Nanosecond, Err: errors.New(`no "v" <`)},
		{Instance: rota.Instance{Addr: "http://b:1/uppercase"}, Verdict: rota.Ignored, Took: 2 * time.Second},
	}})
	want := `{"err":"rota: uppercase: no attempts are left: http://a:1/uppercase: no \"v\" < (1.5ms); http://b:1/uppercase: ignored (2s)",` +
		`"attempts":[{"replica":"http://a:1/uppercase","outcome":"no \"v\" <","took":"1.5ms"},` +
		`{"replica":"http://b:1/uppercase","outcome":"ignored","took":"2s"}]}` + "\n"
	if w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("body = %s, want %s", w.Body, want)
	}
	w = httptest.NewRecorder()
	stringsvc.Failure(w, nil, &rota.CallError{Service: "uppercase", Reason: rota.ErrUnavailable})
	if want := `{"err":"rota: uppercase: every replica is out of use for now"}` + "\n"; w.Body.String() != want {
		t.Errorf("body = %s, want %s", w.Body, want)
	}
}
