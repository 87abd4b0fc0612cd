// Package setup reads what a proxy is to do from a file, and says of every mistake in it on which line it is.
package setup

import (
	"time"

	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/rotahttp"
)

// Setup is a whole file. The keys of a file are the names of the fields, in lower case with underscores.
type Setup struct {
	Listeners []Listener         // where requests come in; at least one
	Routes    []Route            // where they go; the most specific one counts, see Route
	Services  map[string]Service // by name
	AccessLog *AccessLog         // a line for each request; off by default
	Forwarded Forwarded          // what replicas are told of the client
	Admin     *Admin             // the live page and metrics; on by default
	Drain     Drain              // how the proxy leaves
	Debug     Debug              // who may ask why a request went where it did

	file string     // where it is from; "" = flags
	doc  *tree.Node // the same; nil = flags
}

// Listener is a socket, and how requests come in on it.
type Listener struct {
	Name string // for logs, and for a socket that is handed on; default the address
	// Listen is an address such as :8090 or 127.0.0.1:8090. fd:NAME is a socket of that name that was handed to the process
	// (systemd's FileDescriptorName). Required.
	Listen string
	TLS    *ServerTLS // nil = plain HTTP
	// Protocols are http1 and http2 (the default is both): over TLS the handshake decides, over plain TCP what the client begins
	// with (h2c with prior knowledge).
	Protocols []string
	// Edge takes out of requests what only our own callers may say: deadlines, traces, request ids (rotahttp.ServerPolicy).
	// For listeners that strangers reach.
	Edge              bool
	ReadHeaderTimeout time.Duration // for the head of a request; default 5s
	ReadTimeout       time.Duration // for a whole request, its body included; default none, for it would cut streams
	IdleTimeout       time.Duration // of a connection between requests; default 2m
	MaxHeader         Bytes         // of the head of a request; default 64KiB
	// Limit bounds how many requests are handled at once; off by default.
	Limit *rotahttp.Limit
}

// ServerTLS is how a listener proves who it is, and whom it wants proof from. Files are read again when they change.
type ServerTLS struct {
	Cert, Key string // files in PEM; the chain after the certificate; required
	// ClientCA is a file with the authorities whose clients' certificates are taken; "" = none is asked for.
	ClientCA string
	Optional bool   // a client may come without a certificate
	Min      string // 1.2 (the default) or 1.3
}

// Route says which requests it is for, and what becomes of them. Of the routes that fit, that with a host goes before one
// without, then the longest path, then the one with more of method and header, then the first.
type Route struct {
	Name    string            // for logs and metrics; default what it fits
	Host    string            // the Host of the request without its port; *.example.com fits all below; "" = any
	Path    string            // what the path begins with: /v1 fits /v1 and /v1/users, and not /v10. Default /
	Method  []string          // any of these; default all
	Header  map[string]string // that a request has to have, with this value; "*" = any value
	Service string            // the name of one of the services; required
	// Idempotent says that every request of the route may be sent more than once, whatever its method.
	Idempotent bool
	Timeout    Raw // as in the service's policy, and instead of it; off = none
	Retry      Raw // the same
	Hedge      Raw // the same
	// BufferResponse is up to how many bytes a response is held until it is whole, so that one that breaks off is tried
	// elsewhere; 0 = it is passed on as it comes.
	BufferResponse Bytes
	MaxRequest     Bytes // of a request's body; more is 413. Default no bound
	MaxResponse    Bytes // of a response's body; more is 502, or breaks it off. Default no bound
	Rate           *Rate // more requests are 429; off by default
	Rewrite        Rewrite
	// Key is the name of a header whose value sends requests to the same replica, if the balancer hashes; default none.
	Key string
}

// Rate bounds how many requests come in.
type Rate struct {
	PerSecond float64 // on the average; required
	Burst     int     // at once; default a tenth of a second's, at least 1
	By        string  // route (the default): all of the route together; client: each address by itself
}

