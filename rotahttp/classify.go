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
//	anything else                            Success: the replica works, and a 4xx is the caller's doing
func classifyStatus(code int, h http.Header) rota.Outcome {
	o := rota.Outcome{Draining: draining(first(h, HeaderLoad))}
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
	return o
}

// classifyError says what it means that there was no reply. An attempt that did not get as far as a connection
// certainly never reached the replica.
func classifyError(err error) rota.Outcome {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var addr *addrError
	unsent := errors.As(err, &op) && op.Op == "dial" || errors.As(err, &addr) ||
		errors.As(err, &cert) || errors.As(err, &host) || errors.As(err, &record)
	return rota.Outcome{Verdict: rota.Failure, Unsent: unsent, Err: err}
}

// first is h.Get without making the key canonical.
func first(h http.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}
