package rotahttp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// h2 makes x's client speak HTTP/2 without TLS, and counts its connections.
func (x *run) h2() *atomic.Int64 {
	dials := new(atomic.Int64)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	dial := dialer(x.listener)
	tr := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil {
			dials.Add(1)
		}
		return c, err
	}}
	x.client = &http.Client{Transport: tr}
	x.t.Cleanup(tr.CloseIdleConnections)
	return dials
}

func withH2C(h http.HandlerFunc) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: h, Protocols: protocols}
}

// On HTTP/2 the first reply of a drain sends a GOAWAY: the caller takes a new connection for what comes next, and
// streams that are under way end in peace.
func TestDrainHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{}, withH2C(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(http.Flusher); !ok || r.ProtoMajor != 2 {
				t.Errorf("HTTP/%d, Flusher %t", r.ProtoMajor, ok)
			}
			if r.URL.Path != "/stream" {
				return
			}
			for i := range 30 {
				fmt.Fprintln(w, i)
				http.NewResponseController(w).Flush()
				time.Sleep(200 * time.Millisecond)
			}
		}))
		dials := x.h2()
		stream, err := x.client.Get("http://server:80/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
		x.get("/")
		if dials.Load() != 1 {
			t.Errorf("%d connections, want the one", dials.Load())
		}
		x.leave()
		for i := range 4 {
			if status, load, _ := x.get("/"); status != 200 || !strings.HasSuffix(load, "draining") {
				t.Errorf("request %d: %d, %s", i, status, load)
			}
			time.Sleep(100 * time.Millisecond)
			if want := int64(1 + i); dials.Load() != want {
				t.Errorf("request %d: %d connections so far, want %d: each is told to go", i, dials.Load(), want)
			}
		}
		b, err := io.ReadAll(stream.Body)
		if n := strings.Count(string(b), "\n"); n != 30 || err != nil {
			t.Errorf("the stream had %d lines and %v, want all 30", n, err)
		}
		x.wantEnd(6*time.Second, nil)
	})
}

// A connection that nobody has used since the drain began hears a GOAWAY before it is closed, and a request that comes
// in between goes elsewhere, a POST too: it was certainly not handled.
func TestShutdownHTTP2IsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, &rotahttp.Runner{Wait: time.Second}, withH2C(hello))
		dials := x.h2()
		x.get("/")
		x.leave()
		time.Sleep(1105 * time.Millisecond) // the old one has stopped to listen, and said GOAWAY
		resp, err := x.client.Post("http://server:80/", "text/plain", bytes.NewReader([]byte("once")))
		if _, refused := errors.AsType[*net.OpError](err); !refused {
			t.Errorf("POST = %v, %v, want that it took a new connection, which was refused", resp, err)
		}
		if dials.Load() != 1 {
			t.Errorf("%d connections", dials.Load())
		}
		x.wantEnd(2200*time.Millisecond, nil) // net/http gives GOAWAY a second
	})
}

// With certificates it is TLS, and HTTP/2 for those who can.
func TestRunTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cert, pool := certificate(t)
		x := start(t, &rotahttp.Runner{Readyz: "/readyz"}, &http.Server{
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
			Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.TLS != nil) }),
		})
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			tr := &http.Transport{
				DialContext: dialer(x.listener), TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "server"},
				ForceAttemptHTTP2: proto == "HTTP/2.0",
			}
			client := &http.Client{Transport: tr}
			resp, err := client.Get("https://server:80/")
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(b) != proto+"true" {
				t.Errorf("it says %q, want %s and TLS", b, proto)
			}
			tr.CloseIdleConnections()
		}
		time.Sleep(time.Second)
		x.leave()
		x.wantEnd(time.Second, nil)
	})
}

// certificate makes one for "server", and a pool that knows it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
