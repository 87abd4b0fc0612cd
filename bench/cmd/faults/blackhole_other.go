//go:build !linux

package main

import (
	"context"
	"errors"
)

type blackHole struct{}

func openBlackHole(context.Context, string) (*blackHole, error) { return nil, errors.ErrUnsupported }

func (*blackHole) close() {}
