package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"
)

// tap overhears one lookup of a net.Resolver: it makes the connections, and reads along.
type tap struct {
	server string        // host:port to ask, whatever the system says; "" = as the system says
	try    time.Duration // the most that one query may take: one that was lost should not be all of the lookup

	mu    sync.Mutex
	heard map[question]message // the last response to each question
}

// resolver returns the resolver to overhear.
func (t *tap) resolver() *net.Resolver { return &net.Resolver{PreferGo: true, Dial: t.dial} }

func (t *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if t.server != "" {
		address = t.server
	}
	d := net.Dialer{Timeout: t.try}
	raw, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, tap: t}
	// net reads until its deadline, even when nobody waits for the answer any more.
	c.release = context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			raw.Close()
		}
	})
	if p, ok := raw.(net.PacketConn); ok {
		return &packetConn{c, p}, nil
	}
	c.stream = true
	return c, nil
}

func (t *tap) hear(asked message, b []byte, whole bool) {
	m, err := readMessage(b)
	if err != nil || !m.response || m.id != asked.id || m.question != asked.question || m.truncated && !whole {
		return // net does not take it for the answer either
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.heard == nil {
		t.heard = make(map[question]message)
	}
	t.heard[m.question] = m
}

// ttl returns how long the answer may be kept, or, if there was none, for how long that may be believed.
func (t *tap) ttl() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, absent := noTTL, noTTL
	for _, m := range t.heard {
		switch {
		case m.rcode == rcodeSuccess && m.records:
			found = shorter(found, m.ttl)
		case m.settles():
			absent = shorter(absent, m.ttl)
		}
	}
	if found != noTTL {
		return found
	}
	return absent
}

// unsettled returns the first of kinds about which nobody gave an answer, though there are records of another kind for
// the same name; 0 if there is none.
func (t *tap) unsettled(kinds []uint16) uint16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	for q, m := range t.heard {
		if m.rcode != rcodeSuccess || !m.records {
			continue
		}
		for _, kind := range kinds {
			if other, ok := t.heard[question{q.name, kind}]; !ok || !other.settles() {
				return kind
			}
		}
	}
	return 0
}

// conn reads along on one query.
type conn struct {
	net.Conn
	tap     *tap
	release func() bool // ends the watch on the context
	stream  bool        // messages have their length before them

	asked message
	buf   []byte // of a stream, what has come so far
}

// packetConn is a conn of which net can see that it keeps messages apart.
type packetConn struct {
	*conn
	packets net.PacketConn
}

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error)   { return c.packets.ReadFrom(b) }
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) { return c.packets.WriteTo(b, to) }

// Write sends a query, which net does in one piece.
func (c *conn) Write(b []byte) (int, error) {
	query := b
	if c.stream && len(b) >= lengthSize {
		query = b[lengthSize:]
	}
	if m, err := readMessage(query); err == nil {
		c.asked = m
	}
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case n <= 0:
	case c.stream:
		c.hearStream(b[:n])
	default:
		c.tap.hear(c.asked, b[:n], false)
	}
	return n, err
}

// lengthSize is that of the length before a message in a stream.
const lengthSize = 2

// hearStream takes the first message, which is all that net reads.
func (c *conn) hearStream(b []byte) {
	want := lengthSize
	if len(c.buf) >= lengthSize {
		want += int(binary.BigEndian.Uint16(c.buf))
		if len(c.buf) >= want {
			return
		}
	}
	c.buf = append(c.buf, b[:min(len(b), lengthSize+maxMessage-len(c.buf))]...)
	if len(c.buf) < lengthSize {
		return
	}
	if want = lengthSize + int(binary.BigEndian.Uint16(c.buf)); len(c.buf) >= want {
		c.tap.hear(c.asked, c.buf[lengthSize:want], true)
	}
}

// SetDeadline is where net says how long the query may take.
func (c *conn) SetDeadline(t time.Time) error {
	if cut := time.Now().Add(c.tap.try); t.IsZero() || t.After(cut) {
		t = cut
	}
	return c.Conn.SetDeadline(t)
}

func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}