// Rewrite changes requests and responses on their way.
type Rewrite struct {
	StripPrefix string  // taken from the front of the path
	AddPrefix   string  // put in front of the path, after that
	Host        string  // the Host that replicas see; default the client's
	Request     Headers // of requests
	Response    Headers // of responses
}

// Headers changes headers: first Remove, then Set, then Add.
type Headers struct {
	Set    map[string]string
	Add    map[string]string
	Remove []string
}

// Service is replicas that do the same, and how they are called.
type Service struct {
	// Target is where the replicas are: addresses with commas between, or dns:///, dns+srv:///, file:/// (resolve.Parse).
	// Required.
	Target string
	// Protocol is http1 (the default), http2 (over TLS), h2c (without), or auto: what a TLS handshake agrees on.
	Protocol string
	TLS      *ClientTLS // nil = plain HTTP, unless addresses begin with https://
	Policy   Policy     // timeout, retry, hedge, breaker, balancer, …: as for the library and the simulator
	Check    *rotahttp.Check
	// MaxReplay is up to which size a request's body is kept, to be sent again; default 64KiB.
	MaxReplay Bytes
	Dial      time.Duration // for a connection; default 1s

	// What only rota doctor reads:
	Calls          []string      // services of this file that the replicas call in turn
	CallsPerSecond float64       // from this proxy, at its busiest
	Replicas       int           // how many there usually are
	TTL            time.Duration // of the DNS records
	P99            time.Duration // the 99th percentile of their latency
}

// ClientTLS is how replicas are called over TLS.
type ClientTLS struct {
	CA         string // a file with the authorities to trust; default the system's
	Cert, Key  string // files in PEM: who we are; default nobody
	ServerName string // that the certificate has to be for; default the service's name
}

// AccessLog is a line for each request.
type AccessLog struct {
	To     string  // stdout, stderr (the default), or a file, which is opened again on SIGHUP
	Format string  // logfmt (the default) or json
	Sample float64 // the share of requests that are logged; those with a status of 500 or more all are. Default 1, 0 = only those
}

// Forwarded is what replicas are told of the client.
type Forwarded struct {
	// Trust are networks such as 10.0.0.0/8 whose word is taken and added to; what others say is removed. Default none.
	Trust []string
	Hops  int    // how many proxies of those networks there are at most; default 1
	Send  string // x-forwarded (the default), forwarded (RFC 7239), both or none
}

// Admin is where the live page, metrics and health checks are served.
type Admin struct {
	Listen    string   // default 127.0.0.1:9901
	Write     bool     // the page may drain and eject replicas, and change weights
	TokenFile string   // a file with a token that is asked for; default none
	Hosts     []string // names in the Host header that are taken, beside those of loopback
	Pprof     bool     // /debug/pprof
	implied   bool     // Listen was left out
}

// Drain is how the proxy leaves.
type Drain struct {
	Wait     time.Duration // while it says that it drains, and serves on; default 5s, 0 = none
	Shutdown time.Duration // for requests under way to end, after that; default 10s, 0 = none
}

// DefaultDrain is how the proxy leaves unless a file or flag says otherwise.
func DefaultDrain() Drain { return Drain{Wait: 5 * time.Second, Shutdown: 10 * time.Second} }

// Debug is who may ask, with a header Rota-Debug: 1, why a request went where it did: the response says it in the same
// header. What another proxy passes on counts as from the client that it names, if it is one of Forwarded.Trust; otherwise
// anybody may be behind it, and gets no answer.
type Debug struct {
	Trust []string // networks; default loopback
}

// Implied reports whether nobody said where the page is to be.
func (a *Admin) Implied() bool { return a.implied }

// pageSocket is the name under which the page's socket is handed on.
const pageSocket = "admin"

// DefaultAdmin is where the live page is unless a file or flag says otherwise.
const DefaultAdmin = "127.0.0.1:9901"

// Policy is a config.Policy, and its place in the file.
type Policy struct {
	config.Policy
	raw Raw
}
