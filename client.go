package rota

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/internal/wait"
)

// Resolver tells where the replicas of a service are.
type Resolver interface {
	// Resolve blocks until ctx ends, calling update with the complete set at once and after every change, one call
	// at a time. If it returns earlier, it is called again after a pause; what was known until then stays in use.
	Resolve(ctx context.Context, update func([]Instance)) error
}

// Refresher is a Resolver that can look again before it would by itself. Refresh is called when replicas fail, from the
// goroutine of a call, so it must not block; how often it really looks is its own business.
type Refresher interface {
	Resolver
	Refresh()
}

// Static is a Resolver that knows the replicas from the start.
type Static []Instance

// StaticAddrs returns a Static of the given addresses.
func StaticAddrs(addrs ...string) Static {
	s := make(Static, len(addrs))
	for i, a := range addrs {
		s[i].Addr = a
	}
	return s
}

// Resolve implements Resolver.
func (s Static) Resolve(ctx context.Context, update func([]Instance)) error {
	update(s)
	<-ctx.Done()
	return ctx.Err()
}

// Config is what a Client is made of.
type Config struct {
	Service  string // a name for errors, events and metrics
	Resolver Resolver
	Policy   Policy
	Balancer Balancer // nil = Echo(EchoParams{}); belongs to this Client alone
	Subset   Subset   // chooses whom to use of what the Resolver tells; nil = all
	Observer Observer
	// SharedBudget is used instead of the policy's Budget; nil = there is none.
	SharedBudget *SharedBudget
}

// Client calls one service. It owns a goroutine that resolves, and another if its Balancer is a Ticker. Methods may be
// called concurrently.
type Client struct {
	service  string
	observer Observer
	cluster  *Cluster
	epoch    time.Time

	stop    context.CancelFunc
	done    chan struct{} // the goroutine has ended
	ready   chan struct{} // the first set has come
	closed  atomic.Bool
	lastErr atomic.Pointer[error] // why there is no set yet

	prober  atomic.Pointer[func(*Node) bool]
	changed chan struct{} // wakes the goroutine that calls the balancer now and then

	runs sync.Pool // of *run[R], for whatever R the calls have

	mu       sync.Mutex
	behind   int                         // goroutines that work for calls beside their callers', and those of Go
	stopping bool                        // Close waits for them
	idle     chan struct{}               // closed when they have ended
	spawn    func(func(context.Context)) // on a goroutine, with a context that ends when the client is closed
	watchers
}

// New returns a Client, which begins to resolve at once. Calls wait for the first set of instances. Close it after use.
func New(cfg Config) (*Client, error) {
	if cfg.Resolver == nil {
		return nil, errors.New("rota: Config.Resolver is nil")
	}
	policy := cfg.Policy
	if s := cfg.SharedBudget; s != nil {
		policy.Budget = s.terms
	}
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	now := time.Now()
	c := &Client{
		service: cfg.Service, observer: cfg.Observer, stop: stop, epoch: now,
		done: make(chan struct{}), ready: make(chan struct{}), idle: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	c.cluster = NewCluster(ClusterParams{
		Service: cfg.Service, Policy: cfg.Policy, Balancer: cfg.Balancer, Observer: cfg.Observer,
		Rand: rand.Uint64, Now: now, Probe: c.probe, Concurrent: true, SharedBudget: cfg.SharedBudget,
	})
	if r, ok := cfg.Resolver.(Refresher); ok {
		c.cluster.trouble = r.Refresh
	}
	c.spawn = func(f func(context.Context)) {
		go func() {
			defer c.leave()
			f(ctx)
		}()
	}
	subset := cfg.Subset
	if subset == nil {
		subset = func(set []Instance) []Instance { return set }
	}
	go c.resolve(ctx, cfg.Resolver, subset)
	return c, nil
}

// Pauses between attempts to start a Resolver that returned: doubling, and drawn from the upper half so that clients
// do not ask in step.
const (
	minResolvePause = 100 * time.Millisecond
	maxResolvePause = 10 * time.Second
)

func (c *Client) resolve(ctx context.Context, r Resolver, subset Subset) {
	defer close(c.done)
	pause := minResolvePause
	for {
		err := r.Resolve(ctx, func(set []Instance) {
			first := !c.cluster.Ready()
			if c.cluster.Update(c.now(), chosen(set, subset)) {
				c.watchers.tell(c.cluster)
				select {
				case c.changed <- struct{}{}:
				default: // it will see this change with the one before
				}
			}
			if first {
				close(c.ready)
				c.Go(c.tick)
			}
			pause = minResolvePause
		})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("the resolver returned")
		}
		c.lastErr.Store(&err)
		rest := pause/2 + rand.N(pause/2)
		if f := c.observer.ResolveFailed; f != nil {
			f(ResolveEvent{c.service, err, rest})
		}
		if !wait.For(ctx, rest) {
			return
		}
		pause = min(2*pause, maxResolvePause)
	}
}

// chosen returns whom subset chooses of a set, and of those that are drained all: they are not there to be chosen.
func chosen(set []Instance, subset Subset) []Instance {
	drained := func(i Instance) bool { return i.Drained }
	if !slices.ContainsFunc(set, drained) {
		return slices.Clone(subset(set))
	}
	used := slices.DeleteFunc(slices.Clone(set), drained)
	list := slices.Clone(subset(used))
	for _, inst := range set {
		if inst.Drained {
			list = append(list, inst)
		}
	}
	return list
}

// Close ends resolving and what Go began, and waits until attempts have ended that their calls left behind. Calls begun
// afterwards fail with ErrClosed; those under way go on.
func (c *Client) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		<-c.idle
		return nil
	}
	c.stop()
	<-c.done
	if s := c.cluster.shared; s != nil {
		s.leave(c.cluster)
	}
	c.mu.Lock()
	c.stopping = true
	c.settleLocked()
	c.mu.Unlock()
	<-c.idle
	return nil
}

// Stats returns what was counted so far. It costs microseconds and disturbs no call. The counts are taken one after
// the other, so they may not add up while calls go on.
func (c *Client) Stats() Stats { return c.cluster.Stats(c.now()) }

// now is time.Now for less than half of the price: it reads the monotonic clock alone, and all that is done with it is
// to measure.
func (c *Client) now() time.Time { return c.epoch.Add(time.Since(c.epoch)) }

// enter counts a goroutine that works for a call beside the caller's.
func (c *Client) enter() {
	c.mu.Lock()
	c.behind++
	c.mu.Unlock()
}

func (c *Client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind--
	c.settleLocked()
}

// settleLocked lets Close go on when nothing is left to wait for.
func (c *Client) settleLocked() {
	if c.stopping && c.behind == 0 {
		close(c.idle)
		c.stopping = false
	}
}

// await blocks until the first set of instances is there, for limit at most; 0 = as long as ctx. It returns the reason if
// the call cannot go on.
func (c *Client) await(ctx context.Context, limit time.Duration) error {
	if c.closed.Load() {
		return ErrClosed
	}
	if c.cluster.Ready() {
		return nil
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	select {
	case <-c.ready:
		return nil
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		if err := c.lastErr.Load(); err != nil {
			return errors.Join(ctx.Err(), *err)
		}
		return ctx.Err()
	}
}
