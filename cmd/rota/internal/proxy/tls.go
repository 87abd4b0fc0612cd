package proxy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// renewed is what is in files that somebody may renew: it is read again when they change, and nobody need tell. What cannot be
// read is logged, and what was there before stays in use until it can.
type renewed[T any] struct {
	names []string
	read  func() (T, error)
	log   *slog.Logger

	mu      sync.Mutex
	value   T
	stamp   string    // of the files that value is from
	bad     string    // of files that could not be read
	checked time.Time // when the files were looked at last
}

// recheck is how long the files are taken to be as they were.
const recheck = time.Second

// newRenewed reads the files for the first time.
func newRenewed[T any](log *slog.Logger, read func() (T, error), names ...string) (*renewed[T], error) {
	r := &renewed[T]{names: names, read: read, log: log, stamp: stampOf(names), checked: time.Now()}
	var err error
	r.value, err = read()
	return r, err
}

func (r *renewed[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.checked) < recheck {
		return r.value
	}
	r.checked = now
	stamp := stampOf(r.names)
	if stamp == r.stamp || stamp == r.bad {
		return r.value
	}
	value, err := r.read()
	if err != nil {
		r.bad = stamp
		r.log.Error("renewed file refused: what was in force stays", "files", strings.Join(r.names, ", "), "error", err)
		return r.value
	}
	r.value, r.stamp, r.bad = value, stamp, ""
	r.log.Info("renewed file in force", "files", strings.Join(r.names, ", "))
	return r.value
}

// stampOf changes when one of the files does.
func stampOf(names []string) string {
	var b strings.Builder
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%d/%d", info.ModTime().UnixNano(), info.Size())
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// newKeyPair reads a certificate and its key.
func newKeyPair(log *slog.Logger, cert, key string) (*renewed[*tls.Certificate], error) {
	return newRenewed(log, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s with %s: %w", cert, key, err)
		}
		return &pair, nil
	}, cert, key)
}

// serverTLS returns what a listener does over TLS. If it cannot, key is the one that says why.
func serverTLS(spec *setup.Listener, log *slog.Logger) (c *tls.Config, key string, err error) {
	pair, err := newKeyPair(log, spec.TLS.Cert, spec.TLS.Key)
	if err != nil {
		return nil, "tls.cert", err
	}
	c = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
		NextProtos:     nextProtos(spec.Protocols),
	}
	if spec.TLS.Min == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if spec.TLS.ClientCA == "" {
		return c, "", nil
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if spec.TLS.Optional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	known, err := newRenewed(log, func() (*tls.Config, error) {
		pool, err := setup.ReadPool(spec.TLS.ClientCA)
		if err != nil {
			return nil, err
		}
		with := c.Clone()
		with.ClientCAs = pool
		return with, nil
	}, spec.TLS.ClientCA)
	if err != nil {
		return nil, "tls.client_ca", err
	}
	asked := c.Clone()
	asked.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return known.get(), nil }
	return asked, "", nil
}

func nextProtos(protocols []string) (names []string) {
	for _, p := range []struct{ ours, theirs string }{{"http2", "h2"}, {"http1", "http/1.1"}} {
		for _, q := range protocols {
			if p.ours == q {
				names = append(names, p.theirs)
			}
		}
	}
	return names
}
