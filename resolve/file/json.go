package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rota-go/rota"
)

// jsonReader reads the few forms that a file may have token by token, because then it knows the line of each.
type jsonReader struct {
	list    *list
	content []byte
	dec     *json.Decoder

	lines, counted int // how many line ends the first bytes have, and how many bytes that are
}

func parseJSON(l *list, content []byte) error {
	r := jsonReader{list: l, content: content, dec: json.NewDecoder(bytes.NewReader(content))}
	r.dec.UseNumber()
	t, err := r.next()
	if err != nil {
		return err
	}
	if t == json.Delim('[') {
		err = r.instances()
	} else {
		err = r.document()
	}
	if err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return r.ahead("more text after the end of the JSON")
	}
	return nil
}

// document reads {"instances": […]}, of which the first brace is read.
func (r *jsonReader) document() error {
	seen := false
	return r.members(func(key string) error {
		if key != "instances" {
			return r.behind("unknown key %.40q, want \"instances\"", key)
		}
		if seen {
			return r.behind("instances is given twice")
		}
		seen = true
		t, err := r.next()
		if err != nil {
			return err
		}
		if t != json.Delim('[') {
			return r.behind("instances is no array")
		}
		return r.instances()
	})
}

// instances reads an array, of which the bracket is read.
func (r *jsonReader) instances() error {
	for r.dec.More() {
		t, err := r.next()
		if err != nil {
			return err
		}
		line := r.line()
		var inst rota.Instance
		switch t := t.(type) {
		case string:
			inst.Addr = t
		case json.Delim:
			if t != '{' {
				return r.behind("an array in the array, want addresses or {\"addr\": …}")
			}
			if inst, err = r.instance(); err != nil {
				return err
			}
		default:
			return r.behind("%v is no address, want a string or {\"addr\": …}", t)
		}
		if err := r.list.add(line, inst); err != nil {
			return err
		}
	}
	_, err := r.next() // the other bracket
	return err
}

// instance reads {"addr": "…", "weight": n, "priority": n}, of which the brace is read.
func (r *jsonReader) instance() (rota.Instance, error) {
	var inst rota.Instance
	seen := make(map[string]bool)
	err := r.members(func(key string) error {
		if key != "addr" && key != "weight" && key != "priority" {
			return r.behind("unknown key %.40q, want \"addr\", \"weight\" or \"priority\"", key)
		}
		if seen[key] {
			return r.behind("%s is given twice", key)
		}
		seen[key] = true
		t, err := r.next()
		if err != nil {
			return err
		}
		switch v := t.(type) {
		case string:
			if key == "addr" {
				inst.Addr = v
				return nil
			}
		case json.Number:
			if key != "addr" {
				return r.list.set(r.line(), &inst, key, v.String())
			}
		}
		if key == "addr" {
			return r.behind("addr is no string")
		}
		return r.behind("%s is no number", key)
	})
	if err == nil && !seen["addr"] {
		err = r.behind("an instance has no \"addr\"")
	}
	return inst, err
}

// members reads an object, of which the brace is read; f is called after each key and reads the value.
func (r *jsonReader) members(f func(key string) error) error {
	for r.dec.More() {
		t, err := r.next()
		if err != nil {
			return err
		}
		if err := f(fmt.Sprint(t)); err != nil { // JSON has no other key than a string
			return err
		}
	}
	_, err := r.next() // the other brace
	return err
}

func (r *jsonReader) next() (json.Token, error) {
	t, err := r.dec.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, r.ahead("the JSON ends too early, want its last bracket")
	}
	if err != nil {
		return nil, r.ahead("%v", err)
	}
	return t, nil
}

// line is that of the last token. It counts on from where it counted last: there may be many.
func (r *jsonReader) line() int {
	at := int(r.dec.InputOffset())
	r.lines += bytes.Count(r.content[r.counted:at], []byte("\n"))
	r.counted = at
	return 1 + r.lines
}

// behind is an error of the last token.
func (r *jsonReader) behind(format string, args ...any) error {
	return r.list.errorf(r.line(), format, args...)
}

// ahead is an error of what follows the last token.
func (r *jsonReader) ahead(format string, args ...any) error {
	at := min(int(r.dec.InputOffset()), len(r.content))
	rest := r.content[at:]
	at += len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
	return r.list.errorf(lineAt(r.content, at), format, args...)
}
