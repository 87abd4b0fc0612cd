package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificates are PEM files: an authority, two certificates that it signed, and the key of both.
type certificates struct {
	authority    string // for SSL_CERT_FILE
	right, wrong string // for loopback; for another name
	key          string
}

func writeCertificates(dir string) (certificates, error) {
	c := certificates{
		authority: filepath.Join(dir, "ca.pem"), right: filepath.Join(dir, "right.pem"),
		wrong: filepath.Join(dir, "wrong.pem"), key: filepath.Join(dir, "key.pem"),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return c, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rota fault harness"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	right, wrong := *ca, *ca
	right.SerialNumber, wrong.SerialNumber = big.NewInt(2), big.NewInt(3)
	right.IPAddresses, wrong.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"elsewhere.test"}
	for _, leaf := range []*x509.Certificate{&right, &wrong} {
		leaf.IsCA, leaf.KeyUsage = false, x509.KeyUsageDigitalSignature
		leaf.Subject.CommonName = "a replica"
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	sign := func(file string, t *x509.Certificate) error {
		b, err := x509.CreateCertificate(rand.Reader, t, ca, &key.PublicKey, key)
		if err != nil {
			return err
		}
		return writePEM(file, "CERTIFICATE", b)
	}
	return c, errors.Join(
		writePEM(c.key, "PRIVATE KEY", der), sign(c.authority, ca), sign(c.right, &right), sign(c.wrong, &wrong))
}

func writePEM(file, what string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: what, Bytes: der}), 0o600)
}
