// Package archtest holds the rules of rota's architecture as data, each with its reason, and checks the source tree
// against them.
//
// The tables in rules.go are what to read and to change. If a rule is in the way of a good change, change the rule in the
// same commit and say there why; a rule nobody defends is worth less than none.
package archtest

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Rule is one promise about the source.
type Rule struct {
	Name   string
	Reason string // printed with every violation: what would go wrong
	check  func(*Tree) []Violation
}

// Violation is one place that breaks a rule.
type Violation struct {
	Path string // from the root of the repository, with slashes
	Line int    // 0 when it is about the file as a whole
	What string
}

func (v Violation) String() string {
	if v.Line == 0 {
		return fmt.Sprintf("%s: %s", v.Path, v.What)
	}
	return fmt.Sprintf("%s:%d: %s", v.Path, v.Line, v.What)
}

// Rules returns every rule, in the order of DESIGN: layers, modules, purity, style.
func Rules() []Rule { return slices.Clone(rules) }

// Check returns what in the tree breaks the rule, ordered by place.
func (r Rule) Check(t *Tree) []Violation {
	found := r.check(t)
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return found
}

// at makes a violation of a place in the file.
func (f *File) at(pos token.Pos, format string, args ...any) Violation {
	return Violation{Path: f.Path, Line: f.fset.Position(pos).Line, What: fmt.Sprintf(format, args...)}
}

// whole makes a violation of the file as a whole.
func (f *File) whole(format string, args ...any) Violation {
	return Violation{Path: f.Path, What: fmt.Sprintf(format, args...)}
}
