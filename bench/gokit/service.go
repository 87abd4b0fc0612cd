package gokit

import (
	"errors"
	"strings"
)

// Service is the business logic. It takes no context: the tutorial's has none, and so nothing of the incoming request can
// reach a remote call made further in.
type Service interface {
	Uppercase(s string) (string, error)
	Count(s string) int
}

// Middleware wraps a Service in another.
type Middleware func(Service) Service

// ErrEmpty is the service's only business error.
var ErrEmpty = errors.New("empty string")

// Local answers in this process.
type Local struct{}

// Uppercase returns ErrEmpty for the empty string.
func (Local) Uppercase(s string) (string, error) {
	if s == "" {
		return "", ErrEmpty
	}
	return strings.ToUpper(s), nil
}

// Count counts bytes.
func (Local) Count(s string) int { return len(s) }
