package main

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// handshake is how a replica greets callers over TLS.
type handshake struct {
	certs []tls.Certificate // the right one, then one for another name
	mode  atomic.Int64
}

// set reports whether the mode is another one than before.
func (h *handshake) set(m tlsMode) bool { return h.mode.Swap(int64(m)) != int64(m) }

// config speaks HTTP/1.1 only, and resumes no sessions: each connection shows its certificate.
func (h *handshake) config() *tls.Config {
	return &tls.Config{
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch tlsMode(h.mode.Load()) {
			case tlsAlert:
				return nil, errors.New("told to refuse")
			case tlsName:
				return &h.certs[len(h.certs)-1], nil
			}
			return &h.certs[0], nil
		},
	}
}

// connections is a listener that can close all it has accepted.
type connections struct {
	net.Listener

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (l *connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = struct{}{}
	return &connection{c, l}, nil
}

func (l *connections) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
	clear(l.open)
}

// connection leaves the list when it closes.
type connection struct {
	net.Conn
	list *connections
}

// SetLinger is that of the TCP connection.
func (c *connection) SetLinger(sec int) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

func (c *connection) Close() error {
	c.list.mu.Lock()
	delete(c.list.open, c.Conn)
	c.list.mu.Unlock()
	return c.Conn.Close()
}
