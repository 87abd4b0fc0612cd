package h1

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// body is a reply's body. Its end, whichever way it comes, is the end of the connection's part in the request.
type body struct {
	from     io.ReadCloser
	conn     *Conn
	ctx      context.Context // of the attempt
	stop     func() bool     // ends the connection's interest in ctx; false = it is being interrupted
	reusable bool
	idle     func(*Conn)

	reading sync.Mutex // held by Read; Close does not wait for one
	err     error      // what further reads get, guarded by reading
	closed  atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	if err == nil {
		return n, nil
	}
	switch {
	case b.closed.Load():
		err = http.ErrBodyReadAfterClose
	case err != io.EOF && b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	}
	b.err = err
	b.end(err == io.EOF)
	return n, err
}

// Close ends the body, and a Read that waits. When all that is missing has arrived already, the connection is kept.
func (b *body) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	if !b.reading.TryLock() {
		b.conn.nc.Close() // the Read that fails now does the rest
		return nil
	}
	defer b.reading.Unlock()
	if b.err == nil {
		b.end(b.reusable && b.rest())
	}
	b.err = http.ErrBodyReadAfterClose
	return nil
}

// end gives the connection back. whole says that there is nothing more to come on it.
func (b *body) end(whole bool) {
	if !whole || !b.reusable {
		b.stop()
		b.conn.end(false, b.idle)
		return
	}
	b.conn.end(b.conn.release(b.stop), b.idle)
}

// rest reads what is left of a body as far as it is in the buffer, and reports whether that was all.
func (b *body) rest() bool {
	if b.conn.br.Buffered() == 0 {
		return false
	}
	b.conn.nc.SetReadDeadline(time.Unix(1, 0))
	var scratch [512]byte
	for {
		_, err := b.from.Read(scratch[:])
		if err != nil {
			return err == io.EOF && b.conn.nc.SetReadDeadline(time.Time{}) == nil
		}
	}
}
