package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// contextBody: a Read that waits returns the error of the context, and so does a later one.
func contextBody(e *env) {
	arrived, gone := e.hangs("half")
	for range 3 {
		ctx, cancel := context.WithCancel(e.Context())
		resp := e.must(e.requestWith(ctx, "GET", "/", nil))
		e.readN(resp.Body, 4)
		wait(e, arrived, "the request to arrive")
		read := make(chan error, 1)
		go func() {
			_, err := resp.Body.Read(make([]byte, 10))
			read <- err
		}()
		cancel()
		if err := wait(e, read, "Read to return"); !errors.Is(err, context.Canceled) {
			e.Errorf("Read() = %v, want context.Canceled", err)
		}
		if n, err := resp.Body.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
			e.Errorf("a later Read() = %d, %v, want an error", n, err)
		}
		e.closeBody(resp)
		wait(e, gone, "the server to hear of it")
		e.get("/next", "/next")
	}
}

func contextDeadlineHeaders(e *env) {
	e.hangs("") // the request may not come so far
	ctx, cancel := context.WithTimeout(e.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.fails(e.requestWith(ctx, "GET", "/", nil)); !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("err = %v, want context.DeadlineExceeded", err)
	}
}

func contextDeadlineBody(e *env) {
	_, gone := e.hangs("half")
	ctx, cancel := context.WithTimeout(e.Context(), 100*time.Millisecond)
	defer cancel()
	resp, err := e.try(e.requestWith(ctx, "GET", "/", nil))
	if err == nil {
		_, err = e.read(resp)
		wait(e, gone, "the server to hear of it")
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("err = %v, want context.DeadlineExceeded", err)
	}
}

// A cause is an error of the context, too: RoundTrip returns one or the other.
func contextCause(e *env) {
	arrived, _ := e.hangs("")
	cause := errors.New("conformance: the cause")
	ctx, cancel := context.WithCancelCause(e.Context())
	pending := e.start(e.requestWith(ctx, "GET", "/", nil))
	wait(e, arrived, "the request to arrive")
	cancel(cause)
	if _, err := e.end(pending); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
		e.Errorf("err = %v, want the cause or context.Canceled", err)
	}
}

// A context that ends after the body was read has no hold on the connection, which may be another's.
func contextAfterEnd(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "empty" {
			return
		}
		seen(w, r)
	})
	made := e.warm()
	for i := range 20 {
		ctx, cancel := context.WithCancel(e.Context())
		path, query := fmt.Sprintf("/%d", i), []string{"", "?empty"}[i%2]
		first := e.must(e.requestWith(ctx, "GET", path+query, nil))
		e.read(first)
		later := e.must(e.request("GET", "/later", nil))
		cancel()
		if got, err := e.read(later); got != "/later" || err != nil {
			e.Fatalf("the later reply is %q, %v", got, err)
		}
	}
	if n := e.more(made); e.custom() && n != 0 {
		e.Errorf("%d more connections were made, want none", n)
	}
}

// The same for a body that was closed before its end.
func contextAfterClose(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, payload(50_000)) })
	for range 10 {
		ctx, cancel := context.WithCancel(e.Context())
		first := e.must(e.requestWith(ctx, "GET", "/", nil))
		e.closeBody(first)
		later := e.must(e.request("GET", "/", nil))
		cancel()
		if got, err := e.read(later); got != payload(50_000) || err != nil {
			e.Fatalf("the later reply has %d bytes, %v", len(got), err)
		}
	}
}

// To cancel one request does nothing to another, though they may share a connection.
func contextOneOfTwo(e *env) {
	more := make(chan struct{})
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half ")
		http.NewResponseController(w).Flush()
		if r.URL.Path == "/dropped" {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		select {
		case <-more:
		case <-r.Context().Done():
		}
		io.WriteString(w, "rest")
	})
	for range 3 {
		ctx, cancel := context.WithCancel(e.Context())
		kept := e.must(e.request("GET", "/kept", nil))
		dropped := e.must(e.requestWith(ctx, "GET", "/dropped", nil))
		cancel()
		if got, err := e.read(dropped); !errors.Is(err, context.Canceled) {
			e.Errorf("the one that was cancelled is %q, %v", got, err)
		}
		go func() {
			select {
			case more <- struct{}{}:
			case <-e.Context().Done():
			}
		}()
		if got, err := e.read(kept); got != "half rest" || err != nil {
			e.Fatalf("the other is %q, %v", got, err)
		}
	}
}

// An http.Client's Timeout reaches into the body, and is a timeout.
func contextClientTimeout(e *env) {
	e.hangs("half")
	client := &http.Client{Transport: e.rt, Timeout: 100 * time.Millisecond}
	done := make(chan error, 1)
	go func() {
		resp, err := client.Do(e.request("GET", "/", nil))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		done <- err
	}()
	err := wait(e, done, "the client's timeout")
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		e.Errorf("err = %v, want a timeout", err)
	}
}
