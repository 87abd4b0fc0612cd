package main_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// answer is what a front says to an uppercase call.
type answer struct {
	status   int
	header   http.Header
	body     string
	err      string
	attempts []attempt
}

// attempt is one line of the body of a failed call.
type attempt struct{ Replica, Outcome, Took string }

// uppercase calls the front, and checks what holds for every answer: a 200 has
// the right value and nothing else, anything else says why, and names each
// attempt with its replica, what became of it and how long it took.
func (p *process) uppercase(t *testing.T, s string, headers ...string) answer {
	t.Helper()
	begin := time.Now()
	resp, body, err := p.try(t, "POST", "/uppercase", `{"s":"`+s+`"}`, headers...)
	if err != nil {
		t.Errorf("uppercase %q: %v", s, err)
		return answer{}
	}
	took := time.Since(begin)
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	if a.status == 200 {
		if want := `{"v":"` + strings.ToUpper(s) + "\"}\n"; body != want {
			t.Errorf("uppercase %q = 200 %q, want %q", s, body, want)
		}
		return a
	}
	var reply struct {
		V        *string
		Err      string
		Attempts []attempt
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil || reply.V != nil || reply.Err == "" || strings.Count(body, "\n") != 1 {
		t.Errorf("uppercase %q = %d %q, %v, want one line with err and no v", s, a.status, body, err)
	}
	a.err, a.attempts = reply.Err, reply.Attempts
	for _, one := range a.attempts {
		d, err := time.ParseDuration(one.Took)
		if err != nil || d < 0 || d > took || !strings.HasPrefix(one.Replica, "http") || one.Outcome == "" {
			t.Errorf("uppercase %q = %d with attempt %+v, %v, want a replica, an outcome and a time of at most %v", s, a.status, one, err, took)
		}
	}
	return a
}

// some is a number of attempts that does not matter, but is not 0: those that
// never reach a replica are not counted for -max-attempts.
const some = -1

// want reports what of an answer is not as wanted: its status, the number of
// attempts, and the outcome of each.
func (a answer) want(t *testing.T, status, attempts int, outcome string) {
	t.Helper()
	if n := len(a.attempts); a.status != status || n != attempts && (attempts != some || n == 0) {
		t.Errorf("answer = %d %s, want %d with %d attempts", a.status, a.body, status, attempts)
	}
	for _, one := range a.attempts {
		if !regexp.MustCompile(outcome).MatchString(one.Outcome) {
			t.Errorf("outcome of %s = %q, want %s", one.Replica, one.Outcome, outcome)
		}
	}
	if after := a.header.Get("Retry-After"); (after != "") != (status == 503 || status == 429) {
		t.Errorf("%d has Retry-After %q", a.status, after)
	}
}

// retryAfter returns the header in seconds, or -1.
func (a answer) retryAfter() int {
	n, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil {
		return -1
	}
	return n
}

// names returns the replicas of the attempts, sorted.
func (a answer) names() (names []string) {
	for _, one := range a.attempts {
		names = append(names, one.Replica)
	}
	slices.Sort(names)
	return names
}

// all calls the front n times; every answer has to be a 200, and right.
func (p *process) all(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if a := p.uppercase(t, "call "+strconv.Itoa(i)); a.status != 200 {
			t.Errorf("call %d = %d %s, want 200", i, a.status, a.body)
		}
	}
}

// together is all with the calls under way at the same time.
func (p *process) together(t *testing.T, n int) {
	t.Helper()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { p.all(t, 1) })
	}
	calls.Wait()
}

// until calls the front until done says so.
func (p *process) until(t *testing.T, what string, done func(answer) bool) (a answer) {
	t.Helper()
	eventually(t, what, func() bool {
		a = p.uppercase(t, "poll")
		return done(a)
	})
	return a
}

// eventually polls done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
