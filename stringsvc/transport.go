package stringsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// DefaultMaxBody is how long a request body may be unless told otherwise.
const DefaultMaxBody = 1 << 20

// HandlerParams says what a handler serves. Only Service is needed.
type HandlerParams struct {
	Service Service

	// Metrics answers GET and HEAD of /metrics; nil = there is no such path.
	Metrics http.Handler

	// MaxBody is the longest request body accepted, in bytes; a longer one is
	// answered 413. 0 = DefaultMaxBody.
	MaxBody int64

	// Ready is false while the process drains: /readyz is 503 then, and every
	// reply says so and closes its connection. nil = always ready.
	Ready func() bool

	// Failure replies to a call whose error is no [BusinessError]. nil = 500
	// with the text of the error.
	Failure func(w http.ResponseWriter, r *http.Request, err error)

	// Logger is told of panics in Service. nil = slog.Default().
	Logger *slog.Logger
}

// NewHandler returns the HTTP face of a string service:
//
//	POST or GET  /uppercase {"s":"hello"}  200 {"v":"HELLO"}
//	POST or GET  /uppercase {"s":""}       200 {"v":"","err":"empty string"}
//	POST or GET  /count     {"s":"hello"}  200 {"v":5}, bytes
//	GET or HEAD  /metrics, /healthz        200
//	GET or HEAD  /readyz                   200, while draining 503
//
// A body that is no such JSON is answered 400, one that is too long 413,
// another method 405, another path 404 (none is cleaned or redirected), each
// with {"err":"…"}. The Content-Type of a request is not looked at; replies are
// one line of application/json. A panic in the service is logged and answered
// 500; [http.ErrAbortHandler] passes.
func NewHandler(p HandlerParams) http.Handler {
	if p.MaxBody == 0 {
		p.MaxBody = DefaultMaxBody
	}
	if p.Ready == nil {
		p.Ready = func() bool { return true }
	}
	if p.Logger == nil {
		p.Logger = slog.Default()
	}
	if p.Failure == nil {
		p.Failure = func(w http.ResponseWriter, _ *http.Request, err error) {
			replyError(w, http.StatusInternalServerError, err.Error())
		}
	}
	return &handler{
		HandlerParams: p,
		exchanges:     sync.Pool{New: func() any { return newExchange() }},
	}
}

type handler struct {
	HandlerParams
	exchanges sync.Pool // of *exchange
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.announce(w)
	switch path := r.URL.Path; {
	case path == "/uppercase":
		h.uppercase(w, r)
	case path == "/count":
		h.count(w, r)
	case path == "/metrics" && h.Metrics != nil:
		if allow(w, r, http.MethodGet, http.MethodHead) {
			h.Metrics.ServeHTTP(w, r)
		}
	case path == "/healthz":
		if allow(w, r, http.MethodGet, http.MethodHead) {
			newExchange().reply(w, http.StatusOK, statusReply{"ok"})
		}
	case path == "/readyz":
		h.readyz(w, r)
	default:
		replyError(w, http.StatusNotFound, "no such path, want /uppercase or /count")
	}
}

// announce tells the caller to go elsewhere next time, when that is so.
func (h *handler) announce(w http.ResponseWriter) {
	if !h.Ready() {
		header := w.Header()
		header.Set("Connection", "close")
		header.Set("Rota-Load", "state=draining")
	}
}

func (h *handler) readyz(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	if !h.Ready() {
		replyError(w, http.StatusServiceUnavailable, "draining")
		return
	}
	newExchange().reply(w, http.StatusOK, statusReply{"ready"})
}

func (h *handler) uppercase(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	x := h.exchanges.Get().(*exchange)
	defer h.release(x)
	s, ok := h.request(w, r, x)
	if !ok {
		return
	}
	v, err := h.callUppercase(r.Context(), s)
	h.announce(w) // the drain may have begun during the call
	x.uppercased = uppercaseReply{V: v}
	if err != nil {
		business, ok := AsBusiness(err)
		if !ok {
			h.fail(w, r, err)
			return
		}
		x.uppercased = uppercaseReply{Err: string(business)}
	}
	x.reply(w, http.StatusOK, &x.uppercased)
}

func (h *handler) count(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	x := h.exchanges.Get().(*exchange)
	defer h.release(x)
	s, ok := h.request(w, r, x)
	if !ok {
		return
	}
	n, err := h.callCount(r.Context(), s)
	h.announce(w)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	x.counted = countReply{V: n}
	x.reply(w, http.StatusOK, &x.counted)
}

// request reads and decodes the body of r; when it cannot, it has replied.
func (h *handler) request(w http.ResponseWriter, r *http.Request, x *exchange) (string, bool) {
	var err error
	x.body, err = readBody(x.body, r, h.MaxBody)
	h.announce(w)
	if err != nil {
		// The rest of this body is not read, so no other request can be. The
		// deadline keeps net/http from waiting for that rest before it closes.
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		status, text := http.StatusBadRequest, err.Error()
		if err == errTooLarge {
			status, text = http.StatusRequestEntityTooLarge, fmt.Sprintf("body is over %d bytes", h.MaxBody)
		}
		replyError(w, status, text)
		return "", false
	}
	s, err := decode(x.body)
	if err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return "", false
	}
	return s, true
}

func (h *handler) callUppercase(ctx context.Context, s string) (v string, err error) {
	defer h.recovered(ctx, "uppercase", &err)
	return h.Service.Uppercase(ctx, s)
}

func (h *handler) callCount(ctx context.Context, s string) (n int, err error) {
	defer h.recovered(ctx, "count", &err)
	return h.Service.Count(ctx, s), nil
}

// recovered, when deferred, logs a panic of the service and makes it the error
// of the call.
func (h *handler) recovered(ctx context.Context, method string, err *error) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	h.Logger.ErrorContext(ctx, "panic", "method", method, "panic", v, "stack", string(debug.Stack()))
	*err = errPanicked
}

// errPanicked is all a caller learns: the panic itself may hold anything.
var errPanicked = errors.New("the service panicked, its log says where")

// fail replies to a call that has no answer.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if err == errPanicked {
		replyError(w, http.StatusInternalServerError, err.Error())
		return
	}
	h.Failure(w, r, err)
}

// release keeps the memory of x for another request, unless it is a lot.
func (h *handler) release(x *exchange) {
	if cap(x.body) <= maxKept && x.out.Cap() <= maxKept {
		h.exchanges.Put(x)
	}
}
