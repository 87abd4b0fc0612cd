package rotahttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestClassifyStatus(t *testing.T) {
	tests := []struct {
		name    string
		code    int
		after   string
		load    string
		verdict rota.Verdict
		rest    time.Duration
		drains  bool
	}{
		{name: "200", code: 200},
		{name: "204", code: 204},
		{name: "101", code: 101},
		{name: "302", code: 302},
		{name: "400", code: 400},
		{name: "404", code: 404},
		{name: "408", code: 408},
		{name: "425", code: 425},
		{name: "499", code: 499},
		{name: "a 4xx that may be repeated later", code: 409, after: "1"},
		{name: "429", code: 429, verdict: rota.Overload},
		{name: "429 with a wish", code: 429, after: "7", verdict: rota.Overload, rest: 7 * time.Second},
		{name: "500", code: 500, verdict: rota.Failure},
		{name: "500 with a wish", code: 500, after: "7", verdict: rota.Overload, rest: 7 * time.Second},
		{name: "500 with a wish that means nothing", code: 500, after: "soon", verdict: rota.Overload},
		{name: "501", code: 501, verdict: rota.Failure},
		{name: "502", code: 502, verdict: rota.Failure},
		{name: "503", code: 503, verdict: rota.Overload},
		{name: "503 with a wish", code: 503, after: "1", verdict: rota.Overload, rest: time.Second},
		{name: "504", code: 504, verdict: rota.Failure},
		{name: "508", code: 508, verdict: rota.Failure},
		{name: "599", code: 599, verdict: rota.Failure},
		{name: "600", code: 600, verdict: rota.Failure},
		{name: "draining", code: 200, load: "state=draining", drains: true},
		{name: "draining and refusing", code: 503, load: "rif=0, state=draining", verdict: rota.Overload, drains: true},
		{name: "at work", code: 200, load: "rif=3, latency-us=1200, state=ok"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			if test.after != "" {
				h.Set("Retry-After", test.after)
			}
			if test.load != "" {
				h.Set(HeaderLoad, test.load)
			}
			o := classifyStatus(test.code, h)
			if o.Verdict != test.verdict || o.RetryAfter != test.rest || o.Draining != test.drains || o.Unsent {
				t.Errorf("classifyStatus(%d) = %+v, want %s, rest %v, draining %t", test.code, o, test.verdict, test.rest, test.drains)
			}
			status, ok := errors.AsType[*StatusError](o.Err)
			if want := test.verdict != rota.Success; ok != want || ok && status.Code != test.code {
				t.Errorf("classifyStatus(%d).Err = %v, want a *StatusError = %t", test.code, o.Err, want)
			}
		})
	}
}

func TestClassifyError(t *testing.T) {
	op := func(name string, err error) error { return &net.OpError{Op: name, Net: "tcp", Err: err} }
	tests := []struct {
		name   string
		err    error
		unsent bool
	}{
		{"refused", op("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), true},
		{"no such host", op("dial", &net.DNSError{Err: "no such host", IsNotFound: true}), true},
		{"dial timed out", op("dial", os.ErrDeadlineExceeded), true},
		{"wrapped", fmt.Errorf("base: %w", &url.Error{Op: "Get", Err: op("dial", syscall.ECONNREFUSED)}), true},
		{"unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true},
		{"wrong name", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "a"}, true},
		{"not TLS", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true},
		{"address", &addrError{"ftp://a", errScheme}, true},
		{"reset", op("read", os.NewSyscallError("read", syscall.ECONNRESET)), false},
		{"broken pipe", op("write", os.NewSyscallError("write", syscall.EPIPE)), false},
		{"closed", io.EOF, false},
		{"cut", io.ErrUnexpectedEOF, false},
		{"the handshake's alert may be about the request", op("remote error", tls.AlertError(40)), false},
		{"deadline", context.DeadlineExceeded, false},
		{"cancel", context.Canceled, false},
		{"anything", errors.New("malformed HTTP response"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := classifyError(test.err)
			if o.Verdict != rota.Failure || o.Unsent != test.unsent || o.Err != test.err {
				t.Errorf("classifyError(%v) = %+v, want a failure, unsent = %t", test.err, o, test.unsent)
			}
		})
	}
}

func TestStatusError(t *testing.T) {
	for code, want := range map[int]string{404: "status 404 Not Found", 599: "status 599"} {
		if got := (&StatusError{code}).Error(); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
}
