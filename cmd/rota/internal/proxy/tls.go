package proxy

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// keyPair is a certificate in files, which is read again when they change: whoever renews it need not tell anybody. Until
// both files fit together again, the one before is used.
type keyPair struct {
	cert, key string

	mu      sync.Mutex
	pair    *tls.Certificate
	stamp   string    // of the files that pair is from
	checked time.Time // when the files were looked at last
}

// recheck is how long the files are taken to be as they were.
const recheck = time.Second

func (k *keyPair) get() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.pair != nil && now.Sub(k.checked) < recheck {
		return k.pair, nil
	}
	k.checked = now
	stamp := stampOf(k.cert) + stampOf(k.key)
	if k.pair != nil && stamp == k.stamp {
		return k.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	switch {
	case err == nil:
		k.pair, k.stamp = &pair, stamp
	case k.pair == nil:
		return nil, err
	}
	return k.pair, nil
}

// stampOf changes when a file does.
func stampOf(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return "-"
	}
	return fmt.Sprintf("%d/%d ", info.ModTime().UnixNano(), info.Size())
}

// serverTLS returns what a listener does over TLS.
func serverTLS(spec *setup.ServerTLS, protocols []string) (*tls.Config, error) {
	pair := &keyPair{cert: spec.Cert, key: spec.Key}
	if _, err := pair.get(); err != nil {
		return nil, fmt.Errorf("tls.cert: %w", err)
	}
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get() },
		NextProtos:     nextProtos(protocols),
	}
	if spec.Min == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if spec.ClientCA != "" {
		pool, err := readPool(spec.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("tls.client_ca: %w", err)
		}
		c.ClientCAs, c.ClientAuth = pool, tls.RequireAndVerifyClientCert
		if spec.Optional {
			c.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return c, nil
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
