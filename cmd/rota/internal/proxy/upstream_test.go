package proxy_test

import (
	"encoding/pem"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// secure starts a server over TLS that speaks HTTP/1.1 and HTTP/2, answers with the protocol of the request, and switches to
// one that says "hello" for whoever asks for it.
func secure(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			fmt.Fprint(w, r.Proto, " ", r.TLS.ServerName)
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nhello", r.Header.Get("Upgrade"))
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(t.Output(), "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// authority writes the certificate of s to a file and returns its name.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What is spoken to replicas over TLS, and which of their protocols lets a client switch to another one.
func TestProtocolsOverTLS(t *testing.T) {
	s := secure(t)
	const switched = "101 hello"
	for protocol, want := range map[string]struct{ plain, upgrade string }{
		"http1": {"HTTP/1.1 example.com", switched},
		"http2": {"HTTP/2.0 example.com", "200 HTTP/2.0 example.com"},
		"auto":  {"HTTP/2.0 example.com", switched},
	} {
		t.Run(protocol, func(t *testing.T) {
			w := start(t, 0, nil, fmt.Sprintf("services: {users: {target: %q, protocol: %s, tls: {ca: %q, server_name: example.com}, policy: {}}}",
				s.Listener.Addr(), protocol, authority(t, s)))
			if resp, body := w.do(t, "GET", "/", ""); resp.StatusCode != 200 || body != want.plain {
				t.Errorf("%d %s, want 200 %s", resp.StatusCode, body, want.plain)
			}
			for _, to := range []string{"websocket", "something/1"} {
				resp, body := w.do(t, "GET", "/", "", "Connection", "Upgrade", "Upgrade", to)
				if got := fmt.Sprint(resp.StatusCode, " ", body); got != want.upgrade {
					t.Errorf("switching to %s: %q, want %q", to, got, want.upgrade)
				}
			}
		})
	}
}
