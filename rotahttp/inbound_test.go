package rotahttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/rota-go/rota"
)

func TestInboundAttempts(t *testing.T) {
	tests := []struct {
		attempt, left         string
		wantAttempt, wantLeft int
		repeats               bool
	}{
		{"", "", 1, -1, true},
		{"1", "2", 1, 2, true},
		{"2", "0", 2, 0, false},
		{"9999", "9999", 9999, 9999, false},
		{"10000", "10000", 1, -1, true},
		{"-2", "-1", 1, -1, true},
		{"two", "none", 1, -1, true},
		{"0", "+1", 0, -1, true},
	}
	for _, test := range tests {
		var in inbound
		in.of(http.Header{HeaderAttempt: {test.attempt}, HeaderRetriesLeft: {test.left}}, "me")
		if in.attempt != test.wantAttempt || in.retriesLeft != test.wantLeft || in.repeats() != test.repeats {
			t.Errorf("attempt %q, left %q: %d, %d, repeats %t, want %d, %d, %t", test.attempt, test.left,
				in.attempt, in.retriesLeft, in.repeats(), test.wantAttempt, test.wantLeft, test.repeats)
		}
	}
	var none *inbound
	if none.exhaust(); !none.repeats() {
		t.Error("a call that nobody's request is behind is not repeated")
	}
}

// A failure that was repeated below is not to be repeated above; a success says nothing.
func TestRetriesLeftOfReplies(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		exhaust bool
		edge    bool
		want    string
	}{
		{"a success", 200, true, false, ""},
		{"the caller's doing", 404, true, false, ""},
		{"a failure", 502, false, false, ""},
		{"a failure, repeated below", 502, true, false, "0"},
		{"the same, to outside", 502, true, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.exhaust {
					done := make(chan bool)
					go func() { inboundOf(context.WithoutCancel(r.Context())).exhaust(); close(done) }()
					<-done
				}
				w.WriteHeader(test.status)
			}), ServerPolicy{Edge: test.edge})
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
			if got := rec.Header().Get(HeaderRetriesLeft); got != test.want || rec.Code != test.status {
				t.Errorf("%d, %s = %q, want %d, %q", rec.Code, HeaderRetriesLeft, got, test.status, test.want)
			}
		})
	}
}

// What the reply to a call says after a call that was made for it has failed.
func TestInboundLearns(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"one attempt", &rota.CallError{Reason: rota.ErrAttempts, Attempts: make([]rota.Report, 1)}, false},
		{"repeated", &rota.CallError{Reason: rota.ErrAttempts, Attempts: make([]rota.Report, 2)}, true},
		{"the budget was spent", &rota.CallError{Reason: rota.ErrBudget, Attempts: make([]rota.Report, 1)}, true},
		{"throttled", &rota.CallError{Reason: rota.ErrThrottled}, true},
		{"repeated further down", &rota.CallError{Reason: rota.ErrFinal, Attempts: make([]rota.Report, 1)}, true},
		{"nobody there", &rota.CallError{Reason: rota.ErrUnavailable}, false},
		{"another error", context.Canceled, false},
	}
	for _, test := range tests {
		in := new(inbound)
		if in.learn(test.err); in.exhausted.Load() != test.want {
			t.Errorf("%s: exhausted = %t, want %t", test.name, !test.want, test.want)
		}
	}
	var none *inbound
	none.learn(&rota.CallError{Reason: rota.ErrThrottled}) // nobody's request is behind it
}

func FuzzParseCount(f *testing.F) {
	for _, s := range []string{"", "0", "3", "9999", "10000", "-1", "+1", "1_0", "0x1", " 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseCount(s)
		if n < 0 || n > 9999 || !ok && n != 0 {
			t.Fatalf("parseCount(%q) = %d, %t: out of bounds", s, n, ok)
		}
		if again, ok2 := parseCount(formatCount(n)); again != n || !ok2 {
			t.Fatalf("parseCount(formatCount(%d)) = %d", n, again)
		}
		if m, err := strconv.Atoi(formatCount(n)); err != nil || m != n {
			t.Fatalf("formatCount(%d) = %q", n, formatCount(n))
		}
	})
}
