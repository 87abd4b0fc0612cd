//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certify writes a certificate for name and 127.0.0.1, signed by itself, and returns it.
func certify(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFileT(t, filepath.Join(dir, name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	writeFileT(t, filepath.Join(dir, name+".crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Certificates are read again when they change; clients without one are turned away where one is wanted.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	server := certify(t, dir, "server")
	client := certify(t, dir, "client")
	writeFileT(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Raw})))
	name := filepath.Join(dir, "rota.yaml")
	text := strings.NewReplacer(`"127.0.0.1:0"`, `"127.0.0.1:0", tls: {cert: DIR/server.crt, key: DIR/server.key, client_ca: DIR/ca.crt}`).
		Replace(fmt.Sprintf(file, backend(t, "a")))
	writeFileT(t, name, strings.ReplaceAll(text, "DIR", dir))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "https://" + p.await(1, listening)
	call := func(trusted *x509.Certificate, with bool) (string, error) {
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		c := &tls.Config{RootCAs: pool}
		if with {
			pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"))
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
		resp, err := client.Get(url)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.Proto, " ", string(b)), err
	}
	if got, err := call(server, true); got != "HTTP/2.0 a" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := call(server, false); err == nil {
		t.Errorf("%q without a certificate, want none", got)
	}
	until := func(what string, good func() bool) {
		t.Helper()
		for late := time.Now().Add(20 * time.Second); !good(); {
			if time.Now().After(late) {
				t.Fatal(what)
			}
		}
	}
	works := func(trusted *x509.Certificate) func() bool {
		return func() bool {
			got, err := call(trusted, true)
			return err == nil && got == "HTTP/2.0 a"
		}
	}
	renewed := certify(t, dir, "server")
	until("the renewed certificate is not used", works(renewed))
	writeFileT(t, filepath.Join(dir, "server.crt"), "half of a certi")
	until("what cannot be read is not in the log", func() bool {
		if !works(renewed)() {
			t.Fatal("what cannot be read is used")
		}
		return strings.Contains(p.text(), "renewed file refused")
	})
	p.signal(syscall.SIGHUP)
	p.await(1, `msg="config refused.*rota.yaml:2: listeners\[0\].tls.cert: `)
	good := works(certify(t, dir, "server"))
	until("the certificate after a bad one is not used", good)
	p.await(1, `msg="config applied"`)
	writeFileT(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: renewed.Raw})))
	until("clients of an authority that is not trusted any more come in", func() bool { return !good() })
}

// Replicas are trusted if their certificate is of the authority in the file, which is read again when it changes; who asks for
// ours gets it.
func TestTLSToReplicas(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "rota")
	cert := certify(t, dir, "replica")
	replica := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	replica.EnableHTTP2 = true
	replica.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "replica.crt"), filepath.Join(dir, "replica.key"))
		return &pair, err
	}}
	replica.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(t.Output(), nil), 0)
	replica.StartTLS()
	defer replica.Close()
	trust := func(c *x509.Certificate) {
		writeFileT(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	trust(cert)
	name := filepath.Join(dir, "rota.yaml")
	text := strings.Replace(fmt.Sprintf(file, replica.Listener.Addr()), "services: {users: {",
		"services: {users: {protocol: http2, tls: {ca: DIR/ca.crt, cert: DIR/rota.crt, key: DIR/rota.key, server_name: replica}, ", 1)
	writeFileT(t, name, strings.ReplaceAll(text, "DIR", dir))
	p := launch(t, nil, nil, "proxy", "-config="+name)
	url := "http://" + p.await(1, listening)
	if status, body := get(t, url); status != 200 || body != "HTTP/2.0 rota" {
		t.Errorf("%d %q, want 200 HTTP/2.0 rota", status, body)
	}
	other := certify(t, dir, "replica")
	replica.CloseClientConnections()
	if status, body := get(t, url); status != http.StatusBadGateway {
		t.Errorf("a replica with a certificate of nobody we know: %d %q, want 502", status, body)
	}
	trust(other)
	p.await(1, `msg="config applied"`)
	if status, body := get(t, url); status != 200 || body != "HTTP/2.0 rota" {
		t.Errorf("once its authority is trusted: %d %q, want 200 HTTP/2.0 rota", status, body)
	}
}
