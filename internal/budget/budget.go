// Package budget bounds how many attempts are made on top of calls.
package budget

import (
	"sync"
	"time"

	"github.com/rota-go/rota/internal/window"
)

// Budget counts what was spent over the last window.Span. The zero value has spent nothing. Methods may be
// called concurrently.
//
// The rule is Finagle's RetryBudget: over the window, spent <= floor + ratio x calls. It depends on rates alone, so
// unlike a share of the calls in flight it does not grow when calls get slow.
type Budget struct {
	mu    sync.Mutex
	spent window.Counter
}

// Params are the terms of a withdrawal.
type Params struct {
	Now   time.Duration
	Ratio float64 // tokens a call
	Floor float64 // tokens there would be without any call
	Calls uint64  // in the last window.Span
}

// Left returns how many tokens could be withdrawn.
func (b *Budget) Left(p Params) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leftLocked(p)
}

func (b *Budget) leftLocked(p Params) float64 {
	return max(0, p.Floor+p.Ratio*float64(p.Calls)-float64(b.spent.Recent(p.Now)))
}

// Withdraw takes one token, or reports false when there is none.
func (b *Budget) Withdraw(p Params) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leftLocked(p) < 1 {
		return false
	}
	b.spent.Add(p.Now)
	return true
}

// Overdraw takes one token whether there is one or not.
func (b *Budget) Overdraw(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.Add(now)
}

// Return gives back a token that was withdrawn and not used.
func (b *Budget) Return() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.Undo()
}
