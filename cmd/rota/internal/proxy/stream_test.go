package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// within fails the test if f takes longer than anybody would wait.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal(what, "takes for ever")
	}
}

// Events arrive one by one, while the response goes on.
func TestServerSentEvents(t *testing.T) {
	next := make(chan string)
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for e := range next {
			fmt.Fprintf(w, "data: %s\n\n", e)
			_ = http.NewResponseController(w).Flush()
		}
	}, "routes: [{service: users, buffer_response: 64KiB}]")
	within(t, "an event", func() {
		got := make(chan string, 1)
		go func() { // ends with the stream
			resp, err := w.front.Client().Get(w.front.URL)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				if text := lines.Text(); text != "" {
					got <- text
				}
			}
			close(got)
		}()
		for _, e := range []string{"1", "2", "3"} {
			next <- e
			if line := <-got; line != "data: "+e {
				t.Errorf("%q, want event %s", line, e)
			}
		}
		close(next)
		<-got
	})
}

// Hints come before the response, whichever way it goes, and leave nothing in it.
func TestEarlyHints(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		for _, link := range []string{"</a.css>", "</b.css>"} {
			w.Header().Set("Link", link)
			w.Header().Set("Connection", "x")
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		w.WriteHeader(http.StatusNoContent)
	}, "")
	for _, body := range []io.Reader{nil, strings.NewReader("short"), io.MultiReader(strings.NewReader("of unknown length"))} {
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h))
			return nil
		}})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.front.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.front.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := []string{"103 map[Link:[</a.css>]]", "103 map[Link:[</b.css>]]"}; !slices.Equal(hints, want) {
			t.Errorf("hints = %q, want %q", hints, want)
		}
		if resp.StatusCode != http.StatusNoContent || resp.Header["Link"] != nil {
			t.Errorf("the response is %s with links %q, want 204 without", resp.Status, resp.Header["Link"])
		}
	}
}

func TestWebSocket(t *testing.T) {
	w := start(t, 2, websocket.Handler(func(c *websocket.Conn) {
		for m := ""; websocket.Message.Receive(c, &m) == nil; {
			_ = websocket.Message.Send(c, m)
		}
	}).ServeHTTP, "")
	within(t, "a message", func() {
		c, err := websocket.Dial("ws"+strings.TrimPrefix(w.front.URL, "http")+"/chat", "", "http://example/")
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for _, m := range []string{"hello", strings.Repeat("x", 100_000)} {
			got := ""
			if err := websocket.Message.Send(c, m); err != nil {
				t.Error(err)
			}
			if err := websocket.Message.Receive(c, &got); err != nil || got != m {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(m))
			}
		}
	})
}

// A server that refuses to switch protocols says so.
func TestUpgradeRefused(t *testing.T) {
	w := start(t, 1, status(http.StatusForbidden), "")
	resp, _ := w.do(t, "GET", "/", "", "Connection", "Upgrade", "Upgrade", "websocket")
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("%d, want 403", resp.StatusCode)
	}
}

func TestTrailers(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4"+r.Trailer.Get("X-Asked"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	}, "")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.front.URL, struct{ io.Reader }{strings.NewReader("x")})
	req.Trailer = http.Header{"X-Asked": {"!"}}
	resp, err := w.front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "body" || err != nil || resp.Trailer.Get("X-Sum") != "4!" || resp.Trailer.Get("X-Late") != "yes" {
		t.Errorf("%q, %v, trailers %v", body, err, resp.Trailer)
	}
}

// Over HTTP/2 both sides talk at the same time, and the trailers come last, as gRPC wants it.
func TestBothWaysOverHTTP2(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
			t.Errorf("the replica was called over %s with TE %q", r.Proto, r.Header.Get("Te"))
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			fmt.Fprintln(w, "got", lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}, "services: {users: {target: \"TARGET\", protocol: h2c, policy: {retry: {}, breaker: {}}}}")
	client := &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols)}}
	client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	defer client.CloseIdleConnections()
	within(t, "a message", func() {
		in, out := io.Pipe()
		req, _ := http.NewRequestWithContext(t.Context(), "POST", w.front.URL+"/users.Users/Watch", in)
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for _, m := range []string{"a", "b"} {
			fmt.Fprintln(out, m)
			if line, err := lines.ReadString('\n'); line != "got "+m+"\n" || err != nil {
				t.Errorf("%q, %v", line, err)
			}
		}
		out.Close()
		if _, err := io.ReadAll(lines); err != nil || resp.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("%v, trailers %v", err, resp.Trailer)
		}
	})
}

