package rotahttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
	"github.com/rota-go/rota/rotahttp"
)

// serve starts a server in a bubble, and returns a client of it. Both end with the test.
func serve(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	l := memnet.Listen("server:80")
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	tr := &http.Transport{DialContext: dialer(l)}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		srv.Close()
		time.Sleep(time.Second) // a connection whose body was not read lingers
	})
	return &http.Client{Transport: tr}
}

func get(t *testing.T, c *http.Client, path string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get("http://server:80" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(b)
}

// Every reply says how the server is, as it is when the headers are written.
func TestLoadHeader(t *testing.T) {
	const took = 12345 * time.Microsecond
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  string
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) { time.Sleep(took) }, "latency-us=12000"},
		{"a status", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(took); w.WriteHeader(204) }, "latency-us=12000"},
		{"a body", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(took); w.Write([]byte("x")) }, "latency-us=12000"},
		{"a string", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(took); io.WriteString(w, "x") }, "latency-us=12000"},
		{"a copy", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(took)
			io.Copy(w, struct{ io.Reader }{strings.NewReader("x")})
		}, "latency-us=12000"},
		{"a flush", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(took); w.(http.Flusher).Flush() }, "latency-us=12000"},
		{"a stream", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(took)
			http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}, "latency-us=12000"},
		{"an early hint", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			time.Sleep(took)
			w.WriteHeader(200)
		}, "latency-us=12000"},
		{"a failure", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(took); w.WriteHeader(500) }, "latency-us=0"},
		{"a load of somebody else", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Rota-Load", "rif=99, latency-us=9, state=draining")
			time.Sleep(took)
		}, "latency-us=12000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := serve(t, rotahttp.Handler(test.serve, rotahttp.ServerPolicy{}))
				for i, want := range []string{"rif=0, " + test.want + ", state=ok", "rif=0, " + test.want + ", state=ok"} {
					resp, _ := get(t, client, "/")
					if got := resp.Header["Rota-Load"]; len(got) != 1 || got[0] != want {
						t.Errorf("reply %d: Rota-Load = %q, want %q", i+1, got, want)
					}
				}
			})
		})
	}
}

// rif counts the others: those that are in flight when the reply is written.
func TestLoadCountsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		v := &visits{h: rotahttp.Handler(h, rotahttp.ServerPolicy{})}
		var recs []*httptest.ResponseRecorder
		for range 3 {
			recs = append(recs, v.send(t.Context(), ""))
		}
		var got []string
		for range 3 {
			h.release <- struct{}{}
			synctest.Wait()
			for i, rec := range recs {
				if load := rec.Header().Get("Rota-Load"); load != "" {
					got = append(got, load[:5])
					recs = slices.Delete(recs, i, i+1)
					break
				}
			}
		}
		if want := []string{"rif=2", "rif=1", "rif=0"}; !slices.Equal(got, want) {
			t.Errorf("the replies say %v, want %v", got, want)
		}
	})
}

// What a handler can do with its http.ResponseWriter it can do behind a Gate.
func TestWriterAbilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, reader := w.(io.ReaderFrom)
			_, stringer := w.(io.StringWriter)
			_, pusher := w.(http.Pusher)
			if !flusher || !hijacker || !reader || !stringer || pusher {
				t.Errorf("Flusher %t, Hijacker %t, ReaderFrom %t, StringWriter %t, Pusher %t", flusher, hijacker, reader, stringer, pusher)
			}
			for name, err := range map[string]error{
				"EnableFullDuplex": rc.EnableFullDuplex(), "SetReadDeadline": rc.SetReadDeadline(time.Time{}),
				"SetWriteDeadline": rc.SetWriteDeadline(time.Time{}), "Flush": rc.Flush(),
			} {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if r.URL.Path != "/hijack" {
				return
			}
			c, rw, err := rc.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			rw.WriteString("mine\n")
			rw.Flush()
		}), rotahttp.ServerPolicy{}))
		if resp, _ := get(t, client, "/"); resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
		resp, err := client.Get("http://server:80/hijack")
		if err == nil {
			resp.Body.Close()
		}
	})
	rec := httptest.NewRecorder()
	rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		if !flusher || hijacker {
			t.Errorf("of a recorder: Flusher %t, Hijacker %t, want true, false", flusher, hijacker)
		}
	}), rotahttp.ServerPolicy{}).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, flusher := w.(http.Flusher); flusher {
			t.Error("a writer that cannot flush is a Flusher behind a Gate")
		}
		w.WriteHeader(204)
	}), rotahttp.ServerPolicy{}).ServeHTTP(&discard{header: http.Header{}}, httptest.NewRequest("GET", "/", nil))
}

// A connection that was taken over carries what the handler writes, and nothing of ours.
func TestHijackedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("server:80")
		gate := rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.Copy(c, rw)
		}), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{}})
		srv := &http.Server{Handler: gate}
		go srv.Serve(l)
		defer srv.Close()
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		io.WriteString(c, "echo\n")
		if got, err := bufio.NewReader(c).ReadString('\n'); got != "echo\n" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestMaxBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused []int
		var read []int
		client := serve(t, rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			read = append(read, len(b))
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
		}), rotahttp.ServerPolicy{MaxBody: 10, Refuse: func(w http.ResponseWriter, _ *http.Request, status int, _ string) {
			refused = append(refused, status)
			w.WriteHeader(status)
		}}))
		for _, test := range []struct {
			n       int
			chunked bool
			status  int
		}{{0, false, 200}, {10, false, 200}, {10, true, 200}, {11, false, 413}, {1000, true, 413}} {
			var body io.Reader = strings.NewReader(strings.Repeat("x", test.n))
			if test.chunked {
				body = struct{ io.Reader }{body}
			}
			resp, err := client.Post("http://server:80/", "text/plain", body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != test.status {
				t.Errorf("%d bytes, chunked %t: %d, want %d", test.n, test.chunked, resp.StatusCode, test.status)
			}
		}
		if !slices.Equal(refused, []int{413}) || !slices.Equal(read, []int{0, 10, 10, 10}) {
			t.Errorf("refused %v, read %v, want the announced one refused and not read", refused, read)
		}
	})
}

// dialer is for an http.Transport whose only server is l.
func dialer(l *memnet.Listener) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := l.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}
