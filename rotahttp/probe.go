package rotahttp

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
)

// Probe says how replicas are asked for their load, when the client's Balancer wants to know it: see rota.Prober. With any
// other Balancer nothing is asked. The zero value is complete, and fits replicas that are wrapped in a Handler.
//
// A question goes over the replica's connections for calls, one at a time. The answer is a 204 with Rota-Load. A replica
// that gives another one, of less than 500 and not 429, does not know the path (401, 404, 405 and 501, too), and is not asked
// again for a minute; then there is what replies say. Without an answer it is not asked for ten times the Timeout. That is
// all: a question is no call, and its failure counts for nothing. But a replica that says that it drains is believed.
type Probe struct {
	// Path is what is asked for; empty = DefaultLoadPath, "-" = nothing is.
	Path string
	// Scheme is for replicas whose address names none; empty = that of the first request, or http for an Endpoint.
	Scheme string
	// Host is of the service, for the Host header and the certificate; empty = that of the first request, or the replica's
	// own for an Endpoint.
	Host string
	// Timeout is of one question; 0 = 100 ms: a tenth of the time for which balancers use an answer, and enough for a new
	// connection. Where all replicas are near and have connections, 3 ms would do.
	Timeout time.Duration
	// Workers is how many replicas are asked at once; 0 = 4. They are goroutines that begin with the first question, and
	// end when the client is closed.
	Workers int
	// Queue is how many questions wait for a worker; 0 = 64. One that finds no room is dropped, and the balancer told so.
	Queue int
}

// How long a replica is not asked.
const (
	unknownPause = time.Minute // that does not know the path
	silentPause  = 10          // that did not answer, in Timeouts: then it takes up a tenth of a worker at most
)

// prober asks the replicas of one client.
type prober struct {
	Probe
	client   *rota.Client
	peers    *peers
	epoch    time.Time
	origin   atomic.Pointer[url.URL] // scheme and host of requests; nil = not known yet
	queue    chan *probed
	phase    atomic.Int32 // proberIdle, proberWorks, proberOver
	replicas sync.Map     // *rota.Node -> *probed
}

const (
	proberIdle = iota
	proberWorks
	proberOver
)

// probed is a replica that may be asked.
type probed struct {
	node  *rota.Node
	peer  *peer
	busy  atomic.Bool  // it is being asked, or about to be
	again atomic.Int64 // not before; 0 = at any time
}

// start offers to ask the replicas of client.
func (k *prober) start(p Probe, client *rota.Client, ps *peers) {
	if p.Path == "-" {
		return
	}
	if p.Path == "" {
		p.Path = DefaultLoadPath
	}
	p.Timeout = positive(p.Timeout, 100*time.Millisecond)
	p.Workers, p.Queue = positive(p.Workers, 4), positive(p.Queue, 64)
	k.Probe, k.client, k.peers, k.epoch = p, client, ps, time.Now()
	k.queue = make(chan *probed, p.Queue)
	client.Watch(func([]rota.Instance) { k.forget() })
	client.ProbeWith(k.want)
}

// from learns from the URL of a request how replicas are called.
func (k *prober) from(u *url.URL) {
	if k.origin.Load() == nil {
		k.origin.CompareAndSwap(nil, &url.URL{Scheme: u.Scheme, Host: u.Host})
	}
}

// want is called by the balancer, on the way to a call's attempt. If the replica is being asked already, that answer will
// do.
func (k *prober) want(n *rota.Node) bool {
	r := k.replica(n)
	if r == nil || k.origin.Load() == nil {
		return false
	}
	if again := r.again.Load(); again > 0 && time.Since(k.epoch) < time.Duration(again) {
		return false
	}
	if !r.busy.CompareAndSwap(false, true) {
		return true
	}
	if k.works() {
		select {
		case k.queue <- r:
			return true
		default:
		}
	}
	r.busy.Store(false)
	return false
}

// replica returns what is known of n; nil if its address means nothing.
func (k *prober) replica(n *rota.Node) *probed {
	if r, ok := k.replicas.Load(n); ok {
		return r.(*probed)
	}
	p, err := k.peers.get(n.Instance().Addr)
	if err != nil {
		return nil
	}
	r, _ := k.replicas.LoadOrStore(n, &probed{node: n, peer: p})
	return r.(*probed)
}

// forget forgets the replicas that are not in the set any more: peers have heard of it before.
func (k *prober) forget() {
	k.replicas.Range(func(n, r any) bool {
		if r.(*probed).peer.retired.Load() {
			k.replicas.Delete(n)
		}
		return true
	})
}

// works starts the workers with the first question. It reports false when they have ended.
func (k *prober) works() bool {
	if k.phase.CompareAndSwap(proberIdle, proberWorks) {
		for range k.Workers {
			if !k.client.Go(k.work) {
				k.phase.Store(proberOver)
			}
		}
	}
	return k.phase.Load() == proberWorks
}

func (k *prober) work(ctx context.Context) {
	for {
		select {
		case r := <-k.queue:
			k.probe(ctx, r)
		case <-ctx.Done():
			k.phase.Store(proberOver)
			return
		}
	}
}

// probe asks a replica, and tells the balancer.
func (k *prober) probe(ctx context.Context, r *probed) {
	load, pause := k.fetch(ctx, r)
	if ctx.Err() != nil {
		return
	}
	again := int64(0)
	if pause > 0 {
		again = int64(time.Since(k.epoch) + pause)
	}
	r.again.Store(again)
	r.busy.Store(false) // before the balancer hears of it, who may want to know more
	k.client.Probed(r.node, load)
}

// fetch returns what a replica says, and how long it is not to be asked again.
func (k *prober) fetch(ctx context.Context, r *probed) (rota.Load, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	origin := k.origin.Load()
	resp, err := r.peer.ask(ctx, question{cmp.Or(k.Scheme, origin.Scheme), cmp.Or(k.Host, origin.Host), k.Path, "rota-probe"})
	if err != nil {
		return rota.Load{}, silentPause * k.Timeout
	}
	load, draining := parseLoad(first(resp.Header, HeaderLoad))
	switch code := resp.StatusCode; {
	case code == http.StatusNoContent && load.Known:
		if draining {
			r.peer.closeIdle()
			k.client.Draining(r.node)
		}
		return load, 0
	case code == http.StatusTooManyRequests, code >= 500 && code != http.StatusNotImplemented:
		return rota.Load{}, silentPause * k.Timeout
	}
	return rota.Load{}, unknownPause
}
