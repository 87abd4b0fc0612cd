package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ParseJSON reads a JSON document. A key that is there twice, text after the end, and a document that is larger or
// deeper than the limits are errors, as is all that is not JSON; they name the line.
func ParseJSON(data []byte) (*Node, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(data), MaxBytes)
	}
	r := jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1}
	if !utf8.Valid(data) {
		for len(data) > 0 {
			c, size := utf8.DecodeRune(data)
			if c == utf8.RuneError && size == 1 {
				break
			}
			data = data[size:]
		}
		return nil, r.fail(len(r.data)-len(data), "not UTF-8")
	}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.ahead("more text after the end of the document")
	}
	return n, nil
}

// jsonReader reads token by token, because then it knows the line of each.
type jsonReader struct {
	data  []byte
	dec   *json.Decoder
	nodes int

	line, counted int // the line of the byte at counted
}

func (r *jsonReader) value(depth int) (*Node, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	r.nodes++
	n := &Node{Line: r.at(int(r.dec.InputOffset()))}
	if depth > MaxDepth {
		return nil, &Error{Line: n.Line, Err: fmt.Errorf("more than %d levels", MaxDepth)}
	}
	if r.nodes > MaxNodes {
		return nil, &Error{Line: n.Line, Err: fmt.Errorf("more than %d values", MaxNodes)}
	}
	switch t := t.(type) {
	case nil:
		n.Kind = Null
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(t)
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case string:
		n.Kind, n.Text = String, t
	case json.Delim:
		if t == '[' {
			n.Kind = List
			return n, r.list(n, depth)
		}
		n.Kind = Map
		return n, r.object(n, depth)
	}
	return n, nil
}

func (r *jsonReader) list(n *Node, depth int) error {
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := r.next()
	return err
}

func (r *jsonReader) object(n *Node, depth int) error {
	seen := make(map[string]int)
	for r.dec.More() {
		t, err := r.next()
		if err != nil {
			return err
		}
		key, _ := t.(string) // the decoder lets nothing else be a key
		line := r.at(int(r.dec.InputOffset()))
		if first := seen[key]; first > 0 {
			return &Error{Line: line, Err: fmt.Errorf("key %.40q for the second time, first in line %d", key, first)}
		}
		seen[key] = line
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Fields = append(n.Fields, Field{key, line, v})
	}
	_, err := r.next()
	return err
}

func (r *jsonReader) next() (json.Token, error) {
	t, err := r.dec.Token()
	if err == nil {
		return t, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, r.fail(len(r.data), "the document ends too early")
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, r.ahead("not JSON: %w", bad)
	}
	return nil, r.ahead("not JSON: %w", err)
}

// ahead is an error about what comes next.
func (r *jsonReader) ahead(format string, args ...any) error {
	i := int(r.dec.InputOffset())
	for i < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[i]) >= 0 {
		i++
	}
	return r.fail(i, format, args...)
}

func (r *jsonReader) fail(offset int, format string, args ...any) error {
	return &Error{Line: r.at(offset), Err: fmt.Errorf(format, args...)}
}

// at returns the line of the byte before offset, which never gets less.
func (r *jsonReader) at(offset int) int {
	if offset > r.counted {
		r.line += bytes.Count(r.data[r.counted:offset], []byte("\n"))
		r.counted = offset
	}
	return r.line
}
