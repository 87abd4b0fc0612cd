package rotahttp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The name in the certificate, the name that the handshake asks for and the Host header are the service's, though only the
// instance's address is dialled; the caller's settings for TLS hold, with a certificate of his own among them.
func TestTLSFollowsTheService(t *testing.T) {
	ca := newAuthority(t)
	for _, test := range []struct {
		name, addr, url string // %s is the server's address
		certificate     string
		config          func(*tls.Config)
		host            string
		http1           bool
		err             string
	}{
		{name: "HTTP/2", addr: "%s", url: "https://users.test/", certificate: "users.test"},
		{name: "HTTP/1.1", addr: "%s", url: "https://users.test/", certificate: "users.test", http1: true},
		{name: "address with a scheme", addr: "https://%s", url: "https://users.test/", certificate: "users.test"},
		{name: "TLS though the URL says http", addr: "https://%s", url: "http://users.test/", certificate: "users.test"},
		{name: "another Host", addr: "%s", url: "https://users.test/", certificate: "users.test", host: "other.test"},
		{name: "another name", addr: "%s", url: "https://users.test/", certificate: "10.internal",
			config: func(c *tls.Config) { c.ServerName = "10.internal" }},
		{name: "wrong name", addr: "%s", url: "https://users.test/", certificate: "other.test", err: "other.test"},
		{name: "no certificate of ours", addr: "%s", url: "https://users.test/", certificate: "users.test",
			config: func(c *tls.Config) { c.Certificates = nil }, err: "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sni, host, peer, proto string
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				sni, host, proto, peer = r.TLS.ServerName, r.Host, r.Proto, r.TLS.PeerCertificates[0].Subject.CommonName
			}))
			srv.EnableHTTP2 = true
			srv.Config.ErrorLog = nil
			srv.TLS = &tls.Config{
				Certificates: []tls.Certificate{ca.issue(t, test.certificate)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool,
			}
			srv.StartTLS()
			defer srv.Close()
			base := rotahttp.NewTransport()
			base.TLSClientConfig = &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.issue(t, "front")}}
			if test.config != nil {
				test.config(base.TLSClientConfig)
			}
			base.ForceAttemptHTTP2 = !test.http1
			client, err := rota.New(rota.Config{
				Resolver: rota.StaticAddrs(fmt.Sprintf(test.addr, srv.Listener.Addr())), Policy: rota.Policy{},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			rt := &rotahttp.Transport{Client: client, Base: base}
			defer rt.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), "GET", test.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = test.host
			resp, err := rt.RoundTrip(req)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("RoundTrip() = %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			wantHost, wantProto := "users.test", "HTTP/2.0"
			if test.host != "" {
				wantHost = test.host
			}
			if test.http1 {
				wantProto = "HTTP/1.1"
			}
			if sni != test.certificate || host != wantHost || peer != "front" || proto != wantProto {
				t.Errorf("the server saw SNI %q, Host %q, %s from %q", sni, host, proto, peer)
			}
		})
	}
}
