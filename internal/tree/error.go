package tree

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxErrors is how many errors of one document are told: more help nobody.
const maxErrors = 10

// Error is what is wrong at one place of a document.
type Error struct {
	Line int    // 0 = unknown
	Path string // such as policies[2].policy.retry.attempts; "" = the document as a whole
	Err  error
}

func (e *Error) Error() string {
	s := e.Err.Error()
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an Error for what is at path below n, with the line of the deepest part of it that is there. n may be
// nil.
func (n *Node) Errorf(path, format string, args ...any) *Error {
	return &Error{n.lineOf(path), path, fmt.Errorf(format, args...)}
}

// All returns the Errors that err consists of. What is none of them becomes an Error without a place.
func All(err error) []*Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok { // not errors.As: what is wrapped has a path that says less
		return []*Error{e}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, err := range joined.Unwrap() {
			all = append(all, All(err)...)
		}
		return all
	}
	return []*Error{{Err: err}}
}

// Join returns errs as one error: in the order of lines, each only once although it may have been met under several
// paths, and at most ten of them. Of none it is nil.
func Join(errs []*Error) error {
	errs = slices.Clone(errs)
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(len(a.Path), len(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	type place struct {
		line int
		text string
	}
	seen := make(map[place]bool)
	var list []error
	for _, e := range errs {
		at := place{e.Line, e.Path[strings.LastIndex(e.Path, ".")+1:] + ": " + e.Err.Error()}
		if e.Line == 0 {
			at.text = e.Error()
		}
		if !seen[at] {
			seen[at] = true
			list = append(list, e)
		}
	}
	if more := len(list) - maxErrors; more > 0 {
		list = append(list[:maxErrors], &Error{Err: fmt.Errorf("and %d more errors", more)})
	}
	return errors.Join(list...)
}
