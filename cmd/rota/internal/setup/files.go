package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rota-go/rota/internal/tree"
)

// Files are the files that a setup names, by the keys that do.
func (s *Setup) Files() map[string]string {
	files := map[string]string{}
	put := func(key, name string) {
		if name != "" {
			files[key] = name
		}
	}
	for i, l := range s.Listeners {
		if l.TLS != nil {
			put(fmt.Sprintf("listeners[%d].tls.cert", i), l.TLS.Cert)
			put(fmt.Sprintf("listeners[%d].tls.key", i), l.TLS.Key)
			put(fmt.Sprintf("listeners[%d].tls.client_ca", i), l.TLS.ClientCA)
		}
	}
	for name, sv := range s.Services {
		if sv.TLS != nil {
			put("services."+name+".tls.ca", sv.TLS.CA)
			put("services."+name+".tls.cert", sv.TLS.Cert)
			put("services."+name+".tls.key", sv.TLS.Key)
		}
	}
	if s.Admin != nil {
		put("admin.token_file", s.Admin.TokenFile)
	}
	return files
}

// CheckFiles says which of the files that the setup names do not do here, each with the line that names it.
func (s *Setup) CheckFiles() error {
	c := &checker{setup: s, doc: s.doc}
	files := s.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if err := checkFile(key, files); err != nil {
			c.say(key, "%w", err)
		}
	}
	if a := s.AccessLog; a != nil && a.To != "stdout" && a.To != "stderr" {
		if err := writable(a.To); err != nil {
			c.say("access_log.to", "%w", err)
		}
	}
	return s.named(tree.Join(c.wrong))
}

// checkFile looks at the file that key names as what it is there for. A certificate and its key are told of once.
func checkFile(key string, files map[string]string) error {
	name := files[key]
	if _, err := os.ReadFile(name); err != nil {
		return err
	}
	switch {
	case key == "admin.token_file":
		_, err := ReadToken(name)
		return err
	case strings.HasSuffix(key, "ca"):
		_, err := ReadPool(name)
		return err
	case strings.HasSuffix(key, ".cert"):
		with := files[strings.TrimSuffix(key, "cert")+"key"]
		if _, err := os.ReadFile(with); err != nil {
			return nil // told of at the key
		}
		if _, err := tls.LoadX509KeyPair(name, with); err != nil {
			return fmt.Errorf("%s with %s: %w", name, with, err)
		}
	}
	return nil
}

// writable says why a file cannot be written to. It does not make it.
func writable(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	info, err := os.Stat(filepath.Dir(name))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory", filepath.Dir(name))
	}
	return err
}

// ReadPool reads the authorities in a file.
func ReadPool(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(name + " has no certificate in it, want some in PEM")
	}
	return pool, nil
}

// minToken is the least that the page takes for a token.
const minToken = 16

// ReadToken reads what the page asks for. A file with nothing in it is an error, and not a page for everybody.
func ReadToken(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("%s: want one line of %d characters or more", name, minToken)
	}
	return token, nil
}
