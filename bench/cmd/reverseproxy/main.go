// Command reverseproxy is a bare httputil.ReverseProxy in front of replicas that take turns: what a proxy in Go costs before it
// does anything for its callers.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	to := flag.String("to", "", "addresses of the `replicas`, with commas between")
	flag.Parse()
	if *to == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "reverseproxy: want -to=HOST:PORT,…")
		os.Exit(2)
	}
	server := &http.Server{Addr: *listen, Handler: newProxy(strings.Split(*to, ",")), ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintln(os.Stderr, "reverseproxy:", server.ListenAndServe())
	os.Exit(1)
}

// newProxy keeps every connection that it makes, and reuses buffers: nobody could set it up to cost less.
func newProxy(replicas []string) http.Handler {
	targets := make([]*url.URL, len(replicas))
	for i, addr := range replicas {
		targets[i] = &url.URL{Scheme: "http", Host: addr}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DisableCompression = true
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 1024
	var turn atomic.Uint64
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(targets[turn.Add(1)%uint64(len(targets))])
			r.SetXForwarded()
		},
		Transport:  transport,
		BufferPool: new(buffers),
	}
}

// buffers are for bodies on their way.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return new([bufferSize]byte)[:]
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
