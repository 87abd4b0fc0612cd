// Package bell provides the waiting of a resolver between two looks, which somebody in trouble may end early.
package bell

import (
	"context"
	"sync"
	"time"
)

// Bell wakes whoever waits for it. The zero Bell is ready. Methods may be called concurrently.
type Bell struct {
	mu   sync.Mutex
	next chan struct{} // closed by the next Ring; nil if nobody has asked for it
}

// Ring wakes all that wait for the next ring, and never blocks. If nobody does, it changes nothing.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// Next returns a channel that is closed by the next Ring. Get it before looking, so that a ring meanwhile is not lost.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// Wait blocks until the time comes, the channel of Next is closed (then rung is true) or ctx ends (then err is its
// error). A nil channel never rings.
func Wait(ctx context.Context, until time.Time, next <-chan struct{}) (rung bool, err error) {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
		return false, nil
	case <-next:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
