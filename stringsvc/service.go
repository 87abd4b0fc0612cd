package stringsvc

import (
	"context"
	"errors"
	"strings"
)

// Service is the string service. Implementations are safe for concurrent use
// and return soon after ctx ends.
type Service interface {
	// Uppercase returns s in upper case. An error that is no [BusinessError]
	// means that the call failed and nothing is known about its answer.
	Uppercase(ctx context.Context, s string) (string, error)

	// Count returns the length of s in bytes, not in characters: "né" is 3.
	Count(ctx context.Context, s string) int
}

// Middleware adds one concern to a Service.
type Middleware func(Service) Service

// BusinessError is an answer of the service: it understood the call and
// refuses its input. Asking again, or elsewhere, gives the same answer. It
// travels in the body of a 200, so one that came over the wire equals the one
// that was sent.
type BusinessError string

// ErrEmpty answers Uppercase of the empty string.
const ErrEmpty BusinessError = "empty string"

func (e BusinessError) Error() string { return string(e) }

// AsBusiness finds the BusinessError in err, if there is one.
func AsBusiness(err error) (BusinessError, bool) {
	return errors.AsType[BusinessError](err)
}

// Local is the Service that does the work itself.
type Local struct{}

// NewLocal returns the service that does the work itself.
func NewLocal() Local { return Local{} }

// Uppercase implements [Service]. The empty string is [ErrEmpty].
func (Local) Uppercase(_ context.Context, s string) (string, error) {
	if s == "" {
		return "", ErrEmpty
	}
	return strings.ToUpper(s), nil
}

// Count implements [Service].
func (Local) Count(_ context.Context, s string) int { return len(s) }
