package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/rota-go/rota/internal/tree"
)

// ParseYAML reads a document of YAML 1.2. Aliases are written out, << takes in the keys of another mapping that its own
// mapping does not have. As in tree.ParseJSON, what is larger than the limits when all is written out, a key that is there
// twice and a second document are errors.
func ParseYAML(text []byte) (*tree.Node, error) {
	if len(text) > tree.MaxBytes {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(text), tree.MaxBytes)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var doc, more yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &tree.Error{Line: 1, Err: errors.New("the document is empty")}
	case err != nil:
		return nil, notYAML(text, err)
	}
	switch err := loader.Load(&more); {
	case err == nil:
		return nil, fail(&more, "a second document, want one in a file")
	case !errors.Is(err, io.EOF):
		return nil, notYAML(text, err)
	}
	r := reader{last: lastLine(text)}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		return r.value(doc.Content[0], 0)
	}
	return r.value(&doc, 0)
}

// notYAML is an error of the library, which tells the end of the text as a line after the last.
func notYAML(doc []byte, err error) error {
	if at, ok := errors.AsType[*yaml.LoadError](err); ok {
		last, text := lastLine(doc), at.Message
		if from := at.ContextMark.Line; at.ContextMsg != "" && from > 0 {
			text = fmt.Sprintf("%s, %s that begins in line %d", text, at.ContextMsg, min(from, last))
		}
		line := min(at.Mark.Line, last)
		switch {
		case line == 0:
			line = lineOfBad(doc)
		case tabbed(doc, line):
			text = "a tab before it, want spaces"
		}
		return &tree.Error{Line: line, Err: fmt.Errorf("not YAML: %s", text)}
	}
	return &tree.Error{Line: lineOfBad(doc), Err: fmt.Errorf("not YAML: %w", err)}
}

// tabbed reports whether a line begins with white space that has a tab in it.
func tabbed(doc []byte, line int) bool {
	for range line - 1 {
		_, doc, _ = bytes.Cut(doc, []byte("\n"))
	}
	doc, _, _ = bytes.Cut(doc, []byte("\n"))
	return bytes.ContainsRune(doc[:len(doc)-len(bytes.TrimLeft(doc, " \t"))], '\t')
}

// lineOfBad is the line of the first byte that YAML has no use for; 0 = there is none.
func lineOfBad(doc []byte) int {
	for at := 0; at < len(doc); {
		r, size := utf8.DecodeRune(doc[at:])
		if r == utf8.RuneError && size == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return 1 + bytes.Count(doc[:at], []byte("\n"))
		}
		at += size
	}
	return 0
}

// lastLine is the number of the last line that has something in it. YAML knows more ends of lines than JSON.
func lastLine(text []byte) int {
	s := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\r\u0085\u2028\u2029")
	return 1 + strings.Count(s, "\n") + strings.Count(s, "\r") +
		strings.Count(s, "\u0085") + strings.Count(s, "\u2028") + strings.Count(s, "\u2029")
}

func fail(n *yaml.Node, format string, args ...any) error {
	return &tree.Error{Line: n.Line, Err: fmt.Errorf(format, args...)}
}

// reader turns nodes of the library into ours. nodes counts what is written out: a few lines of aliases to aliases can
// stand for more than any machine holds.
type reader struct{ nodes, last int }

func (r *reader) value(n *yaml.Node, depth int) (*tree.Node, error) {
	r.nodes++
	if r.nodes > tree.MaxNodes {
		return nil, fail(n, "more than %d values, those of aliases counted", tree.MaxNodes)
	}
	if depth > tree.MaxDepth {
		return nil, fail(n, "more than %d levels", tree.MaxDepth)
	}
	n.Line = min(n.Line, r.last) // the library puts an empty value at the end into the line after it
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil {
			return nil, fail(n, "an alias of nothing")
		}
		return r.value(n.Alias, depth+1)
	case yaml.ScalarNode:
		return scalar(n)
	case yaml.SequenceNode:
		out := &tree.Node{Kind: tree.List, Line: n.Line}
		for _, c := range n.Content {
			item, err := r.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, item)
		}
		return out, nil
	case yaml.MappingNode:
		return r.mapping(n, depth)
	}
	return nil, fail(n, "want a value")
}

func (r *reader) mapping(n *yaml.Node, depth int) (*tree.Node, error) {
	out := &tree.Node{Kind: tree.Map, Line: n.Line}
	lines := make(map[string]int)
	var bases []*tree.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		v, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			bases = append(bases, v)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			return nil, fail(k, "want a plain key")
		}
		if first := lines[k.Value]; first > 0 {
			return nil, fail(k, "key %.40q for the second time, first in line %d", k.Value, first)
		}
		lines[k.Value] = k.Line
		if v.Kind == tree.Map || v.Kind == tree.List {
			v.Line = k.Line // in block style it begins in the next line, and as an alias elsewhere
		}
		out.Fields = append(out.Fields, tree.Field{Key: k.Value, Line: k.Line, Value: v})
	}
	for _, base := range bases {
		if err := r.inherit(out, lines, base); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inherit adds what out does not have yet of a mapping, or of several.
func (r *reader) inherit(out *tree.Node, have map[string]int, base *tree.Node) error {
	if base.Kind == tree.List {
		for _, b := range base.Items {
			if b.Kind != tree.Map {
				return &tree.Error{Line: b.Line, Err: errors.New("<< wants a mapping, or a list of mappings")}
			}
			if err := r.inherit(out, have, b); err != nil {
				return err
			}
		}
		return nil
	}
	if base.Kind != tree.Map {
		return &tree.Error{Line: base.Line, Err: errors.New("<< wants a mapping, or a list of mappings")}
	}
	for _, f := range base.Fields {
		if have[f.Key] == 0 {
			have[f.Key] = max(f.Line, 1)
			out.Fields = append(out.Fields, f)
		}
	}
	return nil
}

func scalar(n *yaml.Node) (*tree.Node, error) {
	out := &tree.Node{Line: n.Line, Text: n.Value}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		out.Text = ""
	case "!!bool":
		out.Kind = tree.Bool
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, fail(n, "%.40q, want true or false", n.Value)
		}
		out.Text = strconv.FormatBool(b)
	case "!!int":
		// In decimal, whatever it was written in; what does not fit stays, for the decoder to refuse.
		out.Kind = tree.Number
		var i int64
		var u uint64
		if n.Decode(&i) == nil {
			out.Text = strconv.FormatInt(i, 10)
		} else if n.Decode(&u) == nil {
			out.Text = strconv.FormatUint(u, 10)
		}
	case "!!float":
		out.Kind = tree.Number
	case "!!str", "!!timestamp":
		out.Kind = tree.String
	default:
		return nil, fail(n, "the tag %.40s has no meaning here", tag)
	}
	return out, nil
}
