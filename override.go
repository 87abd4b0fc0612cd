package rota

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Overrides is a Resolver that changes by hand what another one tells: it drains replicas, and gives them other weights.
// Methods may be called concurrently; what they change, the Client knows a moment later. They need a set: before the first
// there is no replica to name.
type Overrides struct {
	inner Resolver

	mu      sync.Mutex
	set     []Instance // as inner told it last; never changed
	rules   map[string]Override
	pending bool          // something changed that has not been told
	changed chan struct{} // holds one: there is something pending
}

// Override is what is done to a replica by hand.
type Override struct {
	Addr    string
	Drained bool // it gets no new calls; those under way go on
	Weight  int  // instead of its own; 0 = its own
}

// MaxWeight is the most that SetWeight takes.
const MaxWeight = 1000

// NewOverrides returns Overrides that change nothing yet. They are for one Client.
func NewOverrides(r Resolver) *Overrides {
	return &Overrides{inner: r, rules: make(map[string]Override), changed: make(chan struct{}, 1)}
}

// Resolve implements Resolver.
func (o *Overrides) Resolve(ctx context.Context, update func([]Instance)) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- o.inner.Resolve(ctx, o.learn) }()
	defer stop()
	for {
		select {
		case <-o.changed:
			if set, ok := o.take(); ok {
				update(set)
			}
		case err := <-ended:
			if set, ok := o.take(); ok { // it told something, and returned at once
				update(set)
			}
			return err
		}
	}
}

// Refresh implements Refresher. It does nothing if the Resolver underneath cannot.
func (o *Overrides) Refresh() {
	if r, ok := o.inner.(Refresher); ok {
		r.Refresh()
	}
}

// Drain takes a replica out of use: it gets no new calls, those under way go on, and what is known about it is kept. It refuses
// to take the last one.
// Should discovery leave none but drained ones, they are used all the same.
func (o *Overrides) Drain(addr string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.knownLocked(addr); err != nil {
		return err
	}
	left := 0
	for _, inst := range o.set {
		if inst.Addr != addr && !o.rules[inst.Addr].Drained {
			left++
		}
	}
	if left == 0 {
		return fmt.Errorf("rota: drain %s: it is the last replica in use", addr)
	}
	r := o.rules[addr]
	r.Addr, r.Drained = addr, true
	o.setLocked(r)
	return nil
}

// Undrain puts a drained replica to use again. It reports whether it was drained.
func (o *Overrides) Undrain(addr string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.rules[addr]
	if !r.Drained {
		return false
	}
	r.Drained = false
	o.setLocked(r)
	return true
}

// SetWeight gives a replica another weight than discovery does, 1 to MaxWeight; 0 = its own again. Balancers say whether
// they heed it.
func (o *Overrides) SetWeight(addr string, weight int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.knownLocked(addr); err != nil {
		return err
	}
	if weight < 0 || weight > MaxWeight {
		return fmt.Errorf("rota: weight of %s = %d, want 0 to %d", addr, weight, MaxWeight)
	}
	r := o.rules[addr]
	r.Addr, r.Weight = addr, weight
	o.setLocked(r)
	return nil
}

// Reset undoes what was done to a replica. It reports whether anything was.
func (o *Overrides) Reset(addr string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.rules[addr]; !ok {
		return false
	}
	o.setLocked(Override{Addr: addr})
	return true
}

// List returns what is done by hand, ordered by address. A replica that discovery does not list any more stays in it, for
// when it comes back.
func (o *Overrides) List() []Override {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := slices.Collect(maps.Values(o.rules))
	slices.SortFunc(list, func(a, b Override) int { return cmp.Compare(a.Addr, b.Addr) })
	return list
}

func (o *Overrides) knownLocked(addr string) error {
	if !slices.ContainsFunc(o.set, func(i Instance) bool { return i.Addr == addr }) {
		return fmt.Errorf("rota: %s is no replica of the set", addr)
	}
	return nil
}

func (o *Overrides) setLocked(r Override) {
	if r.Drained || r.Weight != 0 {
		o.rules[r.Addr] = r
	} else {
		delete(o.rules, r.Addr)
	}
	o.tellLocked()
}

// learn is told what discovery knows.
func (o *Overrides) learn(set []Instance) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.set = slices.Clone(set)
	o.tellLocked()
}

func (o *Overrides) tellLocked() {
	o.pending = true
	select {
	case o.changed <- struct{}{}:
	default: // who is told of that change sees this one too
	}
}

// take returns the set as it is to be, if that has not been told.
func (o *Overrides) take() ([]Instance, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.pending {
		return nil, false
	}
	o.pending = false
	return o.appliedLocked(), true
}

func (o *Overrides) appliedLocked() []Instance {
	set, used := slices.Clone(o.set), false
	for i := range set {
		r := o.rules[set[i].Addr]
		if r.Weight > 0 {
			set[i].Weight = r.Weight
		}
		set[i].Drained = set[i].Drained || r.Drained
		used = used || !set[i].Drained
	}
	for i := range set { // nothing is worse than nobody
		set[i].Drained = set[i].Drained && used
	}
	return set
}
