package rotahttp

import (
	"errors"
	"strconv"

	"github.com/rota-go/rota"
)

// HeaderRetriesLeft says on a request how many more attempts its sender may make. On a reply with a status of 500 or
// more, 0 says that the call was repeated below in vain: to repeat it again would only multiply the attempts.
const HeaderRetriesLeft = "Rota-Retries-Left"

const countDigits = 4 // of HeaderAttempt and HeaderRetriesLeft

// repeats reports whether calls made for this one may be repeated when they fail. They may not once somebody above has
// begun to repeat: of several layers that each make three attempts, one does it. An attempt that never reached its
// replica may go elsewhere all the same. nil is a call that nobody's request is behind.
func (in *inbound) repeats() bool { return in == nil || in.attempt < 2 }

// learn takes the error of a call made for this one into account.
func (in *inbound) learn(err error) {
	if in == nil || err == nil {
		return
	}
	var e *rota.CallError
	if !errors.As(err, &e) {
		return
	}
	switch {
	case len(e.Attempts) > 1, e.Reason == rota.ErrBudget, e.Reason == rota.ErrThrottled, e.Reason == rota.ErrFinal:
		in.exhaust()
	}
}

// exhaust notes that a call made for this one has failed although it was repeated, or because the budget for that was
// spent or its service turns most calls down. If the reply turns out to be a failure, its caller is told. It may be called concurrently, and on nil.
func (in *inbound) exhaust() {
	if in != nil {
		in.exhausted.Store(true)
	}
}

// parseCount reads a number of attempts. It reports false for what is none.
func parseCount(s string) (int, bool) {
	if len(s) == 0 || len(s) > countDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil
}

// formatCount writes what parseCount reads.
func formatCount(n int) string { return strconv.Itoa(min(max(n, 0), 9999)) }

// count reads headers of a call that are numbers of attempts; without is what it means when there is none.
func count(s string, without int) int {
	if n, ok := parseCount(s); ok {
		return n
	}
	return without
}
