package rotahttp

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// door is the listener of a server that leaves in two steps: stop lets nobody in any more, while the server does not
// notice and serves those who are there; Close is for the server to call, in Shutdown.
//
// http.Server.Shutdown sends a GOAWAY on every connection of HTTP/2, and closes those that are idle as soon as Accept has
// returned: at once, and a request that is on its way meets a closed connection. So Accept returns a moment later.
type door struct {
	net.Listener
	stopped  atomic.Bool
	linger   atomic.Bool // somebody speaks HTTP/2
	once     sync.Once
	released chan struct{} // Accept may return
}

func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil && d.stopped.Load() {
		<-d.released
	}
	return c, err
}

// stop closes the listener. Accept blocks until Close.
func (d *door) stop() error {
	if d.stopped.CompareAndSwap(false, true) {
		return d.Listener.Close()
	}
	return nil
}

func (d *door) Close() error {
	err := d.stop()
	d.once.Do(func() {
		if d.linger.Load() {
			time.AfterFunc(goAwayTime, func() { close(d.released) })
			return
		}
		close(d.released)
	})
	return err
}

// porch answers health checks before the gate: they must be answered when there is no place, and are nobody's request.
type porch struct {
	gate   *Gate
	next   http.Handler // the gate, or what is around it
	probes map[string]http.Handler
	door   *door
}

func (p *porch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && !p.door.linger.Load() {
		p.door.linger.Store(true)
	}
	if probe := p.probes[r.URL.Path]; probe != nil {
		p.gate.announce(w.Header(), http.StatusOK, p.gate.report.Load(p.gate.now()))
		probe.ServeHTTP(w, r)
		return
	}
	if p.gate.tell(w, r) { // before what is around the gate: it is nobody's request either
		return
	}
	if p.gate.Draining() && r.Header["Upgrade"] == nil { // what is around the gate may reply without it
		w.Header()["Connection"] = closing
	}
	p.next.ServeHTTP(w, r)
}

// probes returns what is answered before the gate, by path.
func (r *Runner) probes(g *Gate) map[string]http.Handler {
	all := make(map[string]http.Handler, len(r.Probes)+2)
	if r.Healthz != "" {
		all[r.Healthz] = probe(func() (int, string) { return http.StatusOK, "ok\n" })
	}
	if r.Readyz != "" {
		all[r.Readyz] = probe(func() (int, string) {
			if g.Draining() {
				return http.StatusServiceUnavailable, "draining\n"
			}
			return http.StatusOK, "ready\n"
		})
	}
	for path, h := range r.Probes {
		all[path] = h
	}
	return all
}

// probe answers a health check.
type probe func() (status int, text string)

func (p probe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"], h["X-Content-Type-Options"], h["Cache-Control"] = plainText, noSniff, noStore
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h["Allow"] = []string{"GET, HEAD"}
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	status, text := p()
	w.WriteHeader(status)
	io.WriteString(w, text)
}

var noStore = []string{"no-store"}
