package rotahttp

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/h1"
)

// peers are the replicas as HTTP sees them: an address's URL, and its connections. Each replica has its own, so that those
// of one that is gone can be closed, and so that the URL of a request stays as it is: it names the service, for the Host
// header and for the name in the replica's certificate, and only the dialer knows the address.
type peers struct {
	base   http.RoundTripper
	shared *settings // of base, if every peer can have a copy of it; nil = requests are readdressed for base
	direct bool      // short HTTP/1.1 requests need no net/http
	spawn  func(func(context.Context)) bool
	peers  sync.Map // address -> *peer
}

// of sets out from base; nil = NewTransport(). The set of client is followed; nil = none.
func (ps *peers) of(base http.RoundTripper, client *rota.Client) {
	ps.spawn = func(func(context.Context)) bool { return false }
	if client != nil {
		ps.spawn = client.Go
		client.Watch(ps.keep)
	}
	if base == nil {
		base = NewTransport()
	}
	ps.base = base
	t, ok := base.(*http.Transport)
	if !ok || t.Proxy != nil || t.DialTLSContext != nil || dialsOldly(t) {
		return // what decides by address must see the address
	}
	ps.shared = settingsOf(t)
	ps.direct = t.DisableCompression && !t.DisableKeepAlives && t.MaxConnsPerHost == 0 && t.ResponseHeaderTimeout == 0 &&
		(t.Protocols == nil || t.Protocols.HTTP1() && !t.Protocols.UnencryptedHTTP2())
}

// dialsOldly reports whether t dials in a way of before there were contexts.
func dialsOldly(t *http.Transport) bool {
	//lint:ignore SA1019 net/http heeds them, so they are to be seen
	return t.DialTLS != nil || t.Dial != nil && t.DialContext == nil
}

// get returns the peer at an address.
func (ps *peers) get(addr string) (*peer, error) {
	if p, ok := ps.peers.Load(addr); ok {
		return p.(*peer), nil
	}
	u, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(addr, "://") {
		u.Scheme = "" // that of the request
	}
	p := &peer{all: ps, url: u}
	p.keep = p.idle.put
	if s := ps.shared; s != nil {
		p.dialer = s.dialer(u)
		p.idle.of(s.from)
		p.direct.Store(ps.direct && u.Scheme != "https")
	}
	got, _ := ps.peers.LoadOrStore(addr, p)
	return got.(*peer), nil
}

// keep forgets peers that are not in the set. Their idle connections are closed now, others when they become idle.
func (ps *peers) keep(set []rota.Instance) {
	in := make(map[string]bool, len(set))
	for _, inst := range set {
		in[inst.Addr] = true
	}
	ps.peers.Range(func(addr, p any) bool {
		if !in[addr.(string)] {
			ps.peers.Delete(addr)
			p.(*peer).retire()
		}
		return true
	})
}

// closeIdle closes connections that are not in use.
func (ps *peers) closeIdle() {
	ps.peers.Range(func(_, p any) bool {
		p.(*peer).closeIdle()
		return true
	})
	if c, ok := ps.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// peer is one replica.
type peer struct {
	all *peers
	url *url.URL // scheme (empty = that of the request), host, and what comes before the path
	dialer
	own     atomic.Pointer[http.Transport] // nil until something needs it
	direct  atomic.Bool
	idle    idle
	keep    func(*h1.Conn) // idle.put, made once
	retired atomic.Bool
}

// readdressed reports whether requests carry the replica's address in their URL, for a base that goes by it.
func (p *peer) readdressed() bool { return p.all.shared == nil }

// address returns the URL that a request for u has on its way to the peer. It is u itself if nothing is to be changed.
func (p *peer) address(u *url.URL) *url.URL {
	scheme := p.url.Scheme
	if scheme == "" {
		scheme = u.Scheme
	}
	if !p.readdressed() && p.url.Path == "" && p.url.RawPath == "" && scheme == u.Scheme {
		return u
	}
	out := new(url.URL)
	under(out, p.url, u)
	out.Scheme = scheme
	if !p.readdressed() {
		out.Host = u.Host
	}
	return out
}

// roundTrip sends req, which has its address already, within ctx. hints is told of informational replies; nil = nobody is.
func (p *peer) roundTrip(ctx context.Context, req *http.Request, hints func(int, http.Header)) (*http.Response, error) {
	if p.direct.Load() && req.URL.Scheme == "http" && h1.Fits(ctx, req) {
		return p.exchange(ctx, req, hints)
	}
	if hints != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hints(code, http.Header(header))
			return nil
		}})
	}
	if req.Context() != ctx {
		req = req.WithContext(ctx)
	}
	resp, err := roundTrip(p.transport(), req)
	if err != nil {
		p.ended()
	}
	return resp, err
}

