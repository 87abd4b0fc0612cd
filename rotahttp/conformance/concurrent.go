package conformance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Many requests at once, each of which gets its own reply.
var concurrentCases = []testCase{
	{"mixed", onAll, contract, concurrentMixed},
	{"idle-closed-meanwhile", onAll, contract, concurrentIdleClosed},
	{"connections-come-and-go", onHTTP1, contract, concurrentComeAndGo},
	{"bounded", onAll, custom, concurrentBounded},
	{"one-connection", onHTTP2, custom, concurrentOneConnection},
	{"unread-reply-is-no-obstacle", onAll, contract, concurrentUnread},
}

const (
	workers = 64
	rounds  = 6
)

// work calls do from 64 goroutines, and fails the case with the first errors.
func (e *env) work(do func(worker, round int) error) {
	e.Helper()
	e.workers(workers, rounds, do)
}

func (e *env) workers(workers, rounds int, do func(worker, round int) error) {
	e.Helper()
	errs := make(chan error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for r := range rounds {
				if err := do(w, r); err != nil {
					errs <- fmt.Errorf("request %d of goroutine %d: %w", r, w, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	wait(e, done, "all goroutines to make their requests")
	for range min(len(errs), 3) {
		e.Error(<-errs)
	}
}

// stamp answers with the request's id, its body's hash and, for /big, more than that.
func stamp(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	if r.URL.Path != "/early" {
		io.Copy(hash, r.Body)
	}
	if r.URL.Path == "/slow" {
		<-r.Context().Done()
		return
	}
	w.Header().Set("X-Id", r.Header.Get("X-Id"))
	fmt.Fprintf(w, "%s %x", r.Header.Get("X-Id"), hash.Sum(nil))
	if r.URL.Path == "/big" {
		io.WriteString(w, strings.Repeat(" "+r.Header.Get("X-Id"), 10_000))
	}
}

// ask makes a request of one of several kinds.
func (e *env) ask(ctx context.Context, id, kind string) error {
	body := ""
	method := "GET"
	switch kind {
	case "post", "stream":
		method, body = "POST", payload(len(id)*777)
	case "head":
		method = "HEAD"
	}
	req := e.requestWith(ctx, method, "/"+kind, nil)
	req.Header.Set("X-Id", id)
	if body != "" {
		replayable(req, body)
	}
	if kind == "stream" {
		req.ContentLength, req.GetBody = -1, nil
	}
	resp, err := e.rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("X-Id"); got != id {
		return fmt.Errorf("the reply is to %q, want %q", got, id)
	}
	if kind == "head" {
		return nil
	}
	want := fmt.Sprintf("%s %x", id, sha256.Sum256([]byte(body)))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
		return fmt.Errorf("the reply is %q, %v, want %q", got, err, want)
	}
	if kind == "partly" || kind == "big" && id[len(id)-1]%2 == 0 {
		return nil // closes
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func concurrentMixed(e *env) {
	e.serve(stamp)
	kinds := []string{"get", "post", "head", "stream", "partly", "big", "slow"}
	e.work(func(worker, round int) error {
		id := fmt.Sprintf("%d-%d", worker, round)
		kind := kinds[(worker+round)%len(kinds)]
		ctx := e.Context()
		if kind == "slow" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			go cancel()
		}
		err := e.ask(ctx, id, kind)
		if kind == "slow" {
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("one that was cancelled: %v", err)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		return nil
	})
}

// Idle connections may be closed at any time, and no request fails of it.
func concurrentIdleClosed(e *env) {
	e.serve(stamp)
	c, ok := e.rt.(closer)
	if !ok {
		e.Skip("the RoundTripper has no CloseIdleConnections")
	}
	e.work(func(worker, round int) error {
		if worker == 0 {
			c.CloseIdleConnections()
		}
		return e.ask(e.Context(), fmt.Sprintf("%d-%d", worker, round), "get")
	})
}

// A server closes connections when it likes. What can be repeated is.
func concurrentComeAndGo(e *env) {
	e.script(func(c *rawConn) {
		for range 1 + c.n%5 {
			req := c.request()
			c.send("%s", ok(req.Header.Get("X-Id")))
		}
		c.cut()
	})
	e.workers(16, 10, func(worker, round int) error {
		id := fmt.Sprintf("%d-%d", worker, round)
		req := e.request("GET", "/", nil)
		req.Header.Set("X-Id", id)
		resp, err := e.rt.RoundTrip(req)
		if err != nil {
			return nil // a connection that was closed; the next case but one wants more
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); string(got) != id || err != nil {
			return fmt.Errorf("the reply is %q, %v, want %q", got, err, id)
		}
		return nil
	})
}

// There are not many more connections than requests at a time.
func concurrentBounded(e *env) {
	var mu sync.Mutex
	var most int64
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		most = max(most, e.server.open.Load())
		mu.Unlock()
		stamp(w, r)
	})
	e.work(func(worker, round int) error {
		return e.ask(e.Context(), fmt.Sprintf("%d-%d", worker, round), "get")
	})
	mu.Lock()
	defer mu.Unlock()
	if most > 4*workers { // a dial that was not needed in the end, and one that closes, count too
		e.Errorf("%d connections were open for %d requests at a time", most, workers)
	}
}

// Requests at the same time share a connection of HTTP/2 that is there.
func concurrentOneConnection(e *env) {
	e.serve(stamp)
	made := e.warm()
	e.work(func(worker, round int) error {
		return e.ask(e.Context(), fmt.Sprintf("%d-%d", worker, round), "post")
	})
	if n := e.more(made); n != 0 {
		e.Errorf("%d more connections were made, want none", n)
	}
}

// Replies that nobody reads do not stop others.
func concurrentUnread(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			seen(w, r)
			return
		}
		io.WriteString(w, payload(2<<20))
	})
	var unread []*http.Response
	for range 4 {
		unread = append(unread, e.must(e.request("GET", "/", nil)))
	}
	for range 5 {
		e.get("/next", "/next")
	}
	for i, resp := range unread {
		if i%2 == 0 {
			e.closeBody(resp)
			continue
		}
		if got, err := e.read(resp); len(got) != 2<<20 || err != nil {
			e.Errorf("the reply that had to wait has %d bytes, %v", len(got), err)
		}
	}
}
