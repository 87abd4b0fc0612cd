package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rota-go/rota"
)

var errTooLong = errors.New("it is too long")

// statusLeft is what is logged when the client has left; nobody sees it.
const statusLeft = 499

// failed answers a request of which no replica gave a response.
func (x *exchange) failed(err error) {
	var call *rota.CallError
	var long *http.MaxBytesError
	x.why = err.Error()
	switch {
	case errors.As(err, &long):
		x.fail(http.StatusRequestEntityTooLarge, "the request is too long")
	case errors.Is(err, errUnknown):
		x.fail(http.StatusServiceUnavailable, "no replica is known yet")
	case errors.Is(err, errTooLong):
		x.fail(http.StatusBadGateway, "the response is too long")
	case context.Cause(x.r.Context()) != nil && !errors.Is(context.Cause(x.r.Context()), context.DeadlineExceeded):
		x.status = statusLeft
	case errors.Is(err, context.DeadlineExceeded):
		x.fail(http.StatusGatewayTimeout, "no answer in time"+after(call, err))
	case errors.As(err, &call) && call.RetryAfter > 0 && call.RetryAfter < time.Hour:
		x.retryAfter(call.RetryAfter)
		x.fail(http.StatusServiceUnavailable, "nobody takes the request now"+after(call, err))
	case errors.As(err, &call) && len(call.Attempts) == 0:
		x.fail(http.StatusServiceUnavailable, "no replica to send it to")
	default:
		x.fail(http.StatusBadGateway, "no replica answered"+after(call, err))
	}
}

// after says how many attempts there were. Which replicas they went to, and what those said, is nothing for clients: it is
// in the log, and on the page.
func after(call *rota.CallError, err error) string {
	if !errors.As(err, &call) || len(call.Attempts) == 0 {
		return ""
	}
	if len(call.Attempts) == 1 {
		return " after one attempt"
	}
	return fmt.Sprintf(" after %d attempts", len(call.Attempts))
}

func (x *exchange) retryAfter(d time.Duration) {
	x.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}

// fail answers in the place of a replica.
func (x *exchange) fail(status int, text string) {
	if x.status = status; x.why == "" {
		x.why = text
	}
	h := x.w.Header()
	if strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/grpc") {
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", grpcStatus(status))
		h.Set("Grpc-Message", "rota: "+text)
		x.w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	x.w.WriteHeader(status)
	n, _ := io.WriteString(x.w, "rota: "+text+"\n") // who has left does not see it
	x.sent = int64(n)
}

// grpcStatus is the code for a status (gRPC, "HTTP to gRPC Status Code Mapping").
func grpcStatus(status int) string {
	switch status {
	case http.StatusGatewayTimeout:
		return "4"
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return "8"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "12"
	case http.StatusBadRequest:
		return "13"
	}
	return "14"
}

// maxDebug bounds the header that explains.
const maxDebug = 8 << 10

// explain says in the response why the request went where it did.
func (x *exchange) explain(d *rota.Decision) {
	text, err := json.Marshal(d)
	if err != nil {
		return
	}
	if len(text) > maxDebug {
		short := *d
		short.Tries = append([]rota.Try(nil), d.Tries...)
		for i := range short.Tries {
			short.Tries[i].Looked = nil
		}
		if text, err = json.Marshal(&short); err != nil || len(text) > maxDebug {
			return
		}
	}
	x.w.Header().Set("Rota-Debug", string(text))
}
