package rotahttp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
)

// settings are what peers take from an http.Transport. They are read before it is used: then it sets itself up.
type settings struct {
	from  *http.Transport
	http2 bool
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	tls   *tls.Config
}

func settingsOf(t *http.Transport) *settings {
	s := &settings{from: t, http2: speaksHTTP2(t), dial: t.DialContext, tls: t.TLSClientConfig.Clone()}
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	if s.tls == nil {
		s.tls = new(tls.Config)
	}
	s.tls.NextProtos = protocols(t)
	return s
}

// dialer connects to one replica, whatever the URL of a request names.
type dialer struct {
	*settings
	host string // with port; or without, if it has that of the request
	bare bool   // host is without
}

// dialer returns a dialer to the replica at u.
func (s *settings) dialer(u *url.URL) dialer {
	d := dialer{settings: s, host: u.Host}
	if u.Port() == "" {
		switch u.Scheme {
		case "https":
			d.host = net.JoinHostPort(u.Hostname(), "443")
		case "http":
			d.host = net.JoinHostPort(u.Hostname(), "80")
		default:
			d.host, d.bare = u.Hostname(), true
		}
	}
	return d
}

// transport returns an http.Transport whose connections all go to the replica.
func (d dialer) transport() *http.Transport {
	own := d.from.Clone()
	own.DialContext, own.DialTLSContext = d.connect, d.connectTLS
	own.ForceAttemptHTTP2 = own.ForceAttemptHTTP2 || d.http2
	return own
}

// protocols are what t would offer in a handshake.
func protocols(t *http.Transport) []string {
	switch p := t.Protocols; {
	case p != nil && p.HTTP2() && !p.HTTP1():
		return []string{"h2"}
	case p != nil && p.HTTP2(), p == nil && speaksHTTP2(t):
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}

// speaksHTTP2 is when an http.Transport without Protocols does.
func speaksHTTP2(t *http.Transport) bool {
	return t.ForceAttemptHTTP2 || t.TLSNextProto == nil && t.TLSClientConfig == nil && t.DialContext == nil && t.DialTLSContext == nil
}

// unsentError says that there was no connection on which to send anything.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// connect connects. addr is that of the request, and matters only if the replica's has no port.
func (d dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	host := d.host
	if d.bare {
		_, port, err := net.SplitHostPort(addr)
		if err != nil || port == "" {
			port = "80"
		}
		host = net.JoinHostPort(host, port)
	}
	c, err := d.dial(ctx, network, host)
	if err != nil {
		return nil, &unsentError{err}
	}
	return c, nil
}

// connectTLS connects and shakes hands, for the name in the request's URL unless the settings have one. Whatever goes wrong,
// nothing of a request was sent.
func (d dialer) connectTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := d.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = addr
		if host, _, err := net.SplitHostPort(addr); err == nil {
			config.ServerName = host
		}
	}
	if limit := d.from.TLSHandshakeTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	secure := tls.Client(c, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &unsentError{err}
	}
	return secure, nil
}
