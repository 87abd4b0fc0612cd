package rotadash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotadash"
)

// watcher is somebody who watches the stream.
type watcher struct {
	header http.Header
	status int
	body   safeBuffer
	cancel func()
	done   chan struct{}
}

func (w *watcher) Header() http.Header              { return w.header }
func (w *watcher) WriteHeader(status int)           { w.status = status }
func (w *watcher) Write(p []byte) (int, error)      { return w.body.Write(p) }
func (w *watcher) Flush()                           {}
func (w *watcher) SetWriteDeadline(time.Time) error { return nil }
func (w *watcher) SetReadDeadline(time.Time) error  { return nil }

func (w *world) watch(last string) *watcher { return w.watchAt("/events", last) }

func (w *world) watchAt(path, last string) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	s := &watcher{header: http.Header{}, status: 200, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		w.dash.ServeHTTP(s, r)
	}()
	synctest.Wait()
	return s
}

// message is one event of the stream.
type message struct{ event, id, data string }

func (s *watcher) messages() (all []message) {
	for block := range strings.SplitSeq(s.body.String(), "\n\n") {
		var m message
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "event":
				m.event = value
			case "id":
				m.id = value
			case "data":
				m.data = value
			}
		}
		if m.event != "" {
			all = append(all, m)
		}
	}
	return all
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a", "b")
		w.calls(5)
		s := w.watch("")
		first := s.messages()
		if len(first) != 1 || first[0].event != "state" {
			t.Fatalf("the stream begins with %d events, want the state alone", len(first))
		}
		w.set("a", 0, errBroken)
		w.calls(3)
		counts := map[string]int{}
		for _, m := range s.messages() {
			counts[m.event]++
			if !json.Valid([]byte(m.data)) || strings.Contains(m.data, "<script>") {
				t.Errorf("%s: %.200s", m.event, m.data)
			}
		}
		if counts["tick"] < 2 || counts["decisions"] < 8 || !strings.Contains(s.body.String(), `"kind":"ejected"`) {
			t.Errorf("after three seconds: %v, want 2 or 3 ticks, some decisions and an ejection", counts)
		}
		all := s.messages()
		last := ""
		for _, m := range all {
			if m.id != "" {
				last = m.id
			}
		}
		s.cancel()
		<-s.done

		time.Sleep(4 * time.Second)
		again := w.watch(last)
		var st state
		if err := json.Unmarshal([]byte(again.messages()[0].data), &st); err != nil {
			t.Fatal(err)
		}
		if n := len(st.Times); n < 4 || n > 5 || len(st.Services[0].History["ok"]) != n || st.From != st.Tick-uint64(n)+1 {
			t.Errorf("who was away for 4 s gets %d samples from %d on, want 4 or 5", n, st.From)
		}
		other := w.watch("another-" + last)
		if err := json.Unmarshal([]byte(other.messages()[0].data), &st); err != nil || st.From != 1 {
			t.Errorf("who was at another run gets samples from %d on, want 1", st.From)
		}
		w.stop()
		for _, s := range []*watcher{again, other} {
			<-s.done // it ends with Run
		}
		if late := w.watch(""); late.status != http.StatusServiceUnavailable {
			t.Errorf("a stream after the end = %d, want 503", late.status)
		}
	})
}

// Who looks at one service of many is sent the replicas of that one.
func TestStreamOfOneService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a", "b")
		other := w.service()
		other.Name = "other"
		if err := w.dash.Set([]rotadash.Service{w.service(), other}); err != nil {
			t.Fatal(err)
		}
		w.calls(2)
		rows := func(data string) (named string) {
			var st state
			if err := json.Unmarshal([]byte(data), &st); err != nil {
				t.Fatal(err)
			}
			for _, s := range st.Services {
				if len(s.Values) == 0 {
					t.Errorf("%s has no values of its own", s.Name)
				}
				if len(s.Replicas) > 0 {
					named += s.Name + " "
				}
			}
			return named
		}
		for path, want := range map[string]string{"": "users other ", "?service=other": "other "} {
			if status, body := w.get("/api/state" + path); status != 200 || rows(string(body)) != want {
				t.Errorf("/api/state%s: %d with the replicas of %s, want %s", path, status, rows(string(body)), want)
			}
		}
		if status, _ := w.get("/api/state?service=none"); status != 404 {
			t.Errorf("the state of a service that there is not: %d, want 404", status)
		}
		for path, want := range map[string]string{"?service=other": "other ", "?service=": "users ", "?service=none": "users ", "": "users other "} {
			s := w.watchAt("/events"+path, "")
			w.calls(2)
			for _, m := range s.messages() {
				if m.event != "decisions" && rows(m.data) != want {
					t.Errorf("%s%s has the replicas of %s, want %s", m.event, path, rows(m.data), want)
				}
			}
			s.cancel()
			<-s.done
		}
	})
}

func TestOnlySoManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a")
		var all []*watcher
		for range 33 {
			all = append(all, w.watch(""))
		}
		if s := all[32]; s.status != http.StatusServiceUnavailable || s.header.Get("Retry-After") == "" {
			t.Errorf("the 33rd stream = %d, want 503", s.status)
		}
		all[0].cancel()
		<-all[0].done
		if s := w.watch(""); s.status != 200 {
			t.Errorf("after one has left = %d, want 200", s.status)
		}
	})
}

// slow is a watcher that takes nothing until it is let.
type slow struct {
	*watcher
	let chan struct{}
}

func (s *slow) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("event: state")) {
		<-s.let
	}
	return s.watcher.Write(p)
}

func TestWhoFallsBehindGetsTheStateAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotadash.Params{}, "a")
		ctx, cancel := context.WithCancel(context.Background())
		s := &slow{&watcher{header: http.Header{}, status: 200}, make(chan struct{})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.dash.ServeHTTP(s, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/events", nil))
		}()
		time.Sleep(100 * time.Second)
		close(s.let)
		time.Sleep(1500 * time.Millisecond)
		var events []string
		for _, m := range s.messages() {
			events = append(events, m.event)
		}
		if got := strings.Join(events, " "); got != "state state tick" && got != "state state tick tick" {
			t.Errorf("a reader that was 100 s behind got %s, want two states and what came after", got)
		}
		cancel()
		<-done
	})
}
