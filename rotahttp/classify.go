package rotahttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/h1"
)

// StatusError is a reply whose status is not the one that was hoped for.
type StatusError struct {
	Code int
}

func (e *StatusError) Error() string {
	if text := http.StatusText(e.Code); text != "" {
		return fmt.Sprintf("status %d %s", e.Code, text)
	}
	return fmt.Sprintf("status %d", e.Code)
}

// classifyStatus is the table of what a status says about the replica that sent it.
//
//	429, 503, and any 5xx with Retry-After   Overload
//	other 5xx                                Failure: 508 too, for the next replica may not lead back here
//	any with Rota-Retries-Left: 0, not 508   the same, and final: it was repeated further down
//	anything else                            Success: the replica works, and a 4xx is the caller's doing
func classifyStatus(code int, h http.Header) rota.Outcome {
	var o rota.Outcome
	o.Load, o.Draining = parseLoad(first(h, HeaderLoad))
	if code < 500 && code != http.StatusTooManyRequests {
		return o
	}
	after := first(h, "Retry-After")
	switch {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable, code >= 500 && after != "":
		o.Verdict, o.RetryAfter = rota.Overload, parseRetryAfter(after, time.Now())
	default:
		o.Verdict = rota.Failure
	}
	o.Err = &StatusError{code}
	o.Final = first(h, HeaderRetriesLeft) == "0" && code != http.StatusLoopDetected
	return o
}

// classifyError is the table of what it means that there was no reply.
//
//	no address, no connection, no handshake    Failure, unsent
//	nothing of the request could be written    Failure, unsent
//	REFUSED_STREAM of HTTP/2                   Failure, unsent: the server says so (RFC 9113, 8.7)
//	anything else                              Failure: resets, heads that are cut or too long, bytes that are not HTTP
//
// An unsent request is safe to repeat whatever it is. The streams that a GOAWAY leaves out net/http repeats by itself.
func classifyError(err error) rota.Outcome {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var addr *addrError
	var dial *unsentError
	var write *h1.UnsentError
	var stream streamError
	unsent := errors.As(err, &dial) || errors.As(err, &write) || errors.As(err, &op) && op.Op == "dial" ||
		errors.As(err, &addr) || errors.As(err, &cert) || errors.As(err, &host) || errors.As(err, &record) ||
		errors.As(err, &stream) && stream.Code == refusedStream
	return rota.Outcome{Verdict: rota.Failure, Unsent: unsent, Err: err}
}

// streamError is what errors.As makes of net/http's error for a stream of HTTP/2: any struct with these fields will do.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

const refusedStream = 7

// first is h.Get without making the key canonical.
func first(h http.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}