// transport returns what sends requests that are not for exchange.
func (p *peer) transport() http.RoundTripper {
	if p.readdressed() {
		return p.all.base
	}
	if t := p.own.Load(); t != nil {
		return t
	}
	p.own.CompareAndSwap(nil, p.dialer.transport())
	return p.own.Load()
}

// exchange sends req on a connection of ours.
func (p *peer) exchange(ctx context.Context, req *http.Request, hints func(int, http.Header)) (*http.Response, error) {
	if ctx.Err() != nil { // a hedge that came too late would cost a connection
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &unsentError{context.Cause(ctx)}
	}
	m, err := h1.Encode(req)
	if err != nil {
		return nil, &unsentError{err}
	}
	defer m.Free()
	m.Informational = hints
	for {
		conn, keep, err := p.connection(ctx, req.URL.Host)
		if err != nil {
			return nil, err
		}
		resp, err := conn.RoundTrip(ctx, m, keep)
		switch {
		case err == h1.ErrStale:
			continue
		case h1.Waits(err):
			p.outwait(ctx, conn, req.Method, keep)
		}
		return resp, err
	}
}

// connection returns an idle connection, or a new one, and who gets it back.
func (p *peer) connection(ctx context.Context, addr string) (*h1.Conn, func(*h1.Conn), error) {
	if conn := p.idle.take(); conn != nil {
		return conn, p.keep, nil
	}
	nc, err := p.join(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	conn, again := h1.New(nc, p.idle.maxHead)
	if !again {
		p.direct.Store(false) // we could not tell whether the server has closed it meanwhile
		return conn, func(c *h1.Conn) { c.Close() }, nil
	}
	return conn, p.keep, nil
}

// A request that another attempt has made superfluous is given outwait for its reply: to connect again would cost more
// than that. Then the connection is closed, which tells the replica to stop.
const outwait = 20 * time.Millisecond

func (p *peer) outwait(ctx context.Context, conn *h1.Conn, method string, keep func(*h1.Conn)) {
	if context.Cause(ctx) != rota.ErrLost || !p.all.spawn(func(context.Context) { conn.Outwait(method, outwait, keep) }) {
		conn.Close()
	}
}

// join connects, and waits for that no longer than ctx lasts, whatever the dialer does. A connection that comes too late
// is for the next request.
func (p *peer) join(ctx context.Context, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() { // ends when the dialer returns
		c, err := p.connect(ctx, "tcp", addr)
		select {
		case done <- result{c, err}:
		case <-ctx.Done():
			if err == nil {
				p.spare(c)
			}
		}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, &unsentError{context.Cause(ctx)}
	}
}

func (p *peer) spare(nc net.Conn) {
	if conn, again := h1.New(nc, p.idle.maxHead); again {
		p.idle.put(conn)
		return
	}
	nc.Close()
}

// retire closes what is idle, now and whenever something becomes idle.
func (p *peer) retire() {
	p.retired.Store(true)
	p.closeIdle()
}

// closeIdle closes connections that are not in use. Those to a server that drains are: it is about to close them itself,
// and a request that meets that on its way is lost.
func (p *peer) closeIdle() {
	p.idle.close(p.retired.Load())
	if t := p.own.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// ended is called when the body of a reply has ended.
func (p *peer) ended() {
	if p.retired.Load() {
		p.closeIdle()
	}
}
