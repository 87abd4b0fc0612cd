package rotahttp

import (
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/wait"
)

// Check asks every replica now and then whether it is well, over connections with the settings of those that carry calls.
// A replica that fails Failures times in a row is taken out of use, as by its breaker and within Breaker.MaxEjected; one
// that is well Successes times in a row is back. Any 2xx or 3xx is well; 5xx and no reply are not. A 404, 405 or 501 means
// that the replica does not offer the path: it is not asked again. Anything else says nothing.
//
// Checks find what calls do not: a replica that is out of use and well again, where calls are few. They need a Breaker.
type Check struct {
	Path      string        // such as /readyz; required
	Scheme    string        // for replicas whose address names none; default http
	Host      string        // of the service, for the Host header and the certificate; empty = the replica's own
	Interval  time.Duration // from one check of a replica to the next, on average: each draws 0.8 to 1.2 of it. Default 5 s
	Timeout   time.Duration // of one check; default 1 s, at most Interval
	Failures  int           // default 3
	Successes int           // default 1
}

// checker runs the checks of one client.
type checker struct {
	Check
	client *rota.Client
	peers  *peers

	mu    sync.Mutex
	stops map[string]context.CancelFunc // of the replicas that are checked
}

// start begins checking what is in the client's set, whatever it will be.
func (c Check) start(client *rota.Client, ps *peers) {
	c.Interval = positive(c.Interval, 5*time.Second)
	c.Timeout = min(positive(c.Timeout, time.Second), c.Interval)
	if c.Scheme == "" {
		c.Scheme = "http"
	}
	c.Failures, c.Successes = positive(c.Failures, 3), positive(c.Successes, 1)
	k := &checker{Check: c, client: client, peers: ps, stops: map[string]context.CancelFunc{}}
	client.Watch(k.keep)
}

// keep checks exactly the replicas of a set.
func (k *checker) keep(set []rota.Instance) {
	k.mu.Lock()
	defer k.mu.Unlock()
	in := make(map[string]bool, len(set))
	for _, inst := range set {
		in[inst.Addr] = true
		if k.stops[inst.Addr] == nil {
			k.stops[inst.Addr] = k.watch(inst.Addr)
		}
	}
	for addr, stop := range k.stops {
		if !in[addr] {
			stop()
			delete(k.stops, addr)
		}
	}
}

// watch checks a replica until the returned func is called, or the client is closed.
func (k *checker) watch(addr string) context.CancelFunc {
	watching, stop := context.WithCancel(context.Background())
	k.client.Go(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(watching, cancel)()
		k.loop(ctx, addr)
	})
	return stop
}

func (k *checker) loop(ctx context.Context, addr string) {
	failed, well := 0, 0
	for pause := rand.N(k.Interval); wait.For(ctx, pause); pause = k.Interval*4/5 + rand.N(k.Interval*2/5+1) {
		switch v := k.ask(ctx, addr); {
		case ctx.Err() != nil || v == notOffered:
			return
		case v == ill:
			if failed, well = failed+1, 0; failed >= k.Failures {
				k.client.Checked(addr, false)
			}
		case v == sound:
			if failed, well = 0, well+1; well >= k.Successes {
				k.client.Checked(addr, true)
			}
		}
	}
}

// finding is what a check came to.
type finding uint8

const (
	unclear finding = iota
	sound
	ill
	notOffered
)

func (k *checker) ask(ctx context.Context, addr string) finding {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	p, err := k.peers.get(addr)
	if err != nil {
		return ill
	}
	resp, err := p.ask(ctx, question{k.Scheme, k.Host, k.Path, "rota-check"})
	if err != nil {
		return ill
	}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusNotImplemented:
		return notOffered
	case code >= 500:
		return ill
	case code < 400:
		return sound
	}
	return unclear
}

// question is a GET of our own.
type question struct {
	scheme string // if the replica's address has none
	host   string // of the service; empty = the replica's own
	path   string // on the replica, whatever comes before the paths of calls
	agent  string
}

// ask sends a question, and returns the reply without its body.
func (p *peer) ask(ctx context.Context, q question) (*http.Response, error) {
	host := cmp.Or(q.host, p.url.Host)
	u := *p.address(&url.URL{Scheme: q.scheme, Host: host})
	u.Path, u.RawPath = q.path, ""
	req := (&http.Request{Method: http.MethodGet, URL: &u, Host: host, Header: http.Header{"User-Agent": {q.agent}}}).WithContext(ctx)
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	resp, err := p.roundTrip(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	defer p.ended()
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, maxDrain); err != nil && err != io.EOF {
		return nil, err
	}
	return resp, nil
}

func positive[T ~int | ~int64](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
