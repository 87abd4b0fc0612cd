package rotahttp

import (
	"context"
	"net/http"
	"time"
)

// ServerPolicy says how Handler treats calls. The zero value is complete.
type ServerPolicy struct {
	// ID is this process's name on the trail of processes that a call passes, without commas or spaces; empty = drawn
	// at random.
	ID string
	// Refuse answers a call that is not handed on: with 508, because it has been here before or has passed more
	// than 16 processes, or with 504, because its time was up on arrival. Nil: a line of text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, why string)
}

// Handler wraps the handler of a service that is called through rota. The context of a request ends when the caller's
// time is up (Rota-Timeout-Ms), and carries on to the calls made with it: the trail (Rota-Hops), and traceparent,
// tracestate, baggage and X-Request-Id unchanged.
func Handler(next http.Handler, p ServerPolicy) http.Handler {
	if p.ID == "" {
		p.ID = newID()
	}
	if p.Refuse == nil {
		p.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, why string) { http.Error(w, why, status) }
	}
	return &handler{next, p}
}

type handler struct {
	next   http.Handler
	policy ServerPolicy
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	trail, ok := extendTrail(first(r.Header, HeaderHops), h.policy.ID)
	if !ok {
		h.policy.Refuse(w, r, http.StatusLoopDetected, "the call came back to a process that it had passed, or passed too many")
		return
	}
	in := &inbound{hops: trail}
	for i, key := range passed {
		in.header[i] = r.Header[key]
	}
	ctx := context.WithValue(r.Context(), inboundKey{}, in)
	if left, ok := parseTimeout(first(r.Header, HeaderTimeout)); ok {
		if left == 0 {
			h.policy.Refuse(w, r, http.StatusGatewayTimeout, "the call's time was up when it arrived")
			return
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(left, 24*time.Hour))
		defer cancel()
	}
	h.next.ServeHTTP(w, r.WithContext(ctx))
}
