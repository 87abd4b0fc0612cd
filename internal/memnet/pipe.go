package memnet

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// bufferSize is how much one direction holds before its writer waits.
const bufferSize = 64 << 10

// pipe is one direction of a connection.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond // on mu: anything below
	buf     bytes.Buffer
	writing bool // one Write at a time, so that they do not interleave

	// readErr and writeErr are what each side gets from now on; nil = go on. io.EOF waits until buf is empty.
	readErr, writeErr error

	readLimit, writeLimit deadline
}

// deadline is a time limit that has passed or may still pass; the pipe's mu guards it.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readErr != nil && p.readErr != io.EOF:
			return 0, p.readErr
		case p.readLimit.passed:
			return 0, os.ErrDeadlineExceeded
		case p.buf.Len() > 0:
			n, _ := p.buf.Read(b)
			p.changed.Broadcast()
			return n, nil
		case p.readErr == io.EOF:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *pipe) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readErr == nil && p.buf.Len() == 0
}

func (p *pipe) write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.writing {
		if err := p.mayWriteLocked(); err != nil {
			return 0, err
		}
		p.changed.Wait()
	}
	p.writing = true
	defer func() {
		p.writing = false
		p.changed.Broadcast()
	}()
	for {
		if err := p.mayWriteLocked(); err != nil {
			return n, err
		}
		room := min(len(b)-n, bufferSize-p.buf.Len())
		p.buf.Write(b[n : n+room])
		n += room
		if n == len(b) {
			return n, nil
		}
		p.changed.Broadcast()
		p.changed.Wait()
	}
}

func (p *pipe) mayWriteLocked() error {
	if p.writeErr == nil && p.writeLimit.passed {
		return os.ErrDeadlineExceeded
	}
	return p.writeErr
}

// end stops the direction: readErr for its reader, writeErr for its writer.
func (p *pipe) end(readErr, writeErr error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readErr = worse(p.readErr, readErr)
	p.writeErr = worse(p.writeErr, writeErr)
	if p.readErr != io.EOF {
		p.buf = bytes.Buffer{}
	}
	if p.readErr == net.ErrClosed {
		p.readLimit.stop()
	}
	if p.writeErr == net.ErrClosed {
		p.writeLimit.stop()
	}
	p.changed.Broadcast()
}

// worse says which of two reasons a side is told: its own close before the peer's reset before the peer's close. So a
// handler may Reset and then run its deferred Close, and a reset after CloseWrite still reaches the peer.
func worse(old, next error) error {
	switch {
	case old == nil, next == net.ErrClosed, next == errReset && old != net.ErrClosed:
		return next
	}
	return old
}

func (p *pipe) setReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readErr == net.ErrClosed {
		return net.ErrClosed
	}
	p.setLocked(&p.readLimit, t)
	return nil
}

func (p *pipe) setWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writeErr == net.ErrClosed {
		return net.ErrClosed
	}
	p.setLocked(&p.writeLimit, t)
	return nil
}

func (p *pipe) setLocked(d *deadline, t time.Time) {
	d.stop()
	d.passed = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		p.changed.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d.timer != timer {
			return // stopped or replaced while this waited for mu
		}
		d.passed = true
		p.changed.Broadcast()
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
