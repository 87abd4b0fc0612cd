package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/internal/memnet"
)

// serve runs h on addr until the test ends, and returns a client of the network. Both stop inside the bubble.
func serve(t *testing.T, network *memnet.Network, addr string, h http.HandlerFunc) *http.Client {
	t.Helper()
	l := listen(t, network, addr)
	server := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve = %v, want http.ErrServerClosed", err)
		}
	})
	transport := &http.Transport{DialContext: network.DialContext}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		wg.Wait()
	})
	return &http.Client{Transport: transport}
}

func TestHTTPCallsConcurrentlyAndKeepsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		client := serve(t, &network, "echo:80", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(10 * time.Millisecond)
			w.Header().Set("From", r.RemoteAddr)
			w.Write(body)
		})
		start := time.Now()
		want := bytes.Repeat([]byte("0123456789"), 50_000)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				resp, err := client.Post("http://echo:80/", "", bytes.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, %v, want the %d sent", len(got), err, len(want))
				}
			})
		}
		wg.Wait()
		if got := time.Since(start); got != 10*time.Millisecond {
			t.Errorf("20 calls took %v, want the handler's 10ms", got)
		}

		from := make(map[string]bool)
		for range 3 {
			resp, err := client.Get("http://echo:80/")
			if err != nil {
				t.Fatal(err)
			}
			from[resp.Header.Get("From")] = true
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if len(from) > 2 { // DefaultMaxIdleConnsPerHost
			t.Errorf("three calls in a row came from %v, want idle connections used again", from)
		}
	})
}

func TestHTTPFaults(t *testing.T) {
	tests := []struct {
		name string
		h    http.HandlerFunc
		ask  string
		want error
		took time.Duration
	}{
		{name: "refused", ask: "http://nobody:80/", want: syscall.ECONNREFUSED},
		{name: "black hole", ask: "http://hole:80/", want: context.DeadlineExceeded, took: time.Minute},
		{name: "silence", ask: "http://a:80/", want: context.DeadlineExceeded, took: time.Minute,
			h: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{name: "reset before the headers", ask: "http://a:80/", want: syscall.ECONNRESET, took: time.Second,
			h: func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Second)
				hijack(t, w).Reset()
			}},
		{name: "reset in the body", ask: "http://a:80/", want: syscall.ECONNRESET, took: time.Second,
			h: func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte("half"))
				http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
				hijack(t, w).Reset()
			}},
		{name: "body cut short", ask: "http://a:80/", want: io.ErrUnexpectedEOF,
			h: func(w http.ResponseWriter, _ *http.Request) {
				c := hijack(t, w)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				c.Close()
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var network memnet.Network
				network.Hang("hole:80")
				client := serve(t, &network, "a:80", test.h)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				err := get(ctx, client, test.ask)
				if !errors.Is(err, test.want) {
					t.Errorf("err = %v, want %v", err, test.want)
				}
				if got := time.Since(start); got != test.took {
					t.Errorf("took %v, want %v", got, test.took)
				}
			})
		})
	}
}

func TestHTTPCancelReachesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		ended := make(chan time.Time, 1)
		client := serve(t, &network, "a:80", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			ended <- time.Now()
		})
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := get(ctx, client, "http://a:80/"); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want context.Canceled", err)
		}
		if got := (<-ended).Sub(start); got != time.Second {
			t.Errorf("the handler's context ended after %v, want 1s", got)
		}
	})
}

func TestHTTPStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		client := serve(t, &network, "a:80", func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "tick ")
				http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})
		resp, err := client.Post("http://a:80/", "", strings.NewReader("go"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		start := time.Now()
		got, err := io.ReadAll(resp.Body)
		if string(got) != "tick tick tick " || err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("body = %q, %v after %v, want three ticks in 3s", got, err, time.Since(start))
		}
	})
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// hijack takes the connection from the server, for a handler that misbehaves below HTTP.
func hijack(t *testing.T, w http.ResponseWriter) *memnet.Conn {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		panic(http.ErrAbortHandler) // not t.Fatal: this is the server's goroutine
	}
	return c.(*memnet.Conn)
}
