package proxy_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/proxy"
)

// logged is a log that says when it has another line.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logged) await(t *testing.T, want string) {
	t.Helper()
	within(t, want, func() {
		for {
			l.mu.Lock()
			has := strings.Contains(l.text.String(), want)
			l.mu.Unlock()
			if has {
				return
			}
			<-l.more
		}
	})
}

// Who calls before any replica is known waits for a while and no longer, whatever the policy; and the log says why.
func TestReplicasThatAreNotKnown(t *testing.T) {
	name := filepath.Join(t.TempDir(), "users")
	log := &logged{more: make(chan struct{}, 1)}
	w := &world{}
	s := w.parse(t, "services: {users: {target: \"file://"+name+"\", policy: {timeout: 50ms}}}")
	p, err := proxy.New(s, proxy.Params{Log: slog.New(slog.NewTextHandler(log, nil)), Out: io.Discard, Err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ask := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		p.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		return rec
	}
	if rec := ask(); rec.Code != http.StatusServiceUnavailable || rec.Body.String() != "rota: no replica is known yet\n" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	log.await(t, `msg="replicas are not known" service=users error="file: stat `+name)
	replica := httptest.NewServer(status(http.StatusNoContent))
	defer replica.Close()
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.TrimPrefix(replica.URL, "http://") + "\n")
	log.await(t, `msg=replicas service=users known=1 added=1 removed=0`)
	if rec := ask(); rec.Code != http.StatusNoContent {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	write("no address\n")
	log.await(t, `msg="replicas may have changed: what was known stays" service=users error="file: `+name+`:1: `)
	if rec := ask(); rec.Code != http.StatusNoContent {
		t.Errorf("%d %s after a file that is wrong", rec.Code, rec.Body)
	}
}

// entered is a context that says when somebody waits for its end.
type entered struct {
	context.Context
	once sync.Once
	done chan struct{}
}

func (e *entered) Done() <-chan struct{} {
	e.once.Do(func() { close(e.done) })
	return e.Context.Done()
}

// A request has its service until it ends, however often the setup changes meanwhile.
func TestRequestsKeepTheirService(t *testing.T) {
	replica := httptest.NewServer(status(http.StatusNoContent))
	defer replica.Close()
	name := filepath.Join(t.TempDir(), "users")
	w := &world{}
	first := "services: {users: {target: \"file://" + name + "\"}}\n"
	p, err := proxy.New(w.parse(t, first), proxy.Params{Log: slog.New(slog.DiscardHandler), Out: io.Discard, Err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx := &entered{Context: t.Context(), done: make(chan struct{})}
	rec, ended := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(ended)
		p.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	}()
	<-ctx.done
	for _, text := range []string{first + "routes: [{service: users, path: /x}]", "routes: [{service: other}]\nservices: {other: {target: \"127.0.0.1:1\"}}"} {
		if err := p.Apply(w.parse(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, []byte(strings.TrimPrefix(replica.URL, "http://")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if <-ended; rec.Code != http.StatusNoContent {
		t.Errorf("%d %s, want 204", rec.Code, rec.Body)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
