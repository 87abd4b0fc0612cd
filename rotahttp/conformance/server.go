package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// host is that of every request's URL. It resolves to nothing.
const host = "conformance.test"

// Server is where the requests of one case go.
type Server struct {
	// Protocol is the only one that the server speaks.
	Protocol Protocol
	// Addr is a TCP address, "127.0.0.1:port".
	Addr string
	// TLS is the configuration of a client that trusts the server; nil without TLS. The certificate is good for the host
	// of the requests and for that of Addr. It is the receiver's to change.
	TLS *tls.Config
	// DialContext connects to the server, whatever the address that it is given. Who dials through it has its own ends of
	// the connections counted, and is asked for more: see the case context/dial.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// URL returns the scheme and address, "http://127.0.0.1:port".
func (s Server) URL() string { return s.Protocol.scheme() + "://" + s.Addr }

// NewTransport returns an http.Transport that sends every request to the server, for a RoundTripper that builds on one.
func (s Server) NewTransport() *http.Transport {
	return &http.Transport{
		DialContext:            s.DialContext,
		TLSClientConfig:        s.TLS,
		Protocols:              s.Protocol.protocols(),
		MaxIdleConnsPerHost:    1024,
		ExpectContinueTimeout:  50 * time.Millisecond,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

func (p Protocol) protocols() *http.Protocols {
	var ps http.Protocols
	ps.SetHTTP1(p.major() == 1)
	ps.SetHTTP2(p == HTTP2)
	ps.SetUnencryptedHTTP2(p == H2C)
	return &ps
}

// keys are a certificate for the servers and what trusts it.
type keys struct {
	certificate tls.Certificate
	roots       *x509.CertPool
}

func newKeys(tb testing.TB) *keys {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	k := &keys{certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: x509.NewCertPool()}
	k.roots.AddCert(cert)
	return k
}

func (k *keys) server(p Protocol) *tls.Config {
	next := "http/1.1"
	if p == HTTP2 {
		next = "h2"
	}
	return &tls.Config{
		Certificates: []tls.Certificate{k.certificate}, NextProtos: []string{next},
		CurvePreferences: []tls.CurveID{tls.X25519}, // there are many handshakes
	}
}

func (k *keys) client() *tls.Config { return &tls.Config{RootCAs: k.roots} }

// ends counts one side's ends of connections.
type ends struct {
	total atomic.Int64 // ever
	open  atomic.Int64 // now
}

func (n *ends) count(c net.Conn) net.Conn {
	n.total.Add(1)
	n.open.Add(1)
	return &end{TCPConn: c.(*net.TCPConn), n: n}
}

// end is open until its first Close.
type end struct {
	*net.TCPConn
	n    *ends
	once sync.Once
}

func (c *end) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() { c.n.open.Add(-1) })
	return err
}

// listener counts what it accepts.
type listener struct {
	net.Listener
	n *ends
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.n.count(c), nil
}
