package rotahttp

import (
	"net/http"
	"sync"
	"time"

	"github.com/rota-go/rota/internal/h1"
)

// idle keeps connections to one replica that nobody uses. The last one to come is the first to go, so that those that
// are not needed get old.
type idle struct {
	most    int           // more are closed
	timeout time.Duration // after which one that was not used is closed, or up to half as long again
	maxHead int64

	mu     sync.Mutex
	conns  []*h1.Conn
	closed bool
	ticker *time.Timer // runs while there are conns
}

// of sets out with the settings of t.
func (i *idle) of(t *http.Transport) {
	i.most, i.timeout, i.maxHead = t.MaxIdleConnsPerHost, t.IdleConnTimeout, t.MaxResponseHeaderBytes
	if i.most <= 0 {
		i.most = http.DefaultMaxIdleConnsPerHost
	}
	if i.timeout <= 0 {
		i.timeout = 90 * time.Second
	}
	if i.maxHead <= 0 {
		i.maxHead = 10 << 20 // net/http's default
	}
}

// take returns a connection, or nil if there is none. Whether it is still open is for its RoundTrip to see.
func (i *idle) take() *h1.Conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.conns) - 1
	if last < 0 {
		return nil
	}
	c := i.conns[last]
	i.conns[last] = nil
	i.conns = i.conns[:last]
	return c
}

// put keeps a connection, or closes it.
func (i *idle) put(c *h1.Conn) {
	if !i.push(c) {
		c.Close()
	}
}

func (i *idle) push(c *h1.Conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.conns) >= i.most {
		return false
	}
	c.Idled, c.Touched = true, true
	i.conns = append(i.conns, c)
	if i.ticker == nil {
		i.ticker = time.AfterFunc(i.timeout/2, i.tick)
	}
	return true
}

// tick closes connections that were not used since the tick before the last.
func (i *idle) tick() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ticker == nil {
		return // closed meanwhile
	}
	kept := i.conns[:0]
	for _, c := range i.conns {
		if !c.Touched {
			c.Close()
			continue
		}
		c.Touched = false
		kept = append(kept, c)
	}
	clear(i.conns[len(kept):])
	i.conns = kept
	if len(kept) == 0 {
		i.ticker = nil
		return
	}
	i.ticker.Reset(i.timeout / 2)
}

// close closes all that is idle, and for good also what will be.
func (i *idle) close(forGood bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = i.closed || forGood
	for _, c := range i.conns {
		c.Close()
	}
	i.conns = nil
	if i.ticker != nil {
		i.ticker.Stop()
		i.ticker = nil
	}
}
