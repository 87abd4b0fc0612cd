package conformance

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"
)

// The hooks of net/http/httptrace in the context of a request. No contract asks for them.
var traceCases = []testCase{
	{"order", onAll, custom, traceOrder},
	{"reused", onAll, custom, traceReused},
	{"wrote-request-error", onHTTP1, custom, traceWroteError},
	{"values", onAll, contract, traceValues},
}

// events notes which hooks were called.
type events struct {
	mu     sync.Mutex
	names  []string
	reused []bool
	errs   []error
}

func (v *events) add(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names = append(v.names, name)
}

func (v *events) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { v.add("GetConn") },
		GotConn: func(info httptrace.GotConnInfo) {
			v.add("GotConn")
			v.mu.Lock()
			defer v.mu.Unlock()
			v.reused = append(v.reused, info.Reused)
		},
		WroteHeaders: func() { v.add("WroteHeaders") },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			v.add("WroteRequest")
			v.mu.Lock()
			defer v.mu.Unlock()
			v.errs = append(v.errs, info.Err)
		},
		GotFirstResponseByte: func() { v.add("GotFirstResponseByte") },
	}
}

// before reports whether both hooks were called, in this order.
func (v *events) before(a, b string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	i, j := slices.Index(v.names, a), slices.Index(v.names, b)
	return i >= 0 && i < j
}

func traceOrder(e *env) {
	e.serve(echo)
	v := new(events)
	req := e.requestWith(httptrace.WithClientTrace(e.Context(), v.trace()), "POST", "/", nil)
	replayable(req, "what is sent")
	e.fetch(req)
	order := [][2]string{
		{"GetConn", "GotConn"}, {"GotConn", "WroteHeaders"}, {"WroteHeaders", "WroteRequest"}, {"WroteHeaders", "GotFirstResponseByte"},
	}
	for _, o := range order {
		if !e.eventually(func() bool { return v.before(o[0], o[1]) }) {
			e.Fatalf("%s and then %s were not called: %v", o[0], o[1], v.names)
		}
	}
}

func traceReused(e *env) {
	e.serve(seen)
	v := new(events)
	ctx := httptrace.WithClientTrace(e.Context(), v.trace())
	for range 2 {
		e.fetch(e.requestWith(ctx, "GET", "/", nil))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.reused, []bool{false, true}) {
		e.Errorf("GotConn said Reused = %v, want false, true", v.reused)
	}
}

// WroteRequest hears of a request that could not be written.
func traceWroteError(e *env) {
	e.script(func(c *rawConn) {
		c.request()
		c.reset()
	})
	v := new(events)
	req := e.requestWith(httptrace.WithClientTrace(e.Context(), v.trace()), "POST", "/", nil)
	body := newSource(endless{})
	req.Body, req.ContentLength = body, -1
	e.fails(req)
	e.closed(body)
	if !e.eventually(func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.errs) > 0 && v.errs[0] != nil
	}) {
		e.Errorf("WroteRequest saw %v, want an error", v.errs)
	}
}

type valueKey struct{}

// The context of a request, values and all, is that of the reply's Request.
func traceValues(e *env) {
	e.serve(seen)
	ctx := context.WithValue(e.Context(), valueKey{}, "value")
	resp := e.must(e.requestWith(ctx, "GET", "/", nil))
	if got := resp.Request.Context().Value(valueKey{}); got != "value" {
		e.Errorf("the value in the context of the reply's Request is %v", got)
	}
	e.read(resp)
}
