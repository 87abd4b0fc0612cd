// Package h1 speaks HTTP/1.1 as a client, on the goroutine of its caller.
//
// net/http gives each connection two goroutines, so a request is handed over four times between threads; that is half of
// what a small request costs its client. Here the caller writes the request and reads the reply itself. The price is
// that both cannot go on at once, so only requests whose body is short and in memory are for this package; Fits tells.
// Requests are written, and replies parsed, by net/http.
package h1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// Conn is a connection to a server. One request at a time may be on it.
type Conn struct {
	nc      net.Conn
	head    int64         // the most bytes that a reply's head may have, informational ones before it included
	left    int64         // bytes that may still be read
	sent    int64         // bytes of the request that were written
	written bool          // all of it
	br      *bufio.Reader // of readers, while a reply is read

	interrupt func() // ends a read or write that waits, and every later one; made once

	mu       sync.Mutex
	hit      bool // interrupt has done it
	forgiven int  // how many calls of interrupt are to do nothing: they come too late

	turn turn

	Idled   bool // it was idle: RoundTrip looks whether it still is
	Touched bool // for the owner of idle connections: it was used since somebody looked
}

// readers are for replies: a connection that is idle, or waits, has none.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// New returns a Conn over nc, which it owns. maxHead bounds the head of a reply, in bytes. It reports false when nc cannot
// tell whether the server has closed it: then it can be used once.
func New(nc net.Conn, maxHead int64) (*Conn, bool) {
	c := &Conn{nc: nc, head: maxHead}
	c.interrupt = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.forgiven > 0 {
			c.forgiven--
			return
		}
		c.hit = true
		nc.SetDeadline(time.Unix(1, 0))
	}
	return c, c.initTurn()
}

// release ends the connection's interest in a context; stop is what context.AfterFunc returned. If the context has ended
// meanwhile, that is undone, whether interrupt was called already or is about to be: the connection can be used again if
// what it waited for has come all the same. It reports false if the connection is of no more use.
func (c *Conn) release(stop func() bool) bool {
	if stop() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hit {
		c.forgiven++
		return true
	}
	c.hit = false
	return c.nc.SetDeadline(time.Time{}) == nil
}

// UnsentError says that nothing of a request was written.
type UnsentError struct{ err error }

func (e *UnsentError) Error() string { return e.err.Error() }
func (e *UnsentError) Unwrap() error { return e.err }

// Causes of a failed RoundTrip.
var (
	ErrHeadTooLong = errors.New("the reply's headers exceeded their limit")
	ErrStale       = errors.New("the idle connection is of no use any more")
	errSwitched    = errors.New("the server switches protocols without having been asked to")
)

// Close closes the connection.
func (c *Conn) Close() error { return c.nc.Close() }

// RoundTrip sends m and returns the reply once its head has come. The end of ctx ends it, and the reading of the reply's
// body. When the connection can be used for another request, idle gets it: before RoundTrip returns, when there is no body,
// or when the body's end was read. Otherwise it is closed, unless RoundTrip returns an error for which Waits is true. With
// ErrStale nothing was sent: the server has closed the connection, or has said something unasked, which could be taken for
// the reply.
func (c *Conn) RoundTrip(ctx context.Context, m *Message, idle func(*Conn)) (*http.Response, error) {
	stop := notStopped
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, c.interrupt)
	}
	resp, err := c.exchange(m)
	if err != nil {
		c.release(stop)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			if c.written && c.left == c.head {
				return nil, &waitingError{err}
			}
		}
		c.nc.Close()
		if c.sent == 0 && err != ErrStale {
			err = &UnsentError{err}
		}
		return nil, err
	}
	c.left = math.MaxInt64
	reusable := !resp.Close && !m.req.Close
	if resp.Body == http.NoBody {
		c.end(reusable && c.release(stop), idle)
		return resp, nil
	}
	resp.Body = &body{from: resp.Body, conn: c, ctx: ctx, stop: stop, reusable: reusable, idle: idle}
	return resp, nil
}

func notStopped() bool { return true }

// waitingError says that ctx ended while the reply was awaited, and nothing of it had come.
type waitingError struct{ err error }

func (e *waitingError) Error() string { return e.err.Error() }
func (e *waitingError) Unwrap() error { return e.err }

// Waits reports whether RoundTrip ended with err while it waited for the first byte of a reply. The connection is still
// open then: it is to be closed, or to be given to Outwait.
func Waits(err error) bool {
	_, ok := err.(*waitingError)
	return ok
}

// Outwait waits for the reply that RoundTrip did not, no longer than d, and gives the connection to idle if it can be used
// again. method is that of the request that was sent; the request itself is its owner's again.
func (c *Conn) Outwait(method string, d time.Duration, idle func(*Conn)) {
	c.nc.SetDeadline(time.Now().Add(d))
	resp, err := c.reply(&Message{req: &http.Request{Method: method}}, nil)
	if err != nil {
		c.nc.Close()
		return
	}
	c.left = maxOutwaited
	_, err = io.Copy(io.Discard, resp.Body)
	c.end(err == nil && !resp.Close && c.nc.SetDeadline(time.Time{}) == nil, idle)
}

// maxOutwaited is the longest reply that is read for the sake of its connection, in bytes.
const maxOutwaited = 64 << 10

// exchange writes a request and reads the head of its reply. A server may reply, and close, before it has read all.
func (c *Conn) exchange(m *Message) (*http.Response, error) {
	c.sent, c.left, c.written = 0, c.head, false
	err := c.ask(m.buf.Bytes())
	switch {
	case err == ErrStale:
		return nil, err
	case err != nil && c.sent == 0:
		return nil, fmt.Errorf("write request: %w", err)
	}
	c.written = err == nil
	return c.reply(m, err)
}

// reply reads the head of a reply. werr is why the request was not written to its end.
func (c *Conn) reply(m *Message, werr error) (*http.Response, error) {
	c.br = readers.Get().(*bufio.Reader)
	c.br.Reset((*reader)(c))
	resp, err := c.final(m)
	switch {
	case err == nil:
		resp.Close = resp.Close || werr != nil
		return resp, nil
	case c.left <= 0: // whatever ReadResponse makes of a head that ends there
		err = ErrHeadTooLong
	case werr != nil:
		err = fmt.Errorf("write request: %w", werr)
	}
	c.free()
	return nil, err
}

// final reads heads until one is final.
func (c *Conn) final(m *Message) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.br, m.req)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read reply: %w", whole(err))
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitched
		case resp.StatusCode >= 200:
			return resp, nil
		case m.Informational != nil:
			m.Informational(resp.StatusCode, resp.Header)
		}
	}
}

// whole says of the end of a connection that something is missing.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end gives the connection back, or closes it. What has come after the reply belongs to none.
func (c *Conn) end(reusable bool, idle func(*Conn)) {
	reusable = reusable && c.br.Buffered() == 0
	c.free()
	if reusable {
		idle(c)
		return
	}
	c.nc.Close()
}

// free gives the reader back.
func (c *Conn) free() {
	c.br.Reset(nil)
	readers.Put(c.br)
	c.br = nil
}

// reader is the connection as its buffer sees it.
type reader Conn

func (r *reader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, ErrHeadTooLong
	}
	n, err := r.nc.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// askSimply writes out, on a connection whose silence is known in another way.
func (c *Conn) askSimply(out []byte) error {
	if a, ok := c.nc.(interface{ Alive() bool }); ok && c.Idled && !a.Alive() {
		return ErrStale
	}
	return c.write(out)
}

func (c *Conn) write(p []byte) error {
	n, err := c.nc.Write(p)
	c.sent += int64(n)
	return err
}
