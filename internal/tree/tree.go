// Package tree provides documents that know the line of each of their parts, whatever syntax they were written in, and
// decodes them into plain structs.
package tree

import (
	"slices"
	"strconv"
	"strings"
)

// Limits of a document. Whoever builds one from another syntax keeps to them.
const (
	MaxBytes = 4 << 20
	MaxDepth = 64
	MaxNodes = 200_000
)

// Kind is what a Node is.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

func (k Kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "a string", "a list", "a mapping"}[k]
}

// Node is a value in a document. Nodes may be shared, and are not changed once they are built.
type Node struct {
	Kind   Kind
	Line   int     // from 1; 0 = unknown
	Text   string  // of a scalar, as it was written; of a String without its quotes
	Items  []*Node // of a List
	Fields []Field // of a Map, in the order of the document; no key twice
}

// Field is a key of a Map and its value.
type Field struct {
	Key   string
	Line  int // of the key
	Value *Node
}

// Get returns the value of a key, or nil. A nil Node has no keys.
func (n *Node) Get(key string) *Node {
	if f := n.field(key); f != nil {
		return f.Value
	}
	return nil
}

func (n *Node) field(key string) *Field {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			return &n.Fields[i]
		}
	}
	return nil
}

// With returns a copy of the mapping n, which may be nil, in which key has the value v.
func (n *Node) With(key string, v *Node) *Node {
	out := &Node{Kind: Map, Line: v.Line}
	if n != nil {
		out.Line, out.Fields = n.Line, slices.Clone(n.Fields)
	}
	if f := out.field(key); f != nil {
		f.Value = v
	} else {
		out.Fields = append(out.Fields, Field{key, v.Line, v})
	}
	return out
}

// Off reports whether n switches a part off: null, false, or the string off.
func (n *Node) Off() bool {
	return n == nil || n.Kind == Null || n.Kind == Bool && n.Text == "false" || n.Kind == String && n.Text == "off"
}

// on is true, or the string on.
func (n *Node) on() bool {
	return n.Kind == Bool && n.Text == "true" || n.Kind == String && n.Text == "on"
}

// Merge lays over on base: of two mappings key by key, all the way down; anything else replaces what was there, and so
// do the values of the keys in whole, which are not divisible. Either may be nil.
func Merge(base, over *Node, whole ...string) *Node {
	switch {
	case over == nil:
		return base
	case base == nil || base.Kind != Map || over.Kind != Map:
		return over
	}
	out := &Node{Kind: Map, Line: over.Line, Fields: slices.Clone(base.Fields)}
	for _, f := range over.Fields {
		old := out.field(f.Key)
		switch {
		case old == nil:
			out.Fields = append(out.Fields, f)
		case slices.Contains(whole, f.Key):
			*old = f
		default:
			*old = Field{f.Key, f.Line, Merge(old.Value, f.Value, whole...)}
		}
	}
	return out
}

// lineOf returns the line of the deepest part of path that is there.
func (n *Node) lineOf(path string) int {
	if n == nil {
		return 0
	}
	line := n.Line
	for n != nil && path != "" {
		var part string
		if part, path = cutPath(path); strings.HasPrefix(part, "[") {
			i, err := strconv.Atoi(strings.Trim(part, "[]"))
			if err != nil || i < 0 || i >= len(n.Items) {
				return line
			}
			n = n.Items[i]
			line = n.Line
			continue
		}
		f := n.field(part)
		if f == nil {
			return line
		}
		n, line = f.Value, f.Line
	}
	return line
}

// cutPath splits the first part, a key or an index in brackets, from a path such as a[2].b.
func cutPath(path string) (part, rest string) {
	end := strings.IndexAny(path[1:], ".[") + 1
	if end == 0 {
		return path, ""
	}
	return path[:end], strings.TrimPrefix(path[end:], ".")
}

// join puts a path below another.
func join(above, below string) string {
	if above == "" || below == "" || strings.HasPrefix(below, "[") {
		return above + below
	}
	return above + "." + below
}