// A client that asks before it sends is told to go on: at once if its body is short, and else when the replica says so.
func TestContinue(t *testing.T) {
	for _, size := range []int{5, 200_000} {
		testContinue(t, start(t, 1, echo, ""), strings.Repeat("x", size))
	}
	refused := start(t, 1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "")
	within(t, "a refusal", func() {
		c, r := ask(t, refused, 200_000)
		defer c.Close()
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v, %v, want 401 before the body", resp, err)
		}
	})
}

// ask sends the head of a request that waits for 100.
func ask(t *testing.T, w *world, size int) (net.Conn, *bufio.Reader) {
	c, err := net.Dial("tcp", w.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size)
	return c, bufio.NewReader(c)
}

func testContinue(t *testing.T, w *world, text string) {
	within(t, "100", func() {
		c, r := ask(t, w, len(text))
		defer c.Close()
		if line, _ := r.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
			t.Errorf("%q, want 100", line)
		}
		fmt.Fprint(c, text)
		if _, err := r.ReadString('\n'); err != nil { // the empty line after 100
			t.Error(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || !strings.Contains(string(body), "body=\""+text+"\"") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
}

// A stream outlives a change of the setup, and the service that it came from.
func TestStreamsOutliveTheirSetup(t *testing.T) {
	more := make(chan struct{})
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, "two\n")
	}, "")
	within(t, "the stream", func() {
		resp, err := w.front.Client().Get(w.front.URL)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		if line, err := lines.ReadString('\n'); line != "one\n" || err != nil {
			t.Errorf("%q, %v", line, err)
		}
		if err := w.Apply(w.parse(t, "routes: [{service: others}]\nservices: {others: {target: \"TARGET\"}}")); err != nil {
			t.Error(err)
		}
		close(more)
		if line, err := lines.ReadString('\n'); line != "two\n" || err != nil {
			t.Errorf("%q, %v", line, err)
		}
	})
}

// What is known of replicas stays when the setup changes, and so do their connections; who comes meanwhile loses nothing.
func TestApplyUnderLoad(t *testing.T) {
	w := start(t, 3, echo, "")
	ctx, stop := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	for range 4 {
		go func() { // ends with ctx
			for ctx.Err() == nil {
				if resp, _, err := w.try(t, "POST", "/", "x"); err != nil || resp.StatusCode != 200 {
					select {
					case failed <- fmt.Errorf("%v, %v", resp, err):
					default:
					}
				}
			}
			failed <- nil
		}()
	}
	client := w.Services()[0].Client
	for i := range 60 {
		text := fmt.Sprintf("services: {users: {target: \"TARGET\", policy: {retry: {attempts: %d}, balancer: %s}}}", 2+i%2, []string{"rr", "echo", "p2c"}[i%3])
		if i%10 == 9 {
			text = fmt.Sprintf("routes: [{service: n%d}]\nservices: {n%d: {target: \"TARGET\"}}", i, i)
		}
		if err := w.Apply(w.parse(t, text)); err != nil {
			t.Error(err)
		}
		if i < 9 && w.Services()[0].Client != client {
			t.Fatal("the client was replaced, and what it knew is gone")
		}
	}
	stop()
	for range 4 {
		for err := range failed {
			if err == nil {
				break
			}
			t.Error("a request failed meanwhile:", err)
		}
	}
}

// A setup that cannot be applied changes nothing.
func TestApplyRefused(t *testing.T) {
	w := start(t, 1, echo, "")
	bad := w.parse(t, "services: {users: {target: \"TARGET\", tls: {ca: /nowhere/ca.pem}}}")
	if err := w.Apply(bad); err == nil || !strings.Contains(err.Error(), "services.users: tls.ca: open /nowhere/ca.pem") {
		t.Errorf("%v, want that there is no ca.pem", err)
	}
	if resp, _ := w.do(t, "GET", "/", ""); resp.StatusCode != 200 {
		t.Errorf("%d afterwards", resp.StatusCode)
	}
}
